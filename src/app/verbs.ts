import type { Instant, MessageId, Participant, RunId, SessionId, TaskId } from "../core/ids.ts";
import type { Reference, ToolKind } from "../core/message.ts";
import type { MemberStatus, RunStatus } from "../core/run.ts";
import type { Ending } from "../core/subagent-ending.ts";
import type { Task, TaskStatus } from "../core/task.ts";

/** Who calls, as the host says it. Never taken from an argument. */
export interface Call {
  readonly sessionId: SessionId;
  /** The assistant message whose tool call this is: with `callId` the identity of the call. */
  readonly messageId: string;
  readonly callId: string;
  readonly directory: string;
  readonly worktree: string;
  readonly signal: AbortSignal;
  /** As the model gave it, if it did: a run other than the caller's is refused. */
  readonly teamRunId?: RunId;
}

/** What a tool can be asked to wait for. All of them end early when there is mail for the caller. */
export const WAIT_FOR = ["change", "idle", "message"] as const;
export type WaitFor = (typeof WAIT_FOR)[number];

export interface CreateTeam {
  /** Exactly one of the two; with neither or both the call is refused. */
  readonly teamName?: string;
  readonly inlineSpec?: unknown;
  readonly label?: string;
  /** In order; `blockedBy` names earlier ones by position, from 1. */
  readonly tasks?: readonly FirstTask[];
  readonly waitFor?: WaitFor;
  readonly timeoutMs: number;
}

export interface FirstTask {
  readonly subject: string;
  readonly description: string;
  readonly blockedBy: readonly number[];
  readonly owner?: string;
}

export interface SendMail {
  readonly to: string;
  readonly body: string;
  readonly kind: ToolKind;
  readonly summary?: string;
  readonly correlationId?: string;
  readonly references?: readonly Reference[];
}

export interface CreateTask {
  readonly subject: string;
  readonly description: string;
  readonly blockedBy: readonly TaskId[];
  readonly owner?: string;
}

export interface UpdateTask {
  readonly taskId: TaskId;
  readonly status?: TaskStatus;
  /** "" takes the assignment back. */
  readonly owner?: string;
  readonly subject?: string;
  readonly description?: string;
  readonly blockedBy?: readonly TaskId[];
  readonly result?: { readonly text: string; readonly artifacts: readonly string[] };
}

export interface ListTasks {
  readonly status?: TaskStatus;
  readonly owner?: string;
  readonly ready?: boolean;
  /** Rows of tasks with a higher number than this one. */
  readonly after?: TaskId;
}

/** How the mail for one participant stands. */
export interface MailReport {
  readonly unread: number;
  /** Why it waits, if it does. */
  readonly hold?: string;
  /** What goes wrong on its way, if something does. */
  readonly trouble?: string;
  /** Messages that were given up, if any were. */
  readonly dead?: number;
}

export interface MemberReport extends MailReport {
  readonly name: string;
  readonly status: MemberStatus;
  readonly reason?: string;
  readonly since: Instant;
  readonly agent: string;
  readonly model?: string;
  readonly sessionId?: SessionId;
  /** Where it works, if not in the lead's directory. */
  readonly worktree?: string;
  readonly branch?: string;
  /** The pane that shows it, or why none does; absent where nobody wants panes. */
  readonly pane?: string;
  /** What its worktree holds that is nowhere else yet. */
  readonly holds?: readonly string[];
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
  readonly tasks: readonly TaskId[];
  readonly shutdown?: string;
}

export interface CreateReport {
  readonly runId: RunId;
  readonly status: RunStatus;
  readonly members: readonly {
    readonly name: string;
    readonly agent: string;
    readonly status: MemberStatus;
    readonly sessionId?: SessionId;
    readonly worktree?: string;
    readonly branch?: string;
    readonly error?: string;
  }[];
  /** The tasks of this call. */
  readonly tasks: readonly { readonly taskId: TaskId; readonly subject: string }[];
  /** What was understood differently from what was written, e.g. a renamed member. */
  readonly notes: readonly string[];
  /** The lead's tools come with its next turn. */
  readonly toolsNextTurn: boolean;
  /** Set with `waitFor`. */
  readonly waited?: WaitReport;
}

export interface WaitReport {
  readonly waitFor: WaitFor;
  /** What ended the wait. */
  readonly ended: "change" | "idle" | "message" | "timeout" | "aborted";
  readonly waitedMs: number;
}

export interface SendReport {
  readonly messageId: MessageId;
  readonly delivered: readonly {
    readonly to: Participant;
    readonly seq: number;
    readonly state: "written";
  }[];
}

export interface TaskRow {
  readonly taskId: TaskId;
  readonly subject: string;
  readonly status: TaskStatus;
  readonly owner?: Participant;
  readonly blockedBy: readonly TaskId[];
  /** Pending and every blocker is completed or deleted. */
  readonly ready: boolean;
}

/** A page of the list: the first rows that match, in order of number. */
export interface TaskPage {
  readonly rows: readonly TaskRow[];
  /** How many match beyond these rows. */
  readonly left: number;
  /** All tasks of the run, by status. */
  readonly counts: Readonly<Record<TaskStatus, number>>;
}

export interface TaskReport {
  readonly task: Task;
  readonly ready: boolean;
  readonly blockers: readonly TaskRow[];
  readonly unblocks: readonly TaskRow[];
  /** False for a repeat that changed nothing. */
  readonly changed: boolean;
}

/** A member that does not go on by itself. */
export interface InterruptedMember {
  readonly member: Participant;
  readonly lastTask?: { readonly taskId: TaskId; readonly subject: string; readonly status: TaskStatus };
  /** Tasks that it owns and has not completed. */
  readonly tasks: readonly TaskId[];
  readonly unread: number;
}

/** A subagent of the caller's own, by the host's `task` tool, that was interrupted. */
export interface SubagentRow {
  readonly name: string;
  readonly sessionId: SessionId;
  readonly agent: string;
  readonly label: string;
  /** `running`: it was resumed. */
  readonly status: "interrupted" | "running" | "done";
  readonly ending?: Ending;
  /** What it has left, in words; absent if nobody could look. */
  readonly found?: string;
}

export interface StatusReport {
  readonly runId: RunId;
  readonly team: string;
  readonly label?: string;
  readonly status: RunStatus;
  /** One glance: the highest of needs_approval, working, starting, waiting, done over the members. */
  readonly activity: string;
  readonly attention: readonly string[];
  readonly you: Participant;
  readonly lead: MailReport & { readonly sessionId: SessionId };
  readonly members: readonly MemberReport[];
  readonly tasks: Readonly<Record<TaskStatus, number>> & { readonly ready: readonly TaskId[] };
  readonly budgets: Readonly<
    Record<string, { readonly used: number; readonly limit: number; readonly left: number }>
  >;
  readonly spent: readonly string[];
  readonly shutdowns: readonly {
    readonly member: string;
    readonly status: string;
    readonly requestedBy?: string;
    readonly reason?: string;
  }[];
  /** For the lead, whose choice it is what becomes of them. */
  readonly interrupted: readonly InterruptedMember[];
  readonly subagents: readonly SubagentRow[];
  /** Why nothing moves, if nothing does. */
  readonly stuck?: string;
  readonly waited?: WaitReport;
}

export interface ShutdownReport {
  readonly member: string;
  readonly shutdown: string;
  /** While it is requested. */
  readonly requestedBy?: Participant;
  readonly memberStatus: MemberStatus;
  readonly changed: boolean;
}

export interface DeleteReport {
  readonly runId: RunId;
  readonly status: RunStatus;
  readonly members: readonly {
    readonly name: string;
    readonly sessionId?: SessionId;
    readonly was: MemberStatus;
    /** It was in the middle of a turn. `false`: the host says that it works on, or does not answer. */
    readonly stopped?: boolean;
    /** Messages that it had not answered. */
    readonly unread?: number;
    /** Its tasks that are not completed. */
    readonly tasks?: readonly TaskId[];
  }[];
  readonly worktrees: readonly WorktreeReport[];
  readonly unfinishedTasks: readonly TaskRow[];
  readonly unreadMessages: number;
}

/** What became of a member's worktree. */
export interface WorktreeReport {
  readonly member: string;
  readonly path: string;
  readonly branch: string;
  readonly outcome: "removed" | "kept";
  readonly reason?: string;
  /** The command with which a person goes on. */
  readonly wayOut?: string;
}

export interface TeamRow {
  readonly name: string;
  readonly source: "project" | "user";
  readonly path: string;
  readonly description?: string;
  readonly members?: readonly string[];
  /** Members that would not start, each with the reason and the way out. */
  readonly refused?: readonly string[];
  /** The file is broken: where and why. */
  readonly error?: string;
}

export interface RunRow {
  readonly runId: RunId;
  readonly team: string;
  readonly label?: string;
  readonly status: RunStatus;
  readonly createdAt: Instant;
  readonly members: readonly string[];
  readonly you?: Participant;
}

export interface ListReport {
  readonly teams: readonly TeamRow[];
  readonly runs: readonly RunRow[];
}

/** Everything a participant can ask for. A refusal rejects with a `FlotillaError`. */
export interface Verbs {
  createTeam(call: Call, input: CreateTeam): Promise<CreateReport>;
  deleteTeam(call: Call, input: { readonly force: boolean }): Promise<DeleteReport>;
  requestShutdown(
    call: Call,
    input: { readonly member: string; readonly reason?: string },
  ): Promise<ShutdownReport>;
  approveShutdown(call: Call, input: { readonly member: string }): Promise<ShutdownReport>;
  rejectShutdown(
    call: Call,
    input: { readonly member: string; readonly reason: string },
  ): Promise<ShutdownReport>;
  sendMessage(call: Call, input: SendMail): Promise<SendReport>;
  createTask(call: Call, input: CreateTask): Promise<TaskReport>;
  listTasks(call: Call, input: ListTasks): Promise<TaskPage>;
  updateTask(call: Call, input: UpdateTask): Promise<TaskReport>;
  readTask(call: Call, input: { readonly taskId: TaskId }): Promise<TaskReport>;
  reportStatus(
    call: Call,
    input: { readonly waitFor?: WaitFor; readonly timeoutMs: number },
  ): Promise<StatusReport>;
  listTeams(call: Call, input: { readonly scope: "project" | "user" | "all" }): Promise<ListReport>;
}
