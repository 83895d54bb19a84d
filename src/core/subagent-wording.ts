import type { TaskCall } from "./facts.ts";
import { hasRemains, type Interruption, type Remains } from "./subagent-ending.ts";
import type { NamedSubagent } from "./subagents.ts";

/** What a model reads about its interrupted subagents. */

/** First line of every note, whatever it then says: other plugins write the same, and one is enough. */
export const NOTE_MARK = "[task partial state available]";

/** Whether the result has a note already, ours or another plugin's. */
export function hasNote({ output, error }: TaskCall): boolean {
  return `${output ?? ""}\n${error ?? ""}`.split("\n").some((line) => line.startsWith(NOTE_MARK));
}

const REASONS: Readonly<Record<Interruption, string>> = {
  rejected:
    "a person declined a call that it made. That is no outage: ask before you let it try the same again",
  aborted: "it was stopped from outside, by a person or together with the turn that waited for it",
  provider: "the provider of its model failed",
  provider_fatal:
    "the provider of its model refused, for a cause that persists: going on ends in the same way until that is mended",
  empty: "it ended without a word of result",
  crashed: "the OpenCode that ran it died",
  unknown: "it failed; what became of it is not known for certain",
};

export interface NoteFacts {
  readonly ending: Interruption;
  /** Absent if the host could not be asked. */
  readonly remains?: Remains;
  /** Its context is full. */
  readonly tooLong: boolean;
  /** Processes of shells that it had started, still there. */
  readonly pids: readonly number[];
}

/** The whole note, as it follows the result of the call. */
export function noteText({ name, agent, sessionId }: NamedSubagent, facts: NoteFacts): string {
  const { ending, remains, tooLong, pids } = facts;
  const reason = tooLong ? "its context is full: a new subagent gets further than this one" : REASONS[ending];
  return [
    NOTE_MARK,
    `The ${agent} subagent did not finish: ${reason}.`,
    remainsText(remains),
    ...(pids.length === 0 ? [] : [survivorsText(pids)]),
    `Its session is kept as ${name} (${sessionId}). To let it go on, call task with task_id "${name}" and subagent_type "${agent}"; what it knows need not be said again. Nothing goes on by itself.`,
  ].join("\n");
}

function remainsText(remains: Remains | undefined): string {
  if (remains === undefined) return "Whether it has saved work could not be checked.";
  if (!hasRemains(remains)) return `It has ${sayRemains(remains)}: starting anew loses nothing.`;
  return `Found in its session: ${sayRemains(remains)}.`;
}

export function sayRemains(remains: Remains): string {
  const { calls, files, text } = remains;
  if (!hasRemains(remains)) return "no saved work";
  return [
    ...(calls > 0 ? [counted(calls, "completed tool call")] : []),
    ...(files > 0 ? [counted(files, "file")] : []),
    ...(text ? ["text"] : []),
  ].join(", ");
}

function survivorsText(pids: readonly number[]): string {
  const one = pids.length === 1;
  return `${one ? "A shell command" : "Shell commands"} that it had started still ran when this was found: pid ${pids.join(", ")}. Look before you start ${one ? "it" : "them"} again.`;
}

const OPEN = "<resumable_sessions>";
const CLOSE = "</resumable_sessions>";
const HEAD =
  "Subagents of yours that were interrupted. To let one go on, call task with its name as task_id and the same subagent_type. Nothing goes on by itself.";

/** The bounds of the section (requirement REC-17). */
const MAX_PER_AGENT = 2;
const MAX_LISTED = 10;
const MAX_SECTION = 1_500;

/**
 * The section of the system prompt; undefined if there is nothing to list. It says nothing that changes while an entry is
 * listed: each change costs the provider's cache of the whole conversation.
 */
export function sectionText(open: readonly NamedSubagent[]): string | undefined {
  const rows = listed(open).map(
    ({ name, sessionId, agent, label }) => `- ${name} (${sessionId}), ${agent}: ${label}`,
  );
  while (sectionOf(rows).length > MAX_SECTION) rows.shift();
  return rows.length === 0 ? undefined : sectionOf(rows);
}

function sectionOf(rows: readonly string[]): string {
  return [OPEN, HEAD, ...rows, CLOSE].join("\n");
}

/** The most recent ones, in the order in which they stand. */
function listed(open: readonly NamedSubagent[]): readonly NamedSubagent[] {
  const recent = open.toSorted((one, other) => other.usedAt - one.usedAt);
  const taken = new Map<string, number>();
  const chosen = recent.filter(({ agent }) => {
    const count = (taken.get(agent) ?? 0) + 1;
    taken.set(agent, count);
    return count <= MAX_PER_AGENT;
  });
  const most = new Set(chosen.slice(0, MAX_LISTED));
  return open.filter((one) => most.has(one));
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
