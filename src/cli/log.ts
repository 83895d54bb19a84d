import type { RunState } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import { type Command, command, JSON_OPTION, RUN_WORD } from "./command.ts";
import { follow, type Look } from "./follow.ts";
import { anyRun, baseDirOf } from "./live-runs.ts";
import { type Paint, paint } from "./paint.ts";
import { plain, plainLines } from "./table.ts";
import { dayOf, timeOfDay } from "./time.ts";
import { type Moment, timelineOf } from "./timeline.ts";
import type { RunHistory, Screen } from "./world.ts";

/** The order of what happened is `timeline.ts`, its words are `say-event.ts`. */
export const log: Command = command({
  name: "log",
  does: "what has happened in a run, one line each",
  about: [
    "Tells a run from its journal and its mail: who joined, worked, wrote to whom, took which task, waited for you, and how it ended. Runs that are over can be read for 7 days; without a name it is the run that is led from this directory, or the last one that was.",
    "What was written is shown only with --mail. Control characters in it are made harmless.",
  ],
  words: [RUN_WORD],
  options: {
    follow: { short: "f", does: "goes on with what happens, until the run is over or Ctrl-C" },
    member: { value: "NAME", does: "only what is about that member, or lead" },
    mail: { does: "also what was written" },
    ...JSON_OPTION,
  },
  examples: [
    { line: "flotilla log", does: "what has happened here so far" },
    { line: "flotilla log -f --member ada", does: "what ada does, as it happens" },
    { line: "flotilla log nightly --mail | less", does: "all that was said" },
  ],
  async start(world, { words: [wanted], options, screen, terminal }) {
    const baseDir = baseDirOf(world);
    const runs = world.openRuns(baseDir);
    const runId = await anyRun(world, baseDir, wanted);
    const lines = options.json ? asJson(options.mail) : asLines(screen, options.mail);
    const shown = new Set<string>();
    const look = async (): Promise<Look> => {
      const history = await runs.readHistory(runId);
      const { state, path, isArchived, unreadable } = history;
      if (options.member !== undefined) checkMember(state, options.member);
      const news = timelineOf(history).filter(
        ({ key, who }) => !shown.has(key) && (options.member === undefined || who.includes(options.member)),
      );
      const broken = unreadable.filter((file) => !shown.has(file.path));
      const said = [
        ...(shown.size === 0 && !options.json ? [heading(history, screen)] : []),
        ...lines(news),
        ...broken.map((file) => plain(`Not readable: ${file.path}: ${file.fault}`)),
      ];
      // Also without any news: the heading stands there once.
      for (const key of ["", ...news.map(({ key }) => key), ...broken.map((file) => file.path)])
        shown.add(key);
      if (said.length > 0) terminal.print(`${said.join("\n")}\n`);
      return { folders: [path], isLast: isArchived };
    };
    if (options.follow) await follow(world, terminal, look);
    else await look();
    return { code: 0 };
  },
});

function checkMember({ members }: RunState, wanted: string): void {
  const names = ["lead", "system", "person", ...Object.keys(members)];
  if (names.includes(wanted)) return;
  throw new FlotillaError({
    code: "member_unknown",
    message: `"${wanted}" is nobody in that run`,
    hint: `There are: ${names.join(", ")}.`,
  });
}

function heading({ state, isArchived }: RunHistory, screen: Screen): string {
  const { runId, team, label, status } = state;
  const name = `${team.name}${label === undefined ? "" : ` (${label})`}  ${runId}`;
  return `${paint(screen, "bold", plain(name))}  ${isArchived ? "over" : status}`;
}

function asJson(withMail: boolean): (moments: readonly Moment[]) => readonly string[] {
  return (moments) =>
    moments.map(({ key: _key, body, summary, ...moment }) =>
      JSON.stringify(withMail ? { ...moment, summary, body } : moment),
    );
}

/** Beside what was written, so that nobody takes it for a line of ours. */
const MARGIN = "          | ";

/** Lines of the timeline; the day stands over the first of it. */
function asLines(screen: Screen, withMail: boolean): (moments: readonly Moment[]) => readonly string[] {
  let today: string | undefined;
  return (moments) =>
    moments.flatMap((moment) => {
      const day = dayOf(moment.at);
      const isNew = day !== today;
      today = day;
      return [...(isNew ? [paint(screen, "dim", day)] : []), ...linesOf(moment, screen, withMail)];
    });
}

function linesOf(moment: Moment, screen: Screen, withMail: boolean): readonly string[] {
  const { at, event, text, body, summary } = moment;
  const colour = COLOURS[event];
  const said = plain(text);
  const first = `${paint(screen, "dim", timeOfDay(at))}  ${colour ? paint(screen, colour, said) : said}`;
  if (!withMail || body === undefined) return [first];
  const written = [...(summary === undefined ? [] : [`[${plain(summary)}]`]), ...plainLines(body)];
  return [first, ...written.map((line) => paint(screen, "dim", MARGIN) + line)];
}

/** What a person should not overlook. */
const COLOURS: Readonly<Record<string, Paint>> = {
  member_needs_approval: "yellow",
  member_interrupted: "yellow",
  member_failed: "red",
  member_lost: "red",
  messages_given_up: "red",
  volley_stopped: "yellow",
  budget_reached: "yellow",
  run_quiet: "yellow",
  run_failed: "red",
  run_orphaned: "yellow",
  worktree_kept: "yellow",
  task_completed: "green",
  run_closed: "green",
};
