import type { JournalEntry } from "../core/effects.ts";
import type { EventName } from "../core/events.ts";
import type { BudgetName } from "../core/run.ts";
import { LIMIT_KEYS, type LimitKey, RUN_LIMITS } from "../options.ts";

/**
 * A journal line as a sentence. An event that only a newer version writes is shown with what it says: better plainly than
 * not at all.
 */
export function sayEvent(entry: JournalEntry): string {
  const { event } = entry;
  return Object.hasOwn(SAYINGS, event) ? SAYINGS[event as EventName](entry) : sayPlainly(entry);
}

const SAYINGS: Readonly<Record<EventName, (entry: JournalEntry) => string>> = {
  run_created: ({ team, label }) => `the team ${text(team)}${label ? ` (${text(label)})` : ""} is created`,
  run_active: () => "the team is complete and begins",
  run_failed: () => "no member could be started: the run is over",
  run_orphaned: () => "OpenCode is closed; the run rests",
  run_adopted: () => "an OpenCode takes the run over",
  run_closing: ({ force, reason }) => `the run is being closed${force ? ", by force" : ""}${because(reason)}`,
  run_closed: () => "the run is closed",
  run_quiet: ({ open, told }) => `nobody works and ${tasks(open)} still open; ${text(told)} is told`,
  member_added: ({ member, agent, generation }) =>
    `${text(member)} joins, agent ${text(agent)}${Number(generation) > 1 ? `, for the ${ordinal(generation)} time` : ""}`,
  member_starting: ({ member }) => `${text(member)} starts`,
  member_waiting: ({ member }) => `${text(member)} waits for mail`,
  member_working: ({ member }) => `${text(member)} works`,
  member_needs_approval: ({ member, reason }) => `${text(member)} waits for a person${because(reason)}`,
  member_interrupted: ({ member, reason }) => `${text(member)} is interrupted${because(reason)}`,
  member_failed: ({ member, reason }) => `${text(member)} could not be started${because(reason)}`,
  member_lost: ({ member, reason }) => `${text(member)} is lost${because(reason)}`,
  member_done: ({ member, reason }) => `${text(member)} is done${because(reason)}`,
  gate_answered: ({ member, permission, reply, by }) =>
    `${by === "person" ? "a person" : "a rule"} answers ${text(member)}, who asks for ${text(permission)}: ${text(reply)}`,
  member_rejected: ({ member, agent, reason }) =>
    `${text(member)} cannot join${agent ? `, agent ${text(agent)}` : ""}${because(reason)}`,
  session_opened: ({ member, sessionId }) => `${text(member)} has its session: ${text(sessionId)}`,
  turn_started: ({ participant, turn, cause }) =>
    `${text(participant)} begins turn ${text(turn)}, because of ${causes(cause)}`,
  turn_settled: ({ participant, turn, outcome, error }) =>
    `${text(participant)} ends turn ${text(turn)}${outcome === "ended" ? "" : `, ${text(outcome)}${because(part(error, "name"))}`}`,
  step_ended: ({ participant, step, tools, below }) =>
    `${below ? "a subagent of " : ""}${text(participant)}: ${text(part(step, "modelId"))} answers${
      count(tools) > 0 ? `, after ${list(items(tools).map((tool) => part(tool, "tool")))}` : ""
    }${because(part(part(step, "error"), "name"))}`,
  gate_opened: ({ participant, subject }) => `${text(participant)} asks a person: ${text(subject)}`,
  gate_closed: ({ participant, reply }) =>
    `a request of ${text(participant)} is ${reply === undefined ? "gone" : `answered: ${text(reply)}`}`,
  shutdown_requested: ({ member, by, reason }) =>
    `${text(by)} asks ${by === member ? "to be shut down" : `${text(member)} to shut down`}${because(reason)}`,
  shutdown_approved: ({ member, by }) => `${text(by)} approves the shutdown of ${text(member)}`,
  shutdown_rejected: ({ member, by, reason }) =>
    `${text(by)} rejects the shutdown of ${text(member)}${because(reason)}`,
  worktree_removed: ({ member, path }) => `the worktree of ${text(member)} is removed: ${text(path)}`,
  worktree_kept: ({ member, path, branch, reason }) =>
    `the worktree of ${text(member)} is kept: ${text(path)}, branch ${text(branch)}${because(reason)}`,
  message_sent: ({ from, to, kind, bytes }) =>
    `${text(from)} -> ${list(to)}: ${kind === "message" ? "a message" : text(kind)}, ${text(bytes)} bytes`,
  report_sent: ({ from }) => `${text(from)} -> lead: its last word`,
  messages_given_up: ({ recipient, messageIds, reason }) =>
    `${several(count(messageIds), "message")} to ${text(recipient)} ${count(messageIds) === 1 ? "is" : "are"} given up${because(reason)}`,
  volley_stopped: ({ members, alternations }) =>
    `${list(members)} may not write to each other: ${text(alternations)} answers to and fro changed no task`,
  budget_reached: ({ budget, member }) => `${member ? `${text(member)}: ` : ""}${keyOf(budget)} is used up`,
  limits_changed: ({ from, to }) => `a person sets ${limits(from, to)}`,
  task_created: ({ taskId, by, owner, blockedBy }) =>
    `${text(by)} adds task #${text(taskId)}${owner ? ` for ${text(owner)}` : ""}${
      count(blockedBy) > 0 ? `, to be done after ${numbered(blockedBy)}` : ""
    }`,
  task_assigned: ({ taskId, by, owner }) => `${text(by)} assigns task #${text(taskId)} to ${text(owner)}`,
  task_claimed: ({ taskId, by }) => `${text(by)} takes task #${text(taskId)}`,
  task_started: ({ taskId, by }) => `${text(by)} begins task #${text(taskId)}`,
  task_completed: ({ taskId, by }) => `${text(by)} completes task #${text(taskId)}`,
  task_deleted: ({ taskId, by }) => `${text(by)} deletes task #${text(taskId)}`,
  task_released: ({ taskId, by, owner }) =>
    `task #${text(taskId)} of ${text(owner)} returns to the list${by === owner ? "" : `, by ${text(by)}`}`,
  task_ready: ({ taskId, after }) =>
    `task #${text(taskId)} is ready${after === taskId ? "" : `, after #${text(after)}`}`,
  task_edited: ({ taskId, by, fields }) => `${text(by)} changes ${list(fields)} of task #${text(taskId)}`,
};

function sayPlainly({ revision: _revision, index: _index, at: _at, event, ...fields }: JournalEntry): string {
  const said = Object.entries(fields).map(([key, value]) => `${key}: ${text(value)}`);
  return `${event.replaceAll("_", " ")}${said.length === 0 ? "" : ` (${said.join(", ")})`}`;
}

/** Lines are read as they lie there: another version may have written another type. */
function text(value: unknown): string {
  if (value === undefined) return "?";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function count(value: unknown): number {
  return Array.isArray(value) ? value.length : 0;
}

function list(value: unknown): string {
  return items(value).map(text).join(", ");
}

function numbered(value: unknown): string {
  return items(value)
    .map((item) => `#${text(item)}`)
    .join(", ");
}

/** What a line says of one of its fields. */
function part(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

const CAUSES: Readonly<Record<string, string>> = {
  brief: "its assignment",
  lead: "mail of the lead",
  person: "mail of a person",
  peer: "mail of another member",
  notice: "a notice",
  foreign: "a prompt that is not ours",
};

function causes(cause: unknown): string {
  const name = text(cause);
  return Object.hasOwn(CAUSES, name) ? (CAUSES[name] ?? name) : name;
}

/** Their number; older versions wrote which. */
function tasks(value: unknown): string {
  if (typeof value === "number") return value === 1 ? "a task is" : `${value} tasks are`;
  return count(value) === 1 ? `task ${numbered(value)} is` : `tasks ${numbered(value)} are`;
}

function because(reason: unknown): string {
  return reason === undefined || reason === null || reason === "" ? "" : `: ${text(reason)}`;
}

function several(number: number, noun: string): string {
  return number === 1 ? `a ${noun}` : `${number} ${noun}s`;
}

function ordinal(generation: unknown): string {
  return ["", "first", "second", "third"][Number(generation)] ?? `${text(generation)}th`;
}

const BUDGET_KEYS: Readonly<Record<BudgetName, LimitKey>> = {
  messages: "max_messages_per_run",
  wall_clock: "max_wall_clock_minutes",
  turns: "max_member_turns",
  tokens: "max_tokens_per_run",
  cost: "max_cost_per_run",
};

function keyOf(budget: unknown): string {
  const name = text(budget);
  return Object.hasOwn(BUDGET_KEYS, name) ? BUDGET_KEYS[name as BudgetName] : name;
}

/** `max_members from 8 to 9`, in the units of the configuration. */
function limits(from: unknown, to: unknown): string {
  const [before, after] = [from, to].map((side) => (typeof side === "object" && side !== null ? side : {}));
  return Object.entries(after as Record<string, unknown>)
    .map(([limit, value]) => {
      const key = LIMIT_KEYS.find((one) => RUN_LIMITS[one].limit === limit);
      const unit = key === undefined ? 1 : RUN_LIMITS[key].unit;
      const amount = (side: unknown): string => (typeof side === "number" ? String(side / unit) : "none");
      return `${key ?? limit} from ${amount((before as Record<string, unknown>)[limit])} to ${amount(value)}`;
    })
    .join(", ");
}
