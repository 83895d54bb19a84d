import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeCommit, describeMachine } from "./machine.ts";
import { MEASUREMENTS } from "./measurements.ts";
import { PAGE, renderReport, renderSection } from "./report.ts";
import type { Section } from "./section.ts";

/**
 * `npm run bench`: measures what flotilla costs, each time against the bare host in the same run, and writes
 * bench/README.md. With `-- --only start,deltas` it measures just those and prints them; the page stays as it is.
 */
const { values } = parseArgs({ options: { only: { type: "string" } } });
const known = Object.keys(MEASUREMENTS);
const chosen = values.only?.split(",").map((name) => name.trim()) ?? known;
const unknown = chosen.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`No such measurement: ${unknown.join(", ")}. There are: ${known.join(", ")}.`);
  process.exit(2);
}

const machine = describeMachine();
const sections: Section[] = [];
for (const name of chosen) {
  console.error(`${name} …`);
  const startedAt = performance.now();
  const section = await MEASUREMENTS[name]!();
  console.error(`${name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  sections.push(section);
  console.log(`${renderSection(section)}\n`);
}
if (values.only === undefined) {
  writeFileSync(PAGE, renderReport(sections, { machine, commit: describeCommit(), measuredAt: new Date() }));
  console.error(`written: ${PAGE}`);
}
