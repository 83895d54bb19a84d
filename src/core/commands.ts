import type { PermissionAnswer } from "./effects.ts";
import type { CallId, Gate, GateReply, HostFault, ModelStep, ToolRun } from "./facts.ts";
import type { MemberName, MessageId, Participant, Sender, SessionId, TaskId } from "./ids.ts";
import type { Reference, ToolKind } from "./message.ts";
import type { Limits, MemberPlan, TurnCause } from "./run.ts";
import type { Task, TaskResult } from "./task.ts";
import type { Site, WorktreeEnd } from "./worktree.ts";

/** The tasks a decision needs, loaded under the lock: those named, their blockers, dependents and what they lead to. */
export type TaskBook = ReadonlyMap<TaskId, Task>;

/** A member that was wanted and could not even be planned. */
export interface Rejection {
  readonly name: MemberName;
  readonly agent: string;
  readonly error: string;
}

/** The worktrees that members are to have, by name. */
export type Sites = Readonly<Record<MemberName, Site>>;

/** What can be asked of a run. Everything a decision needs beyond the state travels in the command. */
export type Command =
  | SendMessage
  | {
      readonly type: "add_members";
      readonly by: Participant;
      readonly plans: readonly MemberPlan[];
      readonly rejected?: readonly Rejection[];
      readonly sites?: Sites;
      /** New tasks that come with them. */
      readonly drafts?: readonly TaskDraft[];
      /** What former members of these names have left on the list. */
      readonly book?: TaskBook;
    }
  /** A person's word on what the run may use, whatever it was started with. */
  | { readonly type: "change_limits"; readonly limits: Partial<Limits> }
  /** A person's word on what a participant waits for. */
  | ({ readonly type: "answer_gate"; readonly participant: Participant } & PermissionAnswer)
  | {
      readonly type: "create_tasks";
      readonly by: Participant;
      readonly drafts: readonly TaskDraft[];
      readonly book: TaskBook;
    }
  | {
      readonly type: "update_task";
      readonly by: Participant;
      readonly taskId: TaskId;
      readonly change: TaskChange;
      readonly book: TaskBook;
    }
  | {
      readonly type: "request_shutdown";
      readonly by: Participant;
      readonly member: string;
      readonly reason?: string;
    }
  | {
      readonly type: "approve_shutdown";
      readonly by: Participant;
      readonly member: string;
      /** A prompt of ours is on its way that will start a turn of the member's. */
      readonly turnAhead?: boolean;
      readonly book: TaskBook;
    }
  | {
      readonly type: "reject_shutdown";
      readonly by: Participant;
      readonly member: string;
      readonly reason: string;
    }
  | {
      readonly type: "close_run";
      readonly force: boolean;
      readonly reason: string;
      /** Unread messages a member, ready and reserved. */
      readonly unread: Readonly<Record<MemberName, number>>;
    }
  | { readonly type: "finish_run" }
  | {
      readonly type: "note_session_opened";
      readonly member: MemberName;
      readonly generation: number;
      readonly sessionId: SessionId;
      readonly directory: string;
    }
  | {
      readonly type: "note_spawn_failed";
      readonly member: MemberName;
      readonly generation: number;
      readonly reason: string;
      /** What became of the worktree that had been made for it. */
      readonly worktree?: WorktreeEnd;
      readonly book: TaskBook;
    }
  | { readonly type: "note_worktree_ended"; readonly member: MemberName; readonly end: WorktreeEnd }
  | (OfSession & { readonly type: "note_turn_started"; readonly cause: TurnCause })
  | (OfSession & {
      readonly type: "note_step";
      readonly step: ModelStep;
      /** The step is one of the participant's subagents'. */
      readonly below?: Below;
      /** Tool calls of the session that have ended since the step before. */
      readonly tools: readonly ToolRun[];
      /** Mail in the list that the step was sent, as far as it is not acked. */
      readonly mail: readonly MessageId[];
    })
  | TurnSettled
  | (OfSession & {
      readonly type: "note_gate_opened";
      readonly gate: Gate;
      /** Nobody is there to be asked, and this is what was said beforehand. */
      readonly unattended?: "allow" | "reject";
    })
  | (OfSession & {
      readonly type: "note_gate_closed";
      /** Left out: every gate of the participant is gone. */
      readonly requestId?: string;
      readonly reply?: GateReply;
    })
  | (OfSession & { readonly type: "note_prompted" })
  /** No turn of the member's runs, and nothing is on its way that will start one. */
  | { readonly type: "note_at_rest"; readonly member: MemberName; readonly book: TaskBook }
  | {
      readonly type: "note_session_deleted";
      readonly sessionId: SessionId;
      readonly book: TaskBook;
    }
  | {
      readonly type: "note_undeliverable";
      readonly recipient: Participant;
      readonly messages: readonly { readonly messageId: MessageId; readonly from: Sender }[];
      readonly reason: string;
    }
  | { readonly type: "note_time" }
  /** The owner goes in an orderly way and leaves the run to the next. */
  | { readonly type: "note_orphaned" }
  /** A process has become the owner. */
  | { readonly type: "note_adopted" }
  | {
      readonly type: "note_quiet";
      /** A digest of the open tasks with status and owner: another list is another quiet. */
      readonly list: string;
      /** Tasks that are neither completed nor deleted, in order of id. */
      readonly open: readonly Task[];
      /** Those of them that can be taken. */
      readonly ready: readonly TaskId[];
    };

/** A session below a participant's, at any depth. */
export interface Below {
  readonly sessionId: SessionId;
  /** The call of `task` that it answers, if it is known. */
  readonly call?: CallId;
}

/** What the host has told of a participant's session. */
interface OfSession {
  readonly participant: Participant;
  /** Whose session it was told of. A name may have come back since: its former session has nothing to say of it. */
  readonly generation?: number;
}

export interface SendMessage {
  readonly type: "send_message";
  readonly by: Participant | "person";
  /** A participant's name or `*`, as received. */
  readonly to: string;
  readonly messageId: MessageId;
  readonly kind: ToolKind | "person";
  readonly body: string;
  readonly summary?: string;
  readonly references?: readonly Reference[];
  readonly correlationId?: string;
  /** The tool call that sends it, if it is one. */
  readonly call?: CallId;
  /** UTF-8 bytes that wait for each participant, ready and reserved. */
  readonly unreadBytes: Readonly<Record<Participant, number>>;
}

export interface TurnSettled extends OfSession {
  readonly type: "note_turn_settled";
  readonly outcome: "ended" | "failed" | "aborted";
  /** The host's id of the last assistant message: one last word and one error notice a step, however often it is told. */
  readonly stepId: string;
  /** The newest assistant message of the session, if it has one: until there is a newer one, this end is told again. */
  readonly newestStepId?: string;
  /** Final text of the turn, empty if there is none. */
  readonly text: string;
  readonly fault?: HostFault;
  /** Whoever ran the turn has died in it. */
  readonly abandoned?: true;
  /** Batches of the participant that no finished step has seen: they will be posted again and wake it. */
  readonly unanswered: number;
  /** The host has gone on without a rest: the member's next turn has begun, and by whom. */
  readonly next?: TurnCause;
  /** Tool calls that have ended since the last step was noted. */
  readonly tools?: readonly ToolRun[];
  /** 0..1, spreads the back-off of members that failed together. */
  readonly jitter: number;
  readonly book: TaskBook;
}

export interface TaskDraft {
  readonly subject: string;
  readonly description: string;
  /** Ids of existing tasks. */
  readonly blockedBy: readonly TaskId[];
  /** Positions, from 0, of earlier drafts of the same call. */
  readonly blockedByDraft: readonly number[];
  readonly owner?: string;
}

export interface TaskChange {
  readonly status?: "pending" | "claimed" | "in_progress" | "completed" | "deleted";
  /** A participant, or "" for nobody. */
  readonly owner?: string;
  readonly subject?: string;
  readonly description?: string;
  readonly blockedBy?: readonly TaskId[];
  readonly result?: TaskResult;
}
