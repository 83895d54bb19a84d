import { type Batch, type FlotillaMark, isOf, letsNextFollow } from "../../core/delivery.ts";
import type { Instant, MessageId, Participant } from "../../core/ids.ts";
import type { HoldReason } from "../../core/policy.ts";
import type { TurnCause } from "../../core/run.ts";
import { causeOf } from "../../core/turn-cause.ts";
import type { Inspection } from "./inspection.ts";
import type { Office } from "./office.ts";
import type { Routes } from "./route.ts";

/** How one participant's mail stands, for status. */
export interface RouteReport {
  readonly reserved: number;
  readonly hold: HoldReason | undefined;
  /** Next look without any event. */
  readonly dueAt: Instant | undefined;
  /** Since when mail is at the host that is to start a turn of it, or to be seen in the running one. */
  readonly postedSince: Instant | undefined;
  /** What went wrong with the mail that is on its way, after how many attempts. */
  readonly trouble: { readonly attempts: number; readonly error: string } | undefined;
}

/**
 * How mail stands, for those who only look. Answers take all into account that had been told when they were asked for, and
 * change nothing. At once, by what is known, answer only {@link report} and {@link messagesIn}.
 */
export class Standing {
  readonly #office: Office;
  readonly #routes: Routes;
  readonly #inspection: Inspection;

  constructor(office: Office, routes: Routes, inspection: Inspection) {
    this.#office = office;
    this.#routes = routes;
    this.#inspection = inspection;
  }

  report(recipient: Participant): RouteReport {
    const { hold, loaded } = this.#routes.of(recipient);
    const posted = loaded.filter((batch) => batch.phase === "posted");
    const failing = loaded.find((batch) => batch.lastError !== undefined && batch.phase !== "answered");
    return {
      reserved: loaded.length,
      hold,
      dueAt: loaded.length === 0 ? undefined : Math.min(...loaded.map((batch) => batch.dueAt)),
      postedSince: posted.length === 0 ? undefined : Math.min(...posted.map((batch) => batch.reservedAt)),
      trouble: failing && { attempts: failing.attempts, error: failing.lastError ?? "" },
    };
  }

  /** Whether mail is on its way to anybody. */
  isCarrying(): boolean {
    return this.#routes.all().some((route) => route.loaded.length > 0);
  }

  /** Messages on their way to a recipient that have stood in a list that went to its model. */
  async seen(recipient: Participant): Promise<number> {
    const seen = (await this.#batches(recipient)).filter(hasBeenSeen);
    return seen.reduce((sum, batch) => sum + batch.messageIds.length, 0);
  }

  /** Messages for a recipient that have not. */
  async unseen(recipient: Participant): Promise<number> {
    const { runId, world } = this.#office;
    const seen = await this.seen(recipient);
    return Math.max(0, (await world.mailbox.unreadCount(runId, recipient)) - seen);
  }

  /** Host ids of prompts that were posted to a recipient and have not been seen by its model. */
  async underWay(recipient: Participant): Promise<readonly string[]> {
    const batches = await this.#batches(recipient);
    return batches.filter((batch) => !hasBeenSeen(batch)).map((batch) => batch.hostMessageId);
  }

  /** Batches of a recipient that no finished step has seen, as far as anybody here or the host's store knows. */
  async unanswered(recipient: Participant): Promise<number> {
    const batches = await this.#batches(recipient);
    return batches.length - (await this.#answeredOf(batches)).length;
  }

  /** Who asked for what a finished step has seen and is not acked: there was a turn of it. Undefined if nothing is so. */
  async causeOfAnswered(recipient: Participant): Promise<TurnCause | undefined> {
    return this.#causeOf(await this.#answeredOf(await this.#batches(recipient)));
  }

  /** Who asks for what stands in a list for the first time; undefined if nothing of ours does. */
  async causeOf(recipient: Participant, marks: readonly FlotillaMark[]): Promise<TurnCause | undefined> {
    const unseen = (await this.#batches(recipient)).filter((batch) => !hasBeenSeen(batch));
    return this.#causeOf(unseen.filter((batch) => marks.some((mark) => isOf(batch, mark))));
  }

  /** Messages on their way that stand in a list with these marks. What travels in a prompt never changes. */
  async messagesIn(recipient: Participant, marks: readonly FlotillaMark[]): Promise<readonly MessageId[]> {
    if (marks.length === 0) return [];
    const batches = await this.#routes.of(recipient).present();
    const shown = batches.filter((batch) => marks.some((mark) => isOf(batch, mark)));
    return shown.flatMap((batch) => batch.messageIds);
  }

  async #answeredOf(batches: readonly Batch[]): Promise<readonly Batch[]> {
    const answered: Batch[] = [];
    for (const batch of batches) {
      const isAnswered =
        batch.phase === "answered" || (await this.#inspection.find(batch)).verdict === "answered";
      if (isAnswered) answered.push(batch);
    }
    return answered;
  }

  async #causeOf(batches: readonly Batch[]): Promise<TurnCause | undefined> {
    const messages = await Promise.all(batches.map((batch) => this.#office.world.mailbox.messagesOf(batch)));
    return batches.length === 0 ? undefined : causeOf(messages.flat());
  }

  #batches(recipient: Participant): Promise<readonly Batch[]> {
    return this.#routes.of(recipient).upToDate();
  }
}

/** A phase lets the next batch follow once the model has seen this one. */
function hasBeenSeen(batch: Batch): boolean {
  return letsNextFollow(batch.phase);
}
