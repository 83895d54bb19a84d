import type { EffectId, Instant, MemberName, Participant, SessionId } from "./ids.ts";
import type { Message } from "./message.ts";
import type { PermissionRule } from "./run.ts";
import type { Task } from "./task.ts";

/**
 * What a decision wants done. An effect is committed with the state that wants it and performed afterwards, as often as
 * it takes until it is confirmed; each is harmless when performed again.
 *
 * *Records* are writes to the run's folder: whoever commits performs them before it lets go of the lock, so that a file
 * never lags behind the state a tool's answer speaks of. *Deeds* reach into the host: only the run's owner performs them.
 */
export type Effect = RecordEffect | DeedEffect;

export type RecordEffect =
  | { readonly effectId: EffectId; readonly type: "put_message"; readonly message: Message }
  | { readonly effectId: EffectId; readonly type: "write_task"; readonly task: Task }
  | { readonly effectId: EffectId; readonly type: "append_journal"; readonly entry: JournalEntry };

export type DeedEffect =
  | {
      readonly effectId: EffectId;
      readonly type: "open_session";
      readonly member: MemberName;
      readonly generation: number;
    }
  /** Stops the session's turn and waits until it has stopped. */
  | {
      readonly effectId: EffectId;
      readonly type: "abort_session";
      readonly sessionId: SessionId;
      readonly directory: string;
    }
  /** Stops the member's session, then removes its worktree unless that holds something. */
  | { readonly effectId: EffectId; readonly type: "remove_worktree"; readonly member: MemberName }
  /** Adds permission rules to a session: how tools are offered and withdrawn. */
  | {
      readonly effectId: EffectId;
      readonly type: "add_rules";
      readonly sessionId: SessionId;
      readonly rules: readonly PermissionRule[];
    }
  | {
      readonly effectId: EffectId;
      readonly type: "show_toast";
      readonly directory: string;
      readonly level: "info" | "warning" | "error";
      readonly text: string;
    }
  /** Answers a permission that a participant's session, or one below it, waits for. */
  | ({
      readonly effectId: EffectId;
      readonly type: "answer_permission";
      readonly participant: Participant;
    } & PermissionAnswer)
  /** The run is closed: its folder moves to the archive. */
  | { readonly effectId: EffectId; readonly type: "archive_run" };

/** What may be answered to a permission. */
export interface PermissionAnswer {
  readonly requestId: string;
  /** `always` holds in the host's memory for all sessions of that directory. */
  readonly reply: "once" | "always" | "reject";
  /** With a rejection: told to the model, and its turn goes on; a rejection without one ends the turn. */
  readonly message?: string;
}

export type EffectType = Effect["type"];

/** `Omit` over each arm of the union, not over what the arms share. */
export type Wish = Effect extends infer E ? (E extends Effect ? Omit<E, "effectId"> : never) : never;

const RECORDS: ReadonlySet<EffectType> = new Set<EffectType>(["put_message", "write_task", "append_journal"]);

export function isRecord(effect: Effect): effect is RecordEffect {
  return RECORDS.has(effect.type);
}

/** One line of `journal.jsonl`: what happened, for people and for replay. Never a message body or a tool's argument. */
export interface JournalEntry {
  /** The commit it belongs to; with `index` the line's identity: appended if missing. */
  readonly revision: number;
  readonly index: number;
  readonly at: Instant;
  /** Past tense, `member_waiting`, `message_sent`, `task_claimed`. */
  readonly event: string;
  readonly [field: string]: unknown;
}
