import { type Batch, type FlotillaMark, isOriginal } from "./delivery.ts";
import type { Instant } from "./ids.ts";

/** The host's stored history of one session, oldest first, reduced to what {@link judge} needs. */
export interface TranscriptEntry {
  readonly hostMessageId: string;
  readonly role: "user" | "assistant";
  readonly createdAt: Instant;
  readonly completedAt?: Instant;
  readonly parentId?: string;
  readonly finish?: string;
  readonly failed: boolean;
  /** A compaction's summary. */
  readonly summary: boolean;
  /** The first entry that is still sent to the model after a compaction: what stands before it is not. */
  readonly boundary: boolean;
  /** Parts that carry our mark. */
  readonly marked: readonly { readonly mark: FlotillaMark; readonly text: string }[];
}

export type Verdict =
  /** No entry carries the batch's mark and round. */
  | "absent"
  /** Stored and visible, and no finished step can have seen it. */
  | "unanswered"
  /** A finished step saw it, by the rule for a store alone. */
  | "answered"
  /** A step finished on top of it, yet this process watched and the text was not in the list. */
  | "overlooked"
  /**
   * Stored, visible and unanswered, but the newest step failed with a `finish` of its own, as on a context that is too long
   * (measured): the host takes what stands before it for dealt with, and the same ids start nothing.
   */
  | "closed"
  /** Stored behind a compaction and unanswered. */
  | "compacted";

/**
 * A later user message counts as proof only if it was stored this much after ours: a step names its newest user message
 * as parent, and one that was stored within the same moment may have been read before our part was written.
 */
export const LATER_PARENT_MS = 1_000;

/**
 * What the host's store says about a batch.
 *
 * @param watched this process saw every list of the session since the post: then an answer without a witness means that
 *   the loop read the message's row before its part was written.
 * @param digest the digest that `textDigest` was made with.
 */
export function judge(
  batch: Batch,
  transcript: readonly TranscriptEntry[],
  watched: boolean,
  digest: (text: string) => string,
): Verdict {
  const places = transcript.flatMap((entry, at) =>
    entry.marked.some((part) => isOriginal(batch, part, digest)) ? [at] : [],
  );
  // The host copies a prompt when it compacts after an overflow: the newest copy is the one in view.
  const last = places.at(-1);
  if (last === undefined) return "absent";
  // Seen to be answered, it stays so, whatever a compaction has left of the steps that would prove it from here.
  if (batch.phase === "answered") return "answered";
  const missedAt = transcript.findIndex((entry) => entry.hostMessageId === batch.missedBy);
  const isProven = places.some((at) => isAnswered(at, transcript, missedAt));
  if (isProven && (!watched || sawIt(batch))) return "answered";
  if (isHidden(last, transcript)) return "compacted";
  if (isAnswered(last, transcript)) return "overlooked";
  return isClosed(transcript) ? "closed" : "unanswered";
}

function isClosed(transcript: readonly TranscriptEntry[]): boolean {
  const newest = transcript.at(-1);
  return newest?.role === "assistant" && newest.failed && newest.finish !== undefined;
}

function isHidden(at: number, transcript: readonly TranscriptEntry[]): boolean {
  return transcript.findLastIndex((entry) => entry.boundary) > at;
}

/**
 * A step that names our message as parent was made of a list with it. One that names a later message proves as much only
 * up to the compaction that hid ours: the steps after that were sent the summary.
 *
 * @param missedAt steps up to that place were not sent it.
 */
function isAnswered(at: number, transcript: readonly TranscriptEntry[], missedAt = -1): boolean {
  const ours = transcript[at];
  if (!ours) return false;
  const steps = transcript.slice(missedAt + 1).filter(isFinishedStep);
  if (steps.some((step) => step.parentId === ours.hostMessageId)) return true;
  const summary = transcript.findIndex((entry, place) => place > at && entry.summary && !entry.failed);
  const hidden = isHidden(at, transcript) && summary >= 0 ? transcript.slice(summary) : [];
  return steps.some((step) => !hidden.includes(step) && hasLaterParent(step, ours, transcript));
}

function isFinishedStep(entry: TranscriptEntry): boolean {
  return entry.role === "assistant" && !entry.failed && !entry.summary && entry.finish !== undefined;
}

function hasLaterParent(
  step: TranscriptEntry,
  ours: TranscriptEntry,
  transcript: readonly TranscriptEntry[],
): boolean {
  const parent = transcript.find((entry) => entry.hostMessageId === step.parentId);
  return parent !== undefined && parent.createdAt >= ours.createdAt + LATER_PARENT_MS;
}

function sawIt(batch: Batch): boolean {
  return batch.phase === "witnessed" || batch.phase === "answered";
}
