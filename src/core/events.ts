import type { MemberStatus } from "./run.ts";
import type { WorktreeEnd } from "./worktree.ts";

/**
 * Every event that this version writes into a journal, past tense. Whoever adds one gives it a sentence in
 * `cli/say-event.ts`, or it does not compile. Readers also meet those of newer versions.
 */
export type EventName =
  | `run_${"created" | "active" | "failed" | "orphaned" | "adopted" | "closing" | "closed" | "quiet"}`
  | `member_${"added" | "rejected" | MemberStatus}`
  | "session_opened"
  | `turn_${"started" | "settled"}`
  | "step_ended"
  | `gate_${"opened" | "answered" | "closed"}`
  | `shutdown_${"requested" | "approved" | "rejected"}`
  | `worktree_${WorktreeEnd["outcome"]}`
  | "message_sent"
  | "report_sent"
  | "messages_given_up"
  | "volley_stopped"
  | "budget_reached"
  | "limits_changed"
  | `task_${"created" | "assigned" | "claimed" | "started" | "completed" | "deleted" | "released" | "ready" | "edited"}`;
