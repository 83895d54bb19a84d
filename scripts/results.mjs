/**
 * Reads the JUnit report of `bun test`. Only what really ran and held is `passed`: a skipped or unwritten test is a
 * promise that nobody checked, and counts as failed. `files` are those of which at least one test is in the report.
 */
export function readReport(xml) {
  const failures = [];
  const files = new Set();
  let passed = 0;
  for (const [, attributes, body = ""] of xml.matchAll(
    /<testcase\b((?:"[^"]*"|[^>"])*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g,
  )) {
    const file = attribute(attributes, "file");
    files.add(file);
    const [, outcome] = body.match(/<(failure|error|skipped)\b/) ?? [];
    if (outcome === undefined) passed += 1;
    else {
      const title = [attribute(attributes, "classname"), attribute(attributes, "name")].filter(Boolean);
      failures.push(`${file}: ${title.join(" > ")}: ${outcome}`);
    }
  }
  return { passed, failures, files };
}

function attribute(attributes, name) {
  const [, value = ""] = attributes.match(new RegExp(`\\b${name}="([^"]*)"`)) ?? [];
  return value
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
