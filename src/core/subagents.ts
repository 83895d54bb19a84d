import type { TaskCall } from "./facts.ts";
import type { Instant, SessionId } from "./ids.ts";
import {
  type CallEnd,
  type Ending,
  endingByCall,
  type Interruption,
  isInterruption,
  KEPT_MS,
  type Remains,
} from "./subagent-ending.ts";

/**
 * What the calls of `task` of one session have left: its subagents that were interrupted or are at work, and what was said of
 * each call. One record a parent session; every reader (note, section, `team_status`, `doctor`) has what stands here.
 *
 * ```
 *             started                    interrupted
 *   (nothing) ───────> running ─────────────────────> interrupted
 *                        │  ^        resumed               │
 *                        │  └──────────────────────────────┘
 *                        └─> done: forgotten, unless it was interrupted before and has a name
 * ```
 *
 * Moved by whoever hears of the call: the host's events, the list that goes to the model, the look after a crash. Each may come
 * twice or late; what is known of a call is never said anew. A crash leaves `running`, with who ran it.
 */
export interface SubagentLedger {
  readonly version: 1;
  readonly parentId: SessionId;
  /** Where the parent works: to ask the host about a session starts whatever the host runs for its directory. */
  readonly directory?: string;
  /** The process that runs the parent's turns. */
  readonly owner: ProcessRef;
  /** The last number given out, by the beginning of the names: none is given twice. */
  readonly names: Readonly<Record<string, number>>;
  readonly subagents: readonly Subagent[];
  /** Calls about which something was decided, oldest first. */
  readonly notes: readonly CallNote[];
  /** Calls that ended before have been forgotten: nothing is said of them any more. */
  readonly forgottenTo?: Instant;
}

/** Compared, never read. */
export interface ProcessRef {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

export interface Subagent {
  readonly sessionId: SessionId;
  /** `exp-1`: given at the first interruption. */
  readonly name?: string;
  readonly agent: string;
  readonly label: string;
  readonly status: "running" | "interrupted" | "done";
  /** Counts the calls that worked on it. */
  readonly generation: number;
  /** The newest call that works, or worked, on it. */
  readonly call: SubagentCall;
  /** How that call ended. */
  readonly ending?: Ending;
  readonly remains?: Remains;
  /** Shells that a crash left behind. */
  readonly shells: readonly ProcessRef[];
  readonly usedAt: Instant;
}

export interface SubagentCall {
  readonly callId: string;
  /** Absent while the call is only announced. */
  readonly hostMessageId?: string;
  readonly startedAt: Instant;
  readonly background: boolean;
}

/** What was decided about a call, for good: the model is to read the same in every request. */
export interface CallNote {
  readonly hostMessageId: string;
  readonly callId: string;
  readonly endedAt: Instant;
  /** Absent where nothing is to be said. */
  readonly text?: string;
}

/** Of one call; two messages may number theirs alike. */
export type CallKey = Pick<CallNote, "hostMessageId" | "callId">;

/** A note is half a kilobyte: so many are looked through in no time, and are more failures than a session survives. */
const MAX_NOTES = 200;
/** More than are ever listed, so that a name from some while ago is still known. */
const MAX_SUBAGENTS = 50;
const MAX_LABEL = 48;
/** An agent's name is its author's. */
const MAX_AGENT = 48;

export function emptyLedger(parentId: SessionId, owner: ProcessRef): SubagentLedger {
  return { version: 1, parentId, owner, names: {}, subagents: [], notes: [] };
}

export function subagentOf(ledger: SubagentLedger, sessionId: SessionId): Subagent | undefined {
  return ledger.subagents.find((one) => one.sessionId === sessionId);
}

export function subagentNamed(ledger: SubagentLedger, name: string): Subagent | undefined {
  return ledger.subagents.find((one) => one.name === name);
}

export function noteOf(ledger: SubagentLedger, { hostMessageId, callId }: CallKey): CallNote | undefined {
  return ledger.notes.find((one) => one.hostMessageId === hostMessageId && one.callId === callId);
}

/** Interrupted and not finished since: what can be resumed. Oldest first, and a name keeps its place. */
export function openSubagents({ subagents }: SubagentLedger): readonly NamedSubagent[] {
  return subagents.filter((one): one is NamedSubagent => one.name !== undefined && one.status !== "done");
}

export type NamedSubagent = Subagent & { readonly name: string };

/** A call of `task` as the host has it stored. */
export interface StoredTask {
  readonly hostMessageId: string;
  readonly callId: string;
  /** `left`: it has no end. While its turn runs that is to come; in what a dead process has left it never will. */
  readonly outcome: "completed" | "failed" | "left";
  readonly startedAt: Instant;
  /** Of one without an end, the same as its beginning. */
  readonly endedAt: Instant;
  readonly task: TaskCall;
}

/** A call of `task` in a list that goes to a model: over for whoever reads it, also without an end. */
export interface ShownTask extends StoredTask {
  /** Adds to what the model reads as the call's result, in this list only. */
  add(text: string): void;
}

/** A list that goes to a model. */
export interface ShownList {
  readonly sessionId: SessionId;
  /** The newest prompt, and the agent that answers it. */
  readonly promptId?: string;
  readonly agent?: string;
  /** Looked for when it is called: most sessions have none. */
  tasks(): readonly ShownTask[];
}

/** A call of `task` that is over, for its caller. */
export interface SeenCall extends CallKey {
  readonly endedAt: Instant;
  readonly end: CallEnd;
}

/** Whether there is anything to be found out about the call, or to be taken down. */
export function needsVerdict(ledger: SubagentLedger, call: SeenCall, now: Instant): boolean {
  if (noteOf(ledger, call)) return false;
  if (call.endedAt <= Math.max(ledger.forgottenTo ?? 0, now - KEPT_MS)) return false;
  const byCall = endingByCall(call.end);
  return byCall === undefined || ledger.subagents.some((one) => isRunningFor(one, call));
}

function isRunningFor({ status, call }: Subagent, { hostMessageId, callId }: CallKey): boolean {
  const isSame = call.callId === callId && (call.hostMessageId ?? hostMessageId) === hostMessageId;
  return isSame && status === "running";
}

/** What a call of `task` asks for. */
export interface TaskRequest {
  readonly parentId: SessionId;
  readonly callId: string;
  readonly agent: string;
  readonly label: string;
  /** The session, or the name of one, that it is to go on with. */
  readonly taskId?: string;
  readonly background: boolean;
}

/** The host leaves arguments unchecked: a blank one is none. */
export function requestOf(
  parentId: SessionId,
  callId: string,
  input: Readonly<Record<string, unknown>>,
): TaskRequest {
  const read = (key: string): string => (typeof input[key] === "string" ? input[key].trim() : "");
  const taskId = read("task_id");
  return {
    parentId,
    callId,
    agent: read("subagent_type"),
    label: read("description"),
    ...(taskId === "" ? {} : { taskId }),
    background: input["background"] === true,
  };
}

/** A subagent's session is known to work for a call. */
export interface SubagentStart {
  readonly sessionId: SessionId;
  readonly agent: string;
  readonly label: string;
  /** The session that the call asked for. */
  readonly requestedId?: SessionId;
  readonly call: SubagentCall;
}

export function startOf(
  { agent, label, taskId, background }: TaskRequest,
  sessionId: SessionId,
  call: Omit<SubagentCall, "background">,
): SubagentStart {
  const requested = taskId?.startsWith("ses") ? { requestedId: taskId } : {};
  return { sessionId, agent, label, ...requested, call: { ...call, background } };
}

/** Told when the call has its session, and again by whoever hears of it. A call that was overtaken changes nothing. */
export function noteStarted(ledger: SubagentLedger, start: SubagentStart): SubagentLedger {
  const { sessionId, requestedId, call } = start;
  // The host gave another session than was asked for: what was asked for is no session it can go on with.
  const kept = requestedId === undefined || requestedId === sessionId ? ledger : without(ledger, requestedId);
  const known = subagentOf(kept, sessionId);
  const isSame = known?.call.callId === call.callId;
  const wasAnnounced = isSame && known.call.hostMessageId === undefined;
  if (isSame && known.call.hostMessageId === call.hostMessageId) return kept;
  // Late, unless it is announced this very moment.
  if (known && !isSame && call.hostMessageId !== undefined && known.call.startedAt > call.startedAt)
    return kept;
  return withSubagent(kept, {
    // What the call before has left is still so if this one comes to nothing.
    ...known,
    sessionId,
    agent: shortened(start.agent, MAX_AGENT),
    label: shortened(start.label, MAX_LABEL),
    status: "running",
    generation: (known?.generation ?? 0) + (wasAnnounced ? 0 : 1),
    call,
    shells: [],
    usedAt: call.startedAt,
  });
}

/** A call that was decided about. */
export interface Verdict extends CallKey {
  readonly ending: Ending;
  /** Absent if the call never came to one. */
  readonly sessionId?: SessionId;
  readonly endedAt: Instant;
  readonly remains?: Remains;
  readonly shells: readonly ProcessRef[];
}

/**
 * Takes a verdict down, once a call. A call that another one on the same session has overtaken is late: nothing is said of it
 * any more, and the session stands as its newest call left it.
 *
 * @param say what the model is told, by the name that the subagent has got.
 */
export function noteEnded(
  ledger: SubagentLedger,
  verdict: Verdict,
  say: (subagent: NamedSubagent, ending: Interruption) => string,
): SubagentLedger {
  const { hostMessageId, callId, ending, sessionId, endedAt } = verdict;
  const known = sessionId === undefined ? undefined : subagentOf(ledger, sessionId);
  if (noteOf(ledger, verdict)) return ledger;
  const isLate =
    known !== undefined &&
    (known.call.callId !== callId || (known.call.hostMessageId ?? hostMessageId) !== hostMessageId);
  const silent: CallNote = { hostMessageId, callId, endedAt };
  if (sessionId === undefined) {
    return ledger.subagents
      .filter((one) => isAnnounced(one) && one.call.callId === callId)
      .reduce(withdraw, ledger);
  }
  if (isLate) return withNote(ledger, silent);
  if (ending === "missing") return withNote(without(ledger, sessionId), silent);
  if (!known) return ledger;
  if (!isInterruption(ending)) return finished(ledger, known, endedAt);
  const { name, names } = nameFor(ledger, known);
  const interrupted: NamedSubagent = {
    ...known,
    name,
    status: "interrupted",
    ending,
    ...(verdict.remains ? { remains: verdict.remains } : {}),
    shells: verdict.shells,
    usedAt: endedAt,
  };
  return withNote(withSubagent({ ...ledger, names }, interrupted), {
    ...silent,
    text: say(interrupted, ending),
  });
}

/** One that was never interrupted has no name, and its result says how to go on with it. */
function finished(ledger: SubagentLedger, subagent: Subagent, endedAt: Instant): SubagentLedger {
  if (subagent.name === undefined) return without(ledger, subagent.sessionId);
  const { ending: _ending, remains: _remains, ...rest } = subagent;
  return withSubagent(ledger, { ...rest, status: "done", usedAt: endedAt });
}

/** Whoever announced calls is dead. What became of those that the host has is known by now; of the others nobody tells. */
export function withoutAnnounced(ledger: SubagentLedger): SubagentLedger {
  return ledger.subagents.filter(isAnnounced).reduce(withdraw, ledger);
}

function isAnnounced({ call, status }: Subagent): boolean {
  return call.hostMessageId === undefined && status === "running";
}

/** An announced call came to nothing: its session stands as before. */
function withdraw(ledger: SubagentLedger, announced: Subagent): SubagentLedger {
  return announced.name === undefined
    ? without(ledger, announced.sessionId)
    : withSubagent(ledger, { ...announced, status: announced.ending === undefined ? "done" : "interrupted" });
}

/** The session is gone, or is none that can be gone on with. Its name is not given out again. */
export function without(ledger: SubagentLedger, sessionId: SessionId): SubagentLedger {
  const subagents = ledger.subagents.filter((one) => one.sessionId !== sessionId);
  return subagents.length === ledger.subagents.length ? ledger : { ...ledger, subagents };
}

/** Lets go of what nobody comes back to. Undefined when nothing is left. */
export function pruned(ledger: SubagentLedger, now: Instant): SubagentLedger | undefined {
  const since = now - KEPT_MS;
  const subagents = ledger.subagents.filter(({ usedAt }) => usedAt >= since);
  const notes = ledger.notes.filter(({ endedAt }) => endedAt >= since);
  if (subagents.length === 0 && notes.length === 0) return undefined;
  if (subagents.length === ledger.subagents.length && notes.length === ledger.notes.length) return ledger;
  return { ...ledger, subagents, notes };
}

function withSubagent(ledger: SubagentLedger, subagent: Subagent): SubagentLedger {
  const isKnown = subagentOf(ledger, subagent.sessionId) !== undefined;
  const all = isKnown
    ? ledger.subagents.map((one) => (one.sessionId === subagent.sessionId ? subagent : one))
    : [...ledger.subagents, subagent];
  const surplus = all
    .filter(({ status }) => status !== "running")
    .toSorted((one, other) => one.usedAt - other.usedAt)
    .slice(0, Math.max(0, all.length - MAX_SUBAGENTS));
  return { ...ledger, subagents: all.filter((one) => !surplus.includes(one)) };
}

function withNote(ledger: SubagentLedger, note: CallNote): SubagentLedger {
  const all = [...ledger.notes, note];
  const gone = all.slice(0, Math.max(0, all.length - MAX_NOTES));
  const notes = all.slice(gone.length);
  if (gone.length === 0) return { ...ledger, notes };
  const forgottenTo = Math.max(ledger.forgottenTo ?? 0, ...gone.map(({ endedAt }) => endedAt));
  return { ...ledger, notes, forgottenTo };
}

function nameFor(
  { names }: SubagentLedger,
  { name, agent }: Subagent,
): { readonly name: string; readonly names: SubagentLedger["names"] } {
  if (name !== undefined) return { name, names };
  const stem =
    agent
      .toLowerCase()
      .replace(/[^a-z]/g, "")
      .slice(0, 3) || "sub";
  const number = (names[stem] ?? 0) + 1;
  return { name: `${stem}-${number}`, names: { ...names, [stem]: number } };
}

/** One line without anything that could look like a tag, for it stands in a prompt. */
function shortened(text: string, length: number): string {
  const line = text
    .replace(/[<>]/g, "")
    .replace(/[\p{Cc}\s]+/gu, " ")
    .trim();
  const characters = [...line];
  return characters.length > length ? `${characters.slice(0, length - 1).join("")}…` : line;
}
