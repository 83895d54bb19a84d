import type { JournalEntry } from "../effects.ts";
import type { Instant } from "../ids.ts";
import { GEN_AI, TEAM } from "../trace/conventions.ts";
import { text } from "../trace/entry.ts";
import type { Span } from "../trace/span.ts";
import { barsOf, type Draft, Rows } from "./bars.ts";
import { lanesOf, Seats, summed } from "./lanes.ts";
import { type Mail, type Post, postOf } from "./letters.ts";
import type { Bar, Letter, Report, ReportedRun, TaskLife } from "./report.ts";
import { shown } from "./shown.ts";
import { type ListedTask, taskHistory } from "./tasks.ts";

/** What is there of a run to make a page of. */
export interface Sources {
  readonly runId: string;
  readonly team: string;
  readonly journal: readonly JournalEntry[];
  /** The journal's. */
  readonly spans: readonly Span[];
  readonly mail: readonly Mail[];
  readonly tasks: readonly ListedTask[];
}

/**
 * How much a page holds: ten times a run of 2,000 messages, and little enough that a browser opens it at once. Of more, the
 * newest.
 */
const BARS_MAX = 40_000;
const LETTERS_MAX = 20_000;
const TASKS_MAX = 2_000;

/** The same sources make the same report. */
export function reportOf({ runId, team, journal, spans, mail, tasks }: Sources): Report {
  const root = spans.find((span) => span.attributes[GEN_AI.operation] === "invoke_workflow");
  const lastAt = root?.endedAt ?? journal.at(-1)?.at ?? 0;
  const history = taskHistory(journal, tasks, lastAt);
  const posts = postOf(journal, mail);
  const drafts = [...spans.flatMap((span) => barsOf(span, lastAt)), ...history.bars].toSorted(
    (one, other) => one.from - other.from,
  );
  const begun = [root?.startedAt, journal[0]?.at, drafts[0]?.from, posts[0]?.sentAt];
  const startedAt = Math.min(...begun.filter((at) => at !== undefined), lastAt);

  const names = seated(journal, drafts, posts);
  const laneOf = new Map(names.map((name, index) => [name, index]));
  const rows = new Rows();
  const bars = drafts.map((draft) => barOf(draft, laneOf.get(draft.who) ?? 0, rows, startedAt));
  const letters = posts.map((post) => letterOf(post, laneOf, startedAt));
  const lives = history.lives.map((life) => since(life, startedAt));
  const lanes = lanesOf(names, bars, letters);
  const lastEnd = bars.reduce((end, bar) => Math.max(end, bar.to), lastAt - startedAt);
  return {
    run: { ...told(root), runId, team: shown(team), startedAt, lengthMs: lastEnd },
    lanes,
    bars: bars.slice(-BARS_MAX),
    letters: letters.slice(-LETTERS_MAX),
    tasks: lives.slice(-TASKS_MAX),
    totals: summed(lanes),
    leftOut: {
      bars: Math.max(0, bars.length - BARS_MAX),
      letters: Math.max(0, letters.length - LETTERS_MAX),
      tasks: Math.max(0, lives.length - TASKS_MAX),
    },
  };
}

function told(root: Span | undefined): Pick<ReportedRun, "label" | "isOver" | "error"> {
  const label = text(root?.attributes[TEAM.runLabel]);
  return {
    isOver: root !== undefined && !root.open,
    ...(label === undefined ? {} : { label: shown(label) }),
    ...(root?.error === undefined ? {} : { error: shown(root.error) }),
  };
}

/** Members in the order in which they joined. */
function seated(
  journal: readonly JournalEntry[],
  drafts: readonly Draft[],
  posts: readonly Post[],
): readonly string[] {
  const seats = new Seats();
  for (const { event, member } of journal)
    if (event === "member_added" && typeof member === "string") seats.add(member);
  for (const { who } of drafts) seats.add(who);
  for (const { from, to } of posts) for (const name of [from, to]) seats.add(name);
  return seats.names();
}

function barOf({ who: _who, ...draft }: Draft, lane: number, rows: Rows, startedAt: Instant): Bar {
  const [from, to] = [draft.from - startedAt, draft.to - startedAt];
  return { ...draft, from, to, lane, row: rows.place(lane, draft.kind, from, to) };
}

function letterOf(post: Post, laneOf: ReadonlyMap<string, number>, startedAt: Instant): Letter {
  const { from, to, sentAt, readAt, ...rest } = post;
  return {
    ...rest,
    from: laneOf.get(from) ?? 0,
    to: laneOf.get(to) ?? 0,
    sentAt: sentAt - startedAt,
    ...(readAt === undefined ? {} : { readAt: readAt - startedAt }),
  };
}

function since(life: TaskLife, startedAt: Instant): TaskLife {
  return { ...life, steps: life.steps.map((step) => ({ ...step, at: step.at - startedAt })) };
}
