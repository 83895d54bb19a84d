import type { Wait } from "../core/waits.ts";
import { type Command, command, JSON_OPTION, RUN_WORD } from "./command.ts";
import { baseDirOf, readRuns, runsMeant } from "./live-runs.ts";
import { paint } from "./paint.ts";
import { type SaidWait, sayWait } from "./say-wait.ts";
import { plain, wrapped } from "./table.ts";
import type { RunView, Screen, World } from "./world.ts";

/** The rule, what waits for what, is `core/waits.ts`; the sentences are `say-wait.ts`. */
export const why: Command = command({
  name: "why",
  does: "who waits for whom and for what, and what would help",
  about: [
    "Says in sentences what a run waits for, and since when: your answer, a slot, a limit, a task of somebody else's, mail that something holds, the end of a wait after an error, a word after you have stopped a member, a process that moves the run at all. Under it stands the command or key that would help, if one would.",
    "Without a name it explains the runs that are led from this directory. It reads files only and changes nothing.",
  ],
  words: [RUN_WORD],
  options: JSON_OPTION,
  examples: [
    { line: "flotilla why", does: "why nothing moves here" },
    {
      line: "flotilla why nightly --json",
      does: "for a program; each wait with its kind, its text and its fields",
    },
  ],
  async start(world, { words: [wanted], options, screen }) {
    const baseDir = baseDirOf(world);
    const { views } = await readRuns(world, baseDir);
    if (views.length === 0 && wanted === undefined) {
      const text = options.json ? JSON.stringify({ runs: [] }, null, 2) : `No live runs in ${baseDir}.`;
      return { text, code: 0 };
    }
    const runs: Explained[] = [];
    for (const view of runsMeant(world, views, wanted)) runs.push(await explained(world, baseDir, view));
    const text = options.json
      ? JSON.stringify({ runs: runs.map(report) }, null, 2)
      : runs.map((run) => sayRun(run, screen)).join("\n\n");
    return { text, code: 0 };
  },
});

interface Explained {
  readonly view: RunView;
  readonly waits: readonly (Wait & SaidWait)[];
}

async function explained(world: World, baseDir: string, view: RunView): Promise<Explained> {
  const mail = await world.openRuns(baseDir).readWaitingMail(view);
  return {
    view,
    waits: world.waitsOf(view, mail).map((wait) => ({ ...wait, ...sayWait(world, view, wait) })),
  };
}

function report({ view: { state }, waits }: Explained): object {
  const { runId, team, label } = state;
  return { runId, team: team.name, label, waits };
}

/** Where nobody looks. */
const WIDTH = 80;

function sayRun({ view: { state }, waits }: Explained, screen: Screen): string {
  const { runId, team, label } = state;
  const { width = WIDTH } = screen;
  const heading = `${team.name}${label === undefined ? "" : ` (${label})`}  ${runId}`;
  return [
    paint(screen, "bold", plain(heading)),
    ...verdict(waits).map((line) => `  ${line}`),
    ...waits.flatMap((wait) => [
      ...wrapped(wait.text, width - 4).map((line, index) => (index === 0 ? `  - ${line}` : `    ${line}`)),
      ...sayHelp(wait, screen, width),
    ]),
  ].join("\n");
}

function verdict(waits: readonly Wait[]): readonly string[] {
  if (waits.length === 0) return ["Nothing waits: nobody works, no mail is unread and no task is held up."];
  return waits.every(({ kind }) => kind === "turn") ? ["Nothing is held up."] : [];
}

/** The command on a line of its own if what is said of it does not fit beside it. */
function sayHelp({ todo, besides }: SaidWait, screen: Screen, width: number): readonly string[] {
  if (todo === undefined) return [];
  const line = INDENT + paint(screen, "cyan", todo);
  if (besides === undefined) return [line];
  const fits = INDENT.length + todo.length + besides.length + 4 <= width;
  return fits ? [`${line}  (${besides})`] : [line, `${INDENT}(${besides})`];
}

const INDENT = " ".repeat(6);
