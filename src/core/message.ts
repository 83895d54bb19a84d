import type { Instant, MessageId, Participant, RunId, Sender } from "./ids.ts";

/** What a tool may send. */
export const TOOL_KINDS = ["message", "announcement"] as const;
/** What only the plugin sends, besides a person's `person`. */
export const SYSTEM_KINDS = [
  "brief",
  "shutdown_request",
  "shutdown_approved",
  "shutdown_rejected",
  "final_report",
  "member_error",
  "budget",
  "stuck",
  "task",
] as const;

export type ToolKind = (typeof TOOL_KINDS)[number];
export type MessageKind = ToolKind | "person" | (typeof SYSTEM_KINDS)[number];

export const MESSAGE_KINDS: readonly MessageKind[] = [...TOOL_KINDS, "person", ...SYSTEM_KINDS];

const SENT: ReadonlySet<MessageKind> = new Set<MessageKind>([...TOOL_KINDS, "person"]);

/** Whether somebody chose to send it, so that it counts as one of the run's messages and could have been refused. */
export function isSent(kind: MessageKind): boolean {
  return SENT.has(kind);
}

/** A file the sender points at; the recipient reads it with its own tools and its own permissions. */
export interface Reference {
  readonly path: string;
  readonly description?: string;
}

/**
 * One message in one inbox. Immutable: written once, in its final form, and from then on only moved; where the file is
 * *is* the message's state. `to` is always a single participant, a broadcast is one record a recipient.
 */
export interface Message {
  readonly version: 1;
  readonly messageId: MessageId;
  readonly runId: RunId;
  readonly from: Sender;
  readonly to: Participant;
  readonly kind: MessageKind;
  readonly body: string;
  readonly summary?: string;
  readonly references?: readonly Reference[];
  readonly correlationId?: string;
  readonly createdAt: Instant;
  /** Rises by one with every message of a run: the order in which a recipient reads. */
  readonly seq: number;
}
