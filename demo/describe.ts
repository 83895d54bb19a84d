import { relative } from "node:path";
import { sayEvent } from "../src/cli/say-event.ts";
import type { JournalEntry } from "../src/core/effects.ts";
import type { SessionId } from "../src/core/ids.ts";
import type { Message } from "../src/core/message.ts";
import type { Task } from "../src/core/task.ts";
import { type Fact, participantOf, type RunOnDisk } from "./facts.ts";
import { brief, type Tone } from "./terminal.ts";

/** One entry of the timeline. */
export interface Line {
  readonly who: string;
  /** One character that says what kind of thing happened. */
  readonly mark: string;
  readonly text: string;
  readonly tone?: Tone;
}

/** What the marks mean, in the order in which a reader meets them. */
export const LEGEND =
  "▣ team  ● works  ○ waits  ■ ended  ✉ mail  ☐ task  ▶ taken  ✔ done  ⚙ tool  ✋ refused  ❝ says";

export interface Described {
  readonly runs: readonly RunOnDisk[];
  /** Known before there is a run. */
  readonly leadSessionId: SessionId;
  /** Paths are shown relative to it. */
  readonly work: string;
}

/** Longer texts are cut: a timeline is read in passing. */
const LONGEST_TEXT = 320;
const LONGEST_OUTPUT_LINES = 4;

/** The line for a fact, or undefined if another fact says the same. */
export function describe(fact: Fact, known: Described): Line | undefined {
  switch (fact.kind) {
    case "journal":
      return journalLine(
        fact.entry,
        known.runs.find(({ runId }) => runId === fact.runId),
      );
    case "mail":
      return TOLD_BY_THE_JOURNAL.has(fact.message.kind)
        ? undefined
        : mailLine(fact.message, [fact.message.to]);
    case "tool":
      return toolLine(fact, whoIs(fact.sessionId, known), known.work);
    case "said": {
      const who = whoIs(fact.sessionId, known);
      // What a member says ends in its own session; what of it matters arrives as mail.
      return who === "lead" ? { who, mark: "❝", text: brief(fact.text, LONGEST_TEXT) } : undefined;
    }
    case "trouble":
      return {
        who: fact.sessionId === undefined ? "host" : whoIs(fact.sessionId, known),
        mark: "!",
        text: brief(fact.text, LONGEST_TEXT),
        tone: "red",
      };
  }
}

/** A session of no run is a subagent that somebody started. */
function whoIs(sessionId: SessionId, { runs, leadSessionId }: Described): string {
  return participantOf(runs, sessionId) ?? (sessionId === leadSessionId ? "lead" : "agent");
}

/** Their sending is a line of the journal, with all recipients or with the reason. */
const TOLD_BY_THE_JOURNAL: ReadonlySet<Message["kind"]> = new Set<Message["kind"]>([
  "message",
  "announcement",
  "shutdown_request",
  "shutdown_approved",
  "shutdown_rejected",
]);

function mailLine({ from, kind, body }: Message, to: readonly string[]): Line {
  const label = kind === "message" ? "" : `${kind.replace("_", " ")}: `;
  const text =
    kind === "brief" ? `${brief(body, 60)} (${body.length} characters)` : brief(body, LONGEST_TEXT);
  return {
    who: from,
    mark: "✉",
    text: `to ${to.join(", ")}: ${label}${text}`,
    ...(from === "system" ? { tone: "dim" as const } : {}),
  };
}

function journalLine(entry: JournalEntry, run: RunOnDisk | undefined): Line | undefined {
  const word = (field: string): string => String(entry[field] ?? "");
  const task = run?.tasks.get(Number(entry["taskId"]));
  const member = word("member");
  const by = word("by");
  const reason = entry["reason"] === undefined ? "" : `: ${word("reason")}`;
  switch (entry.event) {
    case "run_created":
      return { who: "lead", mark: "▣", text: `creates the team "${word("team")}", ${run?.runId ?? ""}` };
    case "run_active":
      return { who: "lead", mark: "▣", text: "the team is complete: every member has a session" };
    case "run_closing":
      return {
        who: "lead",
        mark: "▣",
        text: entry["force"] ? "deletes the team by force" : "deletes the team",
      };
    case "run_closed":
      return { who: "lead", mark: "▣", text: "the run is closed and goes to the archive" };
    case "member_added":
      return { who: member, mark: "+", text: `joins as agent ${word("agent")}` };
    case "member_waiting":
      return {
        who: member,
        mark: "○",
        text: isFirst(entry, run) ? "has its session" : "waits for mail",
        tone: "dim",
      };
    case "member_working":
      return { who: member, mark: "●", text: "works", tone: "dim" };
    // The host's own request for permission is the line.
    case "member_needs_approval":
      return undefined;
    case "member_done":
      return { who: member, mark: "■", text: `has ended${reason}` };
    case "task_created":
      return { who: by, mark: "☐", text: `adds task ${taskName(task, entry)}${terms(task)}` };
    case "task_claimed":
      return { who: by, mark: "▶", text: `takes task ${taskName(task, entry)}` };
    case "task_completed":
      return {
        who: by,
        mark: "✔",
        text: `completes task ${taskName(task, entry)}${outcome(task)}`,
        tone: "green",
      };
    case "task_started":
      return startsWhatItTook(entry, run)
        ? undefined
        : { who: by, mark: "▶", text: `starts task ${taskName(task, entry)}` };
    case "task_edited":
      // A result comes with the completion, and is in that line.
      return String(entry["fields"]) === "result"
        ? undefined
        : { who: by, mark: "☐", text: `edits task ${taskName(task, entry)}: ${String(entry["fields"])}` };
    // Its owner or the lead is told by mail, and the mail is a line.
    case "task_ready":
      return undefined;
    case "message_sent": {
      const [message] = run?.messages.get(word("messageId")) ?? [];
      const to = (entry["to"] as readonly string[] | undefined) ?? [];
      return message && mailLine(message, to);
    }
    case "shutdown_requested":
      return {
        who: by,
        mark: "✉",
        text: `${by === member ? "asks to be shut down" : `asks ${member} to end`}${reason}`,
      };
    case "shutdown_approved":
      return { who: by, mark: "✔", text: by === member ? "agrees to end" : `lets ${member} end` };
    case "shutdown_rejected":
      return {
        who: by,
        mark: "✋",
        text: `${by === member ? "will not end" : `will not let ${member} end`}${reason}`,
      };
    // The report is mail, and a line.
    case "report_sent":
      return undefined;
    // Kept for traces: what a model does in a turn is told by its calls and its words.
    case "session_opened":
    case "turn_started":
    case "turn_settled":
    case "step_ended":
    case "gate_opened":
    case "gate_closed":
      return undefined;
    default:
      return { who: member || by || "team", mark: "·", text: brief(sayEvent(entry), 120) };
  }
}

/** The first time of a generation, waiting means that its session was opened. */
function isFirst({ revision, member, generation }: JournalEntry, run: RunOnDisk | undefined): boolean {
  return !run?.journal.some(
    (one) =>
      one.event === "member_waiting" &&
      one.revision < revision &&
      one["member"] === member &&
      one["generation"] === generation,
  );
}

/** Taking and starting in one step is one thing to a reader. */
function startsWhatItTook({ revision, taskId }: JournalEntry, run: RunOnDisk | undefined): boolean {
  return (
    run?.journal.some(
      (one) => one.event === "task_claimed" && one.revision === revision && one["taskId"] === taskId,
    ) ?? false
  );
}

function taskName(task: Task | undefined, entry: JournalEntry): string {
  return `#${entry["taskId"]}${task ? ` ${task.subject}` : ""}`;
}

function terms(task: Task | undefined): string {
  const after = task?.blockedBy.map((one) => `#${one}`).join(", ") ?? "";
  const waits = after === "" ? "" : `, after ${after}`;
  return task?.createdBy !== task?.owner && task?.owner && after !== ""
    ? `${waits}, for ${task.owner}`
    : waits;
}

function outcome(task: Task | undefined): string {
  return task?.result === undefined ? "" : `: ${brief(task.result.text, 160)}`;
}

function toolLine(
  { tool, input, output, failure }: Extract<Fact, { kind: "tool" }>,
  who: string,
  work: string,
): Line | undefined {
  // What a team tool did stands in the journal; what it refused to do stands nowhere else.
  if (tool.startsWith("team_")) {
    return failure === undefined
      ? undefined
      : { who, mark: "✋", text: `${tool} is refused: ${brief(failure, LONGEST_TEXT)}`, tone: "yellow" };
  }
  const what = toolTarget(tool, input, work);
  if (failure !== undefined)
    return {
      who,
      mark: "✋",
      text: `${tool} ${what} fails: ${brief(failure, LONGEST_TEXT)}`,
      tone: "yellow",
    };
  const shown = tool === "bash" ? outputLines(output) : "";
  return { who, mark: "⚙", text: `${tool} ${what}${shown}`, tone: "blue" };
}

function toolTarget(tool: string, input: Readonly<Record<string, unknown>>, work: string): string {
  const { filePath, command, pattern, content } = input;
  if (typeof command === "string") return brief(command, LONGEST_TEXT);
  if (typeof filePath === "string") {
    const path = filePath.startsWith("/") ? relative(work, filePath) : filePath;
    return tool === "write" && typeof content === "string"
      ? `${path}, ${content.trimEnd().split("\n").length} lines`
      : path;
  }
  return typeof pattern === "string" ? pattern : brief(JSON.stringify(input), 80);
}

function outputLines(output: string): string {
  const lines = output
    .trimEnd()
    .split("\n")
    .filter((line) => line.trim() !== "");
  const shown = lines.slice(0, LONGEST_OUTPUT_LINES).map((line) => `\n| ${brief(line, 80)}`);
  const more = lines.length - shown.length;
  return `${shown.join("")}${more > 0 ? `\n| … ${more} more lines` : ""}`;
}
