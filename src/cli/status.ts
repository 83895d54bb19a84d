import { type Command, command, JSON_OPTION, RUN_WORD } from "./command.ts";
import { baseDirOf, readRuns, runsCalled } from "./live-runs.ts";
import { reportRun } from "./report-run.ts";
import { sayRun } from "./say-run.ts";
import { plain } from "./table.ts";

/** The live runs, or the one that is meant, as they lie on disk: no lock is taken and no process is asked. */
export const status: Command = command({
  name: "status",
  does: "the live runs, their members, mail and tasks",
  about: [
    "Reads files only: it waits for no lock and asks no process, so it works whether OpenCode runs or not.",
  ],
  words: [RUN_WORD],
  options: JSON_OPTION,
  examples: [
    { line: "flotilla status", does: "all live runs" },
    { line: "flotilla status explorers", does: "the runs of one team" },
  ],
  async start(world, { words: [run], options, screen }) {
    const baseDir = baseDirOf(world);
    const { views, unreadable } = await readRuns(world, baseDir);
    const chosen = run === undefined ? views : runsCalled(views, run);
    if (options.json) {
      const text = JSON.stringify({ baseDir, runs: chosen.map(reportRun), unreadable }, null, 2);
      return { text, code: 0 };
    }
    const blocks = chosen.length === 0 ? [`No live runs in ${baseDir}.`] : [];
    blocks.push(...chosen.map((view) => sayRun(world, screen, view)));
    const broken = unreadable.map(({ path, fault }) => plain(`Not readable: ${path}: ${fault}`));
    if (broken.length > 0) blocks.push(broken.join("\n"));
    return { text: blocks.join("\n\n"), code: 0 };
  },
});
