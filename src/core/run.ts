import type { Effect } from "./effects.ts";
import type { Gate, HostFault } from "./facts.ts";
import {
  type Instant,
  LEAD,
  type MemberName,
  type Participant,
  type RunId,
  type SessionId,
  type TaskId,
} from "./ids.ts";
import { REFUSE, STAY, type Table } from "./table.ts";
import { NO_TASKS, type TaskCounts } from "./task.ts";
import type { ToolName } from "./tool-names.ts";
import type { Volley } from "./volley.ts";
import type { Worktree } from "./worktree.ts";

/**
 * One life of a team.
 *
 *     creating --every member has a session or has failed--> active --delete--> closing --archived--> closed
 *         |                                                   |  ^                 ^
 *         +--no member is left--> failed        owner died    v  | adopted         |
 *                                                           orphaned --------------+ delete
 *
 * Who moves it: the lead's tool calls and the owner. What a crash leaves: the status in `state.json` and the outbox of
 * that commit; `creating` and `closing` are continued, `active` is adopted. `closed` and `failed` are final: the folder
 * is archived.
 */
export type RunStatus = "creating" | "active" | "orphaned" | "closing" | "closed" | "failed";
export const RUN_STATUSES: readonly RunStatus[] = [
  "creating",
  "active",
  "orphaned",
  "closing",
  "closed",
  "failed",
];

export type RunCommand = "activate" | "fail" | "orphan" | "adopt" | "close" | "finish";
export const RUN_COMMANDS: readonly RunCommand[] = ["activate", "fail", "orphan", "adopt", "close", "finish"];

export const runTable: Table<RunStatus, RunCommand> = {
  creating: {
    activate: "active",
    fail: "failed",
    orphan: STAY,
    adopt: STAY,
    close: "closing",
    finish: REFUSE,
  },
  active: {
    activate: STAY,
    fail: REFUSE,
    orphan: "orphaned",
    adopt: STAY,
    close: "closing",
    finish: REFUSE,
  },
  orphaned: {
    activate: STAY,
    fail: REFUSE,
    orphan: STAY,
    adopt: "active",
    close: "closing",
    finish: REFUSE,
  },
  closing: {
    activate: STAY,
    fail: REFUSE,
    orphan: STAY,
    adopt: STAY,
    close: STAY,
    finish: "closed",
  },
  closed: {
    activate: REFUSE,
    fail: STAY,
    orphan: STAY,
    adopt: STAY,
    close: STAY,
    finish: STAY,
  },
  failed: {
    activate: REFUSE,
    fail: STAY,
    orphan: STAY,
    adopt: STAY,
    close: STAY,
    finish: STAY,
  },
};

/** What the run was started with; raised by `flotilla limit`, never re-read from a config while it lives. */
export interface Limits {
  readonly maxMembers: number;
  readonly maxParallelMembers: number;
  readonly maxMessages: number;
  readonly maxWallClockMs: number;
  readonly maxMemberTurns: number;
  readonly maxTokens?: number;
  readonly maxCost?: number;
  readonly messageMaxBytes: number;
  readonly unreadMaxBytes: number;
  readonly pollIntervalMs: number;
}

/** `provider/model` split, and the model's variant if one is pinned. */
export interface ModelChoice {
  readonly providerId: string;
  readonly modelId: string;
  readonly variant?: string;
}

export interface TeamIdentity {
  readonly name: string;
  readonly description?: string;
  readonly source: "inline" | "project" | "user";
  /** Extra instructions for the lead. */
  readonly leadPrompt?: string;
  readonly allowMemberBroadcast: boolean;
}

export interface LeadSeat {
  readonly sessionId: SessionId;
  readonly directory: string;
  /** Tasks that the lead itself owns. */
  readonly tasks: readonly TaskId[];
  /** Open requests of the lead's session and of those below it. */
  readonly gates: readonly Gate[];
  readonly turn?: Turn;
  /** Turns settled so far. */
  readonly turns?: number;
  /** Model calls that were completed up to here are in the journal, as in {@link Member}. */
  readonly countedTo?: Instant;
  /** The session's newest message of the model when its last turn was settled: whoever comes next settles it no more. */
  readonly settledStepId?: string;
  /** Set by the person's Esc, cleared by the next prompt that is not ours. */
  readonly heldByPerson: boolean;
  /** Tools of ours that the lead's agent is denied by the user, and that are therefore never offered to it. */
  readonly deniedTools: readonly ToolName[];
  /** The lead's tools were not offered in the turn that created the run; it is told in the next one. */
  readonly toolsPending: boolean;
}

/** What is wanted of a member, as the spec says it, with everything resolved. */
export interface MemberPlan {
  readonly name: MemberName;
  readonly kind: "subagent_type" | "category";
  readonly agent: string;
  readonly category?: string;
  readonly model?: ModelChoice;
  readonly prompt?: string;
  /** As the spec says it; what came of it is {@link Member.worktree}. */
  readonly worktree: boolean | string;
  /** Rules of the member's session, never wider than the lead's nor the agent's. */
  readonly rules: readonly PermissionRule[];
}

/** The host's own form: of all rules whose wildcards match, the last one decides. */
export interface PermissionRule {
  readonly permission: string;
  readonly pattern: string;
  readonly action: "allow" | "ask" | "deny";
}

/** One activation of a session, from the first sign of work to settlement. */
export interface Turn {
  readonly startedAt: Instant;
  /** Who caused it, as far as known: decides whether its last word is owed to the lead. */
  readonly cause: TurnCause;
  /** The participant sent the lead something during this turn. */
  readonly reported: boolean;
}

/** `mail` of a lead, a person or the brief asks for an answer; `peer` and `notice` do not; `foreign` is a person's own prompt. */
export type TurnCause = "lead" | "person" | "brief" | "peer" | "notice" | "foreign";

/**
 * A member, for readers one status everywhere.
 *
 *     starting --session opened--> waiting <--ended-- working <--closed-- needs_approval
 *        |                           |  ^               |  \__gate opened____^
 *        | no session                |  |  turn         | failed, aborted, process lost
 *        v                           +--|--started------+-> interrupted --turn started--> working
 *      failed                           |
 *                                   respawned (a new generation)          any --session deleted--> lost
 *                                                                         any --retired--> done
 *
 * Who moves it: facts of its session, and the lead through shutdown and delete. What a crash leaves: the status; a turn
 * that was running is found by the next owner and becomes `interrupted`. Only `failed`, `lost` and `done` end a
 * generation: its tasks return to the list, and its mail waits for the next one of that name.
 */
export type MemberStatus =
  | "starting"
  | "waiting"
  | "working"
  | "needs_approval"
  | "interrupted"
  | "failed"
  | "lost"
  | "done";
export const MEMBER_STATUSES: readonly MemberStatus[] = [
  "starting",
  "waiting",
  "working",
  "needs_approval",
  "interrupted",
  "failed",
  "lost",
  "done",
];

export type MemberCommand =
  | "open"
  | "fail"
  | "start_turn"
  | "open_gate"
  | "close_gates"
  | "end_turn"
  | "interrupt"
  | "lose"
  | "retire"
  | "respawn";
export const MEMBER_COMMANDS: readonly MemberCommand[] = [
  "open",
  "fail",
  "start_turn",
  "open_gate",
  "close_gates",
  "end_turn",
  "interrupt",
  "lose",
  "retire",
  "respawn",
];

export const memberTable: Table<MemberStatus, MemberCommand> = {
  starting: {
    open: "waiting",
    fail: "failed",
    start_turn: STAY,
    open_gate: STAY,
    close_gates: STAY,
    end_turn: STAY,
    interrupt: STAY,
    lose: "lost",
    retire: "done",
    respawn: REFUSE,
  },
  waiting: {
    open: STAY,
    fail: STAY,
    start_turn: "working",
    open_gate: "needs_approval",
    close_gates: STAY,
    end_turn: STAY,
    interrupt: STAY,
    lose: "lost",
    retire: "done",
    respawn: REFUSE,
  },
  working: {
    open: STAY,
    fail: STAY,
    start_turn: STAY,
    open_gate: "needs_approval",
    close_gates: STAY,
    end_turn: "waiting",
    interrupt: "interrupted",
    lose: "lost",
    retire: "done",
    respawn: REFUSE,
  },
  needs_approval: {
    open: STAY,
    fail: STAY,
    // The host says busy while it waits for a reply: no news.
    start_turn: STAY,
    open_gate: STAY,
    close_gates: "working",
    end_turn: "waiting",
    interrupt: "interrupted",
    lose: "lost",
    retire: "done",
    respawn: REFUSE,
  },
  interrupted: {
    open: STAY,
    fail: STAY,
    start_turn: "working",
    open_gate: "needs_approval",
    close_gates: STAY,
    end_turn: STAY,
    interrupt: STAY,
    lose: "lost",
    retire: "done",
    respawn: REFUSE,
  },
  failed: {
    open: STAY,
    fail: STAY,
    start_turn: STAY,
    open_gate: STAY,
    close_gates: STAY,
    end_turn: STAY,
    interrupt: STAY,
    lose: STAY,
    retire: "done",
    respawn: "starting",
  },
  lost: {
    open: STAY,
    fail: STAY,
    start_turn: STAY,
    open_gate: STAY,
    close_gates: STAY,
    end_turn: STAY,
    interrupt: STAY,
    lose: STAY,
    retire: "done",
    respawn: "starting",
  },
  done: {
    open: STAY,
    fail: STAY,
    start_turn: STAY,
    open_gate: STAY,
    close_gates: STAY,
    end_turn: STAY,
    interrupt: STAY,
    lose: STAY,
    retire: STAY,
    respawn: "starting",
  },
};

/**
 * The handshake that ends a member: `none -> requested -> approved -> complete`, or back by a rejection. A member that
 * approves its own end finishes its turn first; `complete` is reached at settlement.
 */
export type ShutdownStatus = "none" | "requested" | "approved" | "complete";
export const SHUTDOWN_STATUSES: readonly ShutdownStatus[] = ["none", "requested", "approved", "complete"];
export type ShutdownCommand = "request" | "approve" | "reject" | "settle";
export const SHUTDOWN_COMMANDS: readonly ShutdownCommand[] = ["request", "approve", "reject", "settle"];

export const shutdownTable: Table<ShutdownStatus, ShutdownCommand> = {
  none: { request: "requested", approve: REFUSE, reject: REFUSE, settle: STAY },
  requested: { request: STAY, approve: "approved", reject: "none", settle: STAY },
  approved: { request: STAY, approve: STAY, reject: REFUSE, settle: "complete" },
  complete: { request: STAY, approve: STAY, reject: REFUSE, settle: STAY },
};

export interface Shutdown {
  readonly status: ShutdownStatus;
  readonly requestedBy?: Participant;
  readonly reason?: string;
  readonly changedAt: Instant;
}

export interface Usage {
  /** Turns settled so far. */
  readonly turns: number;
  /** All kinds added up: input, output, reasoning, cache. */
  readonly tokens: number;
  readonly cost: number;
}

export interface Member {
  readonly plan: MemberPlan;
  /** Rises with every re-spawn of the name; with the session it decides which facts are this member's. */
  readonly generation: number;
  readonly sessionId?: SessionId;
  readonly directory?: string;
  /**
   * Who else was there when its session was opened, for its system prompt. Absent before that, and in records of versions
   * that did not keep it.
   */
  readonly peers?: readonly string[];
  /** The name's own worktree, through all its generations; one that wants none leaves an earlier one's alone. */
  readonly worktree?: Worktree;
  readonly status: MemberStatus;
  readonly reason?: string;
  readonly since: Instant;
  readonly turn?: Turn;
  /** As in {@link LeadSeat}. */
  readonly settledStepId?: string;
  /** Open requests of its session and of those below it. */
  readonly gates: readonly Gate[];
  /** How often this generation was told that it repeats itself. */
  readonly loops?: number;
  /** The person's Esc: no turn of ours until new mail from lead or person, or a prompt that is not ours. */
  readonly heldByPerson: boolean;
  /** Earliest next wake after an error, with the errors in a row that led to it. */
  readonly backoff?: { readonly failures: number; readonly until: Instant };
  readonly lastFault?: HostFault;
  readonly shutdown: Shutdown;
  readonly usage: Usage;
  /**
   * Model calls of its session that were completed up to here are in `usage`: one that is told again, or found in the
   * host's store, counts once. Absent in records of versions that did not keep it.
   */
  readonly countedTo?: Instant;
  /** Tasks it owns now, so that they can be released without reading every task. */
  readonly tasks: readonly TaskId[];
  /** Tasks that it owned when it ended: what nobody has taken until the name comes back is the next one's. */
  readonly left?: readonly TaskId[];
}

/** `state.json`: replacing it is the commit. Unknown fields survive a round trip. */
export interface RunState {
  readonly version: 1;
  readonly revision: number;
  readonly runId: RunId;
  readonly team: TeamIdentity;
  readonly label?: string;
  readonly status: RunStatus;
  readonly reason?: string;
  readonly since: Instant;
  readonly createdAt: Instant;
  readonly limits: Limits;
  readonly lead: LeadSeat;
  readonly members: Readonly<Record<MemberName, Member>>;
  /** Message records written so far: the next `seq`. */
  readonly messages: number;
  /** Those of them that nobody sent with a tool or a command: reports and notices, which count against no limit. */
  readonly notices?: number;
  /** Highest task id given out. */
  readonly tasks: number;
  /** Kept with each commit, so that nobody who looks on has to list the tasks to count them: {@link taskCountsOf}. */
  readonly taskCounts?: TaskCounts;
  /** Limits that were reached and told, so that each is told once. */
  readonly spent: readonly SpentBudget[];
  /** The open tasks (a digest) about which somebody was woken last because nobody worked, and who. */
  readonly quietTold?: { readonly tasks: string; readonly to: Participant };
  /** By pair of members: how often they answered each other since a task changed. */
  readonly volleys?: Readonly<Record<string, Volley>>;
  /** Effects of this and earlier commits that are not confirmed yet. */
  readonly outbox: readonly Effect[];
}

/** A budget, or one that each member has for itself with the member's name behind it. */
export type SpentBudget = BudgetName | `${BudgetName}:${string}`;

export type BudgetName = "messages" | "wall_clock" | "turns" | "tokens" | "cost";

/** A generation that takes mail: everything but `failed`, `lost` and `done`. */
export function isLive(member: Member): boolean {
  return !isEnded(member.status);
}

export function isEnded(status: MemberStatus): boolean {
  return status === "failed" || status === "lost" || status === "done";
}

/** Where the member's session is, or is to be made. */
export function directoryOf(state: RunState, { plan, worktree }: Member): string {
  return plan.worktree !== false && worktree ? worktree.path : state.lead.directory;
}

/** The number of the turn that a participant's session has now or will have next, from 1. */
export function turnNumber(state: RunState, participant: Participant): number {
  const settled = participant === LEAD ? state.lead.turns : memberOf(state, participant)?.usage.turns;
  return (settled ?? 0) + 1;
}

/** The turn that a participant has now. */
export function turnOf(state: RunState, participant: Participant): Turn | undefined {
  return participant === LEAD ? state.lead.turn : memberOf(state, participant)?.turn;
}

/** The requests that hold a participant, those of its subagents included. */
export function gatesOf(state: RunState, participant: Participant): readonly Gate[] {
  return (participant === LEAD ? state.lead : memberOf(state, participant))?.gates ?? [];
}

/** How many tasks there are of each kind; in a run that an earlier version began, of those that were touched since. */
export function taskCountsOf({ taskCounts }: RunState): TaskCounts {
  return taskCounts ?? NO_TASKS;
}

/** Everybody who has an inbox. */
export function participantsOf(state: RunState): readonly Participant[] {
  return [LEAD, ...Object.keys(state.members)];
}

/** The member of that name, own properties only: a name from a model is never looked up on a prototype. */
export function memberOf(state: RunState, name: string): Member | undefined {
  return Object.hasOwn(state.members, name) ? state.members[name] : undefined;
}
