import { join } from "node:path";
import { Canvas } from "./canvas.ts";
import { type Command, command, JSON_OPTION, RUN_WORD } from "./command.ts";
import { follow } from "./follow.ts";
import { type AllRuns, baseDirOf, isCalled, isLedIn, readRuns, runsCalled } from "./live-runs.ts";
import { reportRun } from "./report-run.ts";
import { sayRun } from "./say-run.ts";
import { plain } from "./table.ts";
import type { RunView, Screen, World } from "./world.ts";

/** The live runs, or the one that is meant, as they lie on disk: no lock is taken and no process is asked. */
export const status: Command = command({
  name: "status",
  does: "the live runs, their members, mail and tasks",
  about: [
    "Reads files only: it waits for no lock and asks no process, so it works whether OpenCode runs or not. What a process kept up that is gone is shown as lost.",
  ],
  words: [RUN_WORD],
  options: {
    watch: { short: "w", does: "shows it anew whenever it changes, until Ctrl-C" },
    line: { does: "one short line for each run that is led from here: for a prompt or a bar" },
    ...JSON_OPTION,
  },
  examples: [
    { line: "flotilla status", does: "all live runs" },
    { line: "flotilla status explorers --watch", does: "the runs of one team, as they go on" },
    {
      line: "set -g status-right '#(cd #{pane_current_path} && flotilla status --line)'",
      does: "in ~/.tmux.conf",
    },
  ],
  async start(world, { words: [run], options, screen, terminal }) {
    const baseDir = baseDirOf(world);
    const asWords = options.line ? asLines(world) : asText(world, baseDir);
    const say = options.json ? asJson(world, baseDir) : asWords;
    const meant = ({ views, unreadable }: AllRuns): AllRuns => {
      if (run !== undefined) return { views: views.filter(({ state }) => isCalled(run, state)), unreadable };
      if (!options.line) return { views, unreadable };
      return { views: views.filter(({ state }) => isLedIn(world.project, state)), unreadable };
    };
    const first = await readRuns(world, baseDir);
    if (run !== undefined) runsCalled(first.views, run);
    if (!options.watch) return { text: say(meant(first), screen), code: 0 };
    const canvas = new Canvas(terminal);
    let last = "";
    try {
      await follow(world, terminal, async () => {
        const all = await readRuns(world, baseDir);
        const chosen = meant(all);
        last = say(chosen, terminal.screen());
        canvas.show(last);
        const folders = all.views.map(({ state }) => join(baseDir, "runs", state.runId));
        return {
          folders: [join(baseDir, "runs"), ...folders],
          isLast: run !== undefined && chosen.views.length === 0,
        };
      });
    } finally {
      canvas.close();
    }
    // What was on the screen went with it.
    return screen.height === undefined ? { code: 0 } : { text: last, code: 0 };
  },
});

type Say = (runs: AllRuns, screen: Screen) => string;

function asJson(world: World, baseDir: string): Say {
  return ({ views, unreadable }) =>
    JSON.stringify({ baseDir, runs: views.map((view) => reportRun(world, view)), unreadable }, null, 2);
}

/** What the owner shows; of a run that nobody moves, that. */
function asLines({ sayLine }: World): Say {
  const line = ({ shown, owner, state: { team, status } }: RunView): string => {
    if (shown) return sayLine(shown);
    if (!owner) return plain(`${team.name}: at rest`);
    return plain(`${team.name}: ${owner.alive ? status : "lost"}`);
  };
  return ({ views }) => views.map(line).join("\n");
}

function asText(world: World, baseDir: string): Say {
  return ({ views, unreadable }, screen) => {
    const blocks = views.length === 0 ? [`No live runs in ${baseDir}.`] : [];
    blocks.push(...views.map((view) => sayRun(world, screen, view)));
    const broken = unreadable.map(({ path, fault }) => plain(`Not readable: ${path}: ${fault}`));
    if (broken.length > 0) blocks.push(broken.join("\n"));
    return blocks.join("\n\n");
  };
}
