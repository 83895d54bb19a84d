import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { build } from "./build.mjs";
import { ROOT, run } from "./process.mjs";
import { readReport } from "./results.mjs";

/** Folders of test/ that take their time. Each has its own command. */
const LONG = ["faults", "chaos", "soak"];

// One test starts real servers and waits for real turns; a hang is still told within a minute.
const TEST_TIMEOUT_MS = 60_000;

// The whole suite is meant to end in 15 minutes on two cores, and takes three times as long on a busy machine. What runs
// longer than this hangs.
const SUITE_DEADLINE_MS = 70 * 60_000;

// A matrix of kills or an hour of load is slow by nature.
const LONG_DEADLINE_MS = 6 * 60 * 60_000;

// Most tests wait for a host most of the time: two at once use what two cores have. More would only wait for each other.
const LANES = 2;

/** Types, lint, build, then every test that is not long. With `only` (files or folders) just those tests. */
export async function testAll(only) {
  const files = testFiles(join(ROOT, "test")).filter(
    (file) => !LONG.some((folder) => file.startsWith(`test/${folder}/`)),
  );
  return conclude([
    await step("types", () => run("tsc", ["--noEmit"])),
    await step("lint", () => run("biome", ["check", "--error-on-warnings"])),
    await step("build", build),
    await bunTest(only.length === 0 ? files : chosen(files, only), {
      deadlineMs: SUITE_DEADLINE_MS,
      lanes: LANES,
    }),
  ]);
}

/** The tests of one folder, with the same account of them at the end. */
export async function testFolder(folder, only, env) {
  const files = testFiles(join(ROOT, folder));
  return conclude([
    await step("build", build),
    await bunTest(only.length === 0 ? files : chosen(files, only), { deadlineMs: LONG_DEADLINE_MS, env }),
  ]);
}

async function step(name, work) {
  console.log(`\n== ${name}`);
  const code = await work();
  return code === 0
    ? { passed: 1, failures: [] }
    : { passed: 0, failures: [`${name}: ended with code ${code}`] };
}

async function bunTest(files, { deadlineMs, env, lanes = 1 }) {
  console.log(`\n== tests, ${files.length} files`);
  if (files.length === 0) return { passed: 0, failures: ["tests: there is not one file"] };
  const folder = mkdtempSync(join(tmpdir(), "flotilla-report-"));
  const report = join(folder, "junit.xml");
  const code = await run(
    "bun",
    [
      "test",
      `--timeout=${TEST_TIMEOUT_MS}`,
      // Without isolation what the files of a lane share, as the command that is built once, they go on sharing.
      ...(lanes > 1 ? [`--parallel=${lanes}`, "--no-isolate"] : []),
      "--reporter=junit",
      `--reporter-outfile=${report}`,
      ...files.map((file) => `./${file}`),
    ],
    // With CI set, bun refuses test.only and does not write missing snapshots.
    { deadlineMs, env: { CI: "true", ...env } },
  );
  const {
    passed,
    failures,
    files: seen,
  } = readReport(existsSync(report) ? readFileSync(report, "utf8") : "");
  rmSync(folder, { recursive: true });
  // A file that fails while it is loaded, or has no test in it, does not show in the report at all.
  const silent = files.filter((file) => !seen.has(file)).map((file) => `${file}: not one test of it ran`);
  const all = [...failures, ...silent];
  if (code !== 0 && all.length === 0) all.push(`bun test: ended with code ${code} though no test failed`);
  return { passed, failures: all };
}

function conclude(outcomes) {
  const failures = outcomes.flatMap((outcome) => outcome.failures);
  const passed = outcomes.reduce((sum, outcome) => sum + outcome.passed, 0);
  if (failures.length > 0) console.log(`\n== what failed\n${failures.join("\n")}`);
  console.log(`\n${passed} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
}

function chosen(files, only) {
  return files.filter((file) => only.some((part) => file.includes(part.replace(/^\.\//, ""))));
}

function testFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join("/"))
    .sort();
}
