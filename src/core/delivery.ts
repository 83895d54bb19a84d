import type { BatchId, Instant, MessageId, Participant, RunId, SessionId } from "./ids.ts";
import { type Cell, REFUSE, STAY, step, type Table } from "./table.ts";

/**
 * How a batch of messages reaches a model once.
 *
 *     reserved --post, host says yes--> posted --host shows it--> stored --in the list sent--> witnessed
 *         ^                                |                         |                             |
 *         |  lost: not in the host         |                         | overlooked: remind          | its step finished
 *         +--------------------------------+-------------------------+                             v
 *         |  compacted: new round, new ids                                                      answered
 *         |                                                                                        |
 *     returned (mail is ready again)  <-- removed by the person, session gone                      | turn settled
 *     dead (given up, with a reason)  <-- 8 attempts or 15 minutes in which nothing held it        v
 *                                                                                                acked
 *
 * Who moves it: the owner's courier posts, inspects and gives up; any process that witnesses a step may record it. What a
 * crash leaves: the batch file, with everything seen so far; recovery finishes the renames it announced and asks the host
 * (`verdict.ts`). Nothing is ever inferred from silence: a post without evidence is inspected, not repeated.
 */
export type DeliveryPhase =
  | "reserved"
  | "posted"
  | "stored"
  | "witnessed"
  | "answered"
  | "acked"
  | "returned"
  | "dead";

export const DELIVERY_PHASES: readonly DeliveryPhase[] = [
  "reserved",
  "posted",
  "stored",
  "witnessed",
  "answered",
  "acked",
  "returned",
  "dead",
];

export type DeliveryCommand =
  /** The host took the prompt (204): received, not accepted. */
  | "accept"
  /** The host shows our text under our ids. */
  | "see"
  /** The text stood in a list that went to the model. */
  | "witness"
  /** The step whose list was witnessed finished without error. */
  | "answer"
  /** The turn is over. */
  | "settle"
  /** The host's store alone proves the answer (`verdict.ts`). */
  | "confirm"
  /** The host has no such message. */
  | "lose"
  /** It stands behind a compaction, unanswered. */
  | "compact"
  /** The person removed it: undo. */
  | "remove"
  /** The session is gone. */
  | "abandon"
  /** Out of attempts or of time. */
  | "give_up";

export const DELIVERY_COMMANDS: readonly DeliveryCommand[] = [
  "accept",
  "see",
  "witness",
  "answer",
  "settle",
  "confirm",
  "lose",
  "compact",
  "remove",
  "abandon",
  "give_up",
];

/** Terminal phases absorb everything: a late fact about a batch that is over is nothing. */
const OVER: { readonly [command in DeliveryCommand]: Cell<DeliveryPhase> } = {
  accept: STAY,
  see: STAY,
  witness: STAY,
  answer: STAY,
  settle: STAY,
  confirm: STAY,
  lose: STAY,
  compact: STAY,
  remove: STAY,
  abandon: STAY,
  give_up: STAY,
};

export const deliveryTable: Table<DeliveryPhase, DeliveryCommand> = {
  reserved: {
    accept: "posted",
    see: "stored",
    witness: "witnessed",
    answer: STAY,
    settle: STAY,
    confirm: "acked",
    lose: STAY,
    compact: "reserved",
    remove: "returned",
    abandon: "returned",
    give_up: "dead",
  },
  posted: {
    accept: STAY,
    see: "stored",
    witness: "witnessed",
    answer: STAY,
    settle: STAY,
    confirm: "acked",
    lose: "reserved",
    compact: "reserved",
    remove: "returned",
    abandon: "returned",
    give_up: "dead",
  },
  stored: {
    accept: STAY,
    see: STAY,
    witness: "witnessed",
    answer: STAY,
    settle: STAY,
    confirm: "acked",
    lose: "reserved",
    compact: "reserved",
    remove: "returned",
    abandon: "returned",
    give_up: "dead",
  },
  witnessed: {
    accept: STAY,
    see: STAY,
    witness: STAY,
    answer: "answered",
    settle: STAY,
    confirm: "acked",
    lose: "reserved",
    compact: "reserved",
    remove: "returned",
    abandon: "returned",
    give_up: "dead",
  },
  answered: {
    accept: STAY,
    see: STAY,
    witness: STAY,
    answer: STAY,
    settle: "acked",
    confirm: "acked",
    lose: "reserved",
    // Answered mail behind a compaction has been seen: the summary stands for it.
    compact: STAY,
    remove: "returned",
    // The model has answered; that its session is gone afterwards takes nothing back.
    abandon: "acked",
    give_up: REFUSE,
  },
  acked: OVER,
  returned: OVER,
  dead: OVER,
};

/**
 * Travels as `metadata.flotilla` of the one part of a prompt. The host copies part metadata when it re-creates a message
 * after an overflow, under new ids: so the mark, not the id, says what a part is.
 */
export interface FlotillaMark {
  readonly runId: RunId;
  readonly batchId: BatchId;
  readonly round: number;
  /** Set on a reminder: its text only points at the original. */
  readonly reminder?: true;
}

/** `inboxes/<member>/.batch-<batchId>.json`. Written and synced before any of its messages is reserved. */
export interface Batch {
  readonly version: 1;
  readonly batchId: BatchId;
  readonly runId: RunId;
  readonly recipient: Participant;
  readonly sessionId: SessionId;
  readonly generation: number;
  /** In the order in which they stand in the text. */
  readonly messageIds: readonly MessageId[];
  /** One life under one set of host ids; ids derive from run, session, generation, batch and round. */
  readonly round: number;
  readonly hostMessageId: string;
  readonly hostPartId: string;
  /** Digest of the posted text, so that an upgrade that renders differently still recognises what it sent. */
  readonly textDigest: string;
  readonly phase: DeliveryPhase;
  /** Posts so far that nothing held; a gate, a slot or a busy session costs none. */
  readonly attempts: number;
  readonly reservedAt: Instant;
  /** The host had nothing of this round yet: its ids were new then, or it said so. */
  readonly absentAt?: Instant;
  /** When the courier looks at it again without being told to. */
  readonly dueAt: Instant;
  /** Time so far in which a gate held it: not counted against the 15 minutes. */
  readonly heldMs: number;
  /** Since when a gate holds it now, and which. */
  readonly held?: { readonly since: Instant; readonly by: string };
  /** The host has shown it at least once: from then on a 404 means a roll-back, not a lost post. */
  readonly stored: boolean;
  /**
   * The newest step of the model that is known not to have been sent it, whatever the store alone says of that and of earlier
   * ones: the next owner, who saw none of their lists, has to know.
   */
  readonly missedBy?: string;
  readonly lastError?: string;
}

/** After these, mail that nothing held goes to `dead/` and sender and lead are told (contract, section 4, promise 6). */
export const MAX_ATTEMPTS: number = 8;
export const MAX_UNHELD_MS: number = 15 * 60_000;
/** No sign of a turn this long after the host said yes: look instead of waiting. Cold hosts take up to 5 s (measured). */
export const EVIDENCE_DEADLINE_MS = 15_000;
/** Back-off between attempts: 1 s doubling to 60 s, the range in which providers recover from overload. */
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 60_000;

/**
 * Time to wait after `attempts` failed attempts. `jitter` in 0..1 spreads members that failed together: the wait is
 * between half and all of the exponential step.
 */
export function backoffMs(attempts: number, jitter: number): number {
  const full = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.max(0, attempts - 1));
  return Math.round(full / 2 + (full / 2) * jitter);
}

/** Whether the mail has used up what it may use; a held batch never has. */
export function isSpent(batch: Batch, now: Instant): boolean {
  if (batch.held) return false;
  return batch.attempts >= MAX_ATTEMPTS || now - batch.reservedAt - batch.heldMs >= MAX_UNHELD_MS;
}

/**
 * Whether an answer of that status would be the same the next time. 404 has a meaning of its own (the session is gone); 408
 * and 429 ask for another attempt.
 */
export function isFinalStatus(status: number): boolean {
  return status >= 400 && status < 500 && status !== 404 && status !== 408 && status !== 429;
}

/** Phases that say the host has shown the text, in its store or in the list that went to the model. */
const SHOWN: ReadonlySet<DeliveryPhase> = new Set<DeliveryPhase>([
  "stored",
  "witnessed",
  "answered",
  "acked",
]);

/** Applies one command; the same batch object when nothing moved. Ids of a new round are the caller's to set. */
export function advance(batch: Batch, command: DeliveryCommand): Batch {
  const next = step(deliveryTable, batch.phase, command);
  if (next.outcome !== "moved") return batch;
  return { ...batch, phase: next.state, stored: batch.stored || SHOWN.has(next.state) };
}

/** The step was sent a list without it; of what the model has been shown by now that says nothing any more. */
export function missed(batch: Batch, stepId: string | undefined): Batch {
  if (stepId === undefined || stepId === batch.missedBy || letsNextFollow(batch.phase)) return batch;
  return { ...batch, missedBy: stepId };
}

export function isOver(phase: DeliveryPhase): boolean {
  return phase === "acked" || phase === "returned" || phase === "dead";
}

/**
 * A batch of an earlier life: asked about at once, and its clock stood while nobody was there to carry it. Attempts that
 * died with their process are none: neither the mail nor its recipient has failed.
 */
export function takeUp(batch: Batch, now: Instant, died: boolean): Batch {
  const held = batch.held ?? { since: Math.min(batch.dueAt, now), by: "restart" };
  const attempts = died ? 0 : batch.attempts;
  return { ...batch, attempts, dueAt: now, held };
}

/** A recipient may be sent the next batch once every earlier one has been seen by its model: this keeps the order. */
export function letsNextFollow(phase: DeliveryPhase): boolean {
  return phase === "witnessed" || phase === "answered" || isOver(phase);
}

/** Nothing holds it, and the recipient's model has not been shown it: a turn begins with it. */
export function startsTurn(batch: Batch): boolean {
  return batch.held === undefined && !letsNextFollow(batch.phase);
}

/** The batch with the time it was held taken off its clock. */
export function unheld(batch: Batch, now: Instant): Batch {
  if (!batch.held) return batch;
  const { held, ...rest } = batch;
  return { ...rest, heldMs: batch.heldMs + now - held.since };
}

/** Whether a part with the mark is the batch itself; its reminder only points at it. */
export function isOf({ batchId, runId, round }: Batch, mark: FlotillaMark): boolean {
  return mark.batchId === batchId && mark.runId === runId && mark.round === round && mark.reminder !== true;
}

/** Whether a part holds what was posted for the batch. */
export function isOriginal(
  batch: Batch,
  { mark, text }: { readonly mark: FlotillaMark; readonly text: string },
  digest: (text: string) => string,
): boolean {
  return isOf(batch, mark) && digest(text) === batch.textDigest;
}
