import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { readReport } from "../app/read-report.ts";
import { FlotillaError } from "../errors.ts";
import { type Command, command, RUN_WORD } from "./command.ts";
import { anyRun, baseDirOf } from "./live-runs.ts";
import { pageOf } from "./report-page.ts";

/** Writes a run as one page that needs nothing else: no network, no server, no other file. */
export const report: Command = command({
  name: "report",
  does: "a run as one page to open in a browser: who did what when, mail, tasks, cost",
  about: [
    "Writes a page with a lane for everybody: turns, model calls, tools, waits for a person, tasks, and mail as arrows from sender to reader. It loads nothing, so it can be kept, sent or opened anywhere.",
    "It is made of the run's journal, also of a run that is over. Subjects of tasks and summaries of messages are in it; texts of messages, arguments and results are not. What goes on is shown as far as it had come: write it again to see more.",
  ],
  words: [RUN_WORD],
  options: {
    html: { value: "FILE", does: "where the page goes" },
    force: { short: "f", does: "replaces a file that is there" },
  },
  examples: [
    {
      line: "flotilla report --html run.html",
      does: "the run that is led from here, or the last one that was",
    },
    { line: "flotilla report nightly --html nightly.html --force", does: "once more, over the old page" },
  ],
  async start(world, { words: [wanted], options: { html, force } }) {
    if (html === undefined) throw noFile();
    const path = resolve(html);
    const baseDir = baseDirOf(world);
    const runId = await anyRun(world, baseDir, wanted);
    const runs = world.openRuns(baseDir);
    const { state, journal, mail } = await runs.readHistory(runId);
    const { tasks } = await runs.read(runId);
    const sources = { runId, team: state.team.name, journal, mail, tasks };
    const page = pageOf(readReport(sources, world.traced(runId)));
    write(path, page, force);
    return { text: `Wrote ${path} (${Math.ceil(Buffer.byteLength(page) / 1_024)} kB).`, code: 0 };
  },
});

/** What somebody has in a file is not replaced by the way. */
function write(path: string, page: string, force: boolean): void {
  try {
    writeFileSync(path, page, { flag: force ? "w" : "wx" });
  } catch (cause) {
    throw notWritten(path, cause);
  }
}

function notWritten(path: string, cause: unknown): FlotillaError {
  const { code, message } = cause as NodeJS.ErrnoException;
  return code === "EEXIST"
    ? new FlotillaError({
        code: "argument_invalid",
        message: `${path} is there already`,
        hint: "Name another file, or say --force to replace it.",
        cause,
      })
    : new FlotillaError({
        code: "argument_invalid",
        message: `the page was not written: ${message}`,
        hint: "Name a file that can be written.",
        cause,
      });
}

function noFile(): FlotillaError {
  return new FlotillaError({
    code: "argument_invalid",
    message: "nothing says where the page is to go",
    hint: "Name a file, as in `flotilla report --html run.html`.",
  });
}
