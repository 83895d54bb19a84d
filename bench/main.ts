import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeCommit, describeMachine } from "./machine.ts";
import { MEASUREMENTS } from "./measurements.ts";
import { PAGE, renderReport, renderSection } from "./report.ts";

/**
 * `npm run bench`: measures what flotilla costs, each time against the bare host in the same run, and writes
 * bench/README.md. With `-- --only start,deltas` it measures just those, and the rest of the page stays as it is.
 */
const { values } = parseArgs({ options: { only: { type: "string" } } });
const known = Object.keys(MEASUREMENTS);
const chosen = values.only?.split(",").map((name) => name.trim()) ?? known;
const unknown = chosen.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`No such measurement: ${unknown.join(", ")}. There are: ${known.join(", ")}.`);
  process.exit(2);
}

for (const name of chosen) {
  console.error(`${name} …`);
  const provenance = { machine: describeMachine(), commit: describeCommit(), measuredAt: new Date() };
  const startedAt = performance.now();
  const section = await MEASUREMENTS[name]!();
  console.error(`${name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  console.log(`${renderSection(section, provenance)}\n`);
  // At once: a later measurement that breaks off takes nothing with it.
  writeFileSync(PAGE, renderReport(readFileSync(PAGE, "utf8"), [section], provenance));
}
