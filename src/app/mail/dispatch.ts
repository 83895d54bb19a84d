import { type Address, addressOf } from "../../core/address.ts";
import {
  advance,
  type Batch,
  backoffMs,
  EVIDENCE_DEADLINE_MS,
  isSpent,
  unheld,
} from "../../core/delivery.ts";
import { renderBatch, renderReminder } from "../../core/envelope.ts";
import type { Message } from "../../core/message.ts";
import type { HoldReason } from "../../core/policy.ts";
import { memberOf, type RunState } from "../../core/run.ts";
import { causeOf } from "../../core/turn-cause.ts";
import { notTaken } from "../../core/wording.ts";
import type { FailedCall, PostOutcome, Prompt } from "../../ports.ts";
import type { Clearance } from "./clearance.ts";
import type { Office } from "./office.ts";
import type { Route } from "./route.ts";
import type { Slots } from "./slots.ts";
import { tried } from "./tried.ts";

/** What goes out for a batch: its messages, or a word about those that stand in the session already. */
type Letter = Pick<Prompt, "text" | "hostMessageId" | "hostPartId" | "mark">;

/**
 * Puts mail into prompts. What goes out is on disk before, with its ids and the attempt that it is: whatever a crash leaves
 * undone or untold, the next owner finds the same prompt or nothing in the host. What nothing held and nobody took is tried
 * again with back-off, and given up with a reason.
 */
export class Dispatch {
  readonly #office: Office;
  readonly #slots: Slots;
  readonly #clearance: Clearance;

  constructor(office: Office, slots: Slots, clearance: Clearance) {
    this.#office = office;
    this.#slots = slots;
    this.#clearance = clearance;
  }

  /** Takes all that is ready into one batch and posts it, unless something holds it. */
  async reserveNext(route: Route, state: RunState): Promise<void> {
    const { runId, world } = this.#office;
    const ready = await world.mailbox.ready(runId, route.recipient);
    if (ready.length === 0) {
      route.holdFor(undefined);
      return;
    }
    const address = addressOf(state, route.recipient);
    const askFirst = route.hold === "undo_staged";
    let hold: HoldReason | FailedCall | undefined = "starting";
    if (address && askFirst) hold = await tried(() => this.#clearance.claim(state, route, address.sessionId));
    else if (address) {
      const { sessionId } = address;
      hold =
        this.#clearance.take(state, route, sessionId) ??
        this.#clearance.join(state, route.recipient, sessionId, ready);
    }
    // Unanswered, what held it until now does.
    if (typeof hold === "object") return;
    if (hold || !address) {
      route.holdFor(hold);
      return;
    }
    const batch = this.#batch(route, address, ready);
    // Host and disk are waited for at the same time; what turns out to be held is made ready again.
    const asked = Promise.allSettled([
      askFirst ? undefined : tried(() => this.#clearance.ask(route.recipient, address.sessionId)),
    ]);
    await world.mailbox.reserve(batch);
    route.keep(batch);
    const [answer] = await asked;
    const held = answer.status === "rejected" || typeof answer.value === "string";
    if (held) await route.apply(batch, "abandon");
    if (answer.status === "rejected") throw answer.reason;
    route.holdFor(typeof answer.value === "string" ? answer.value : undefined);
    if (held) return;
    this.#office.desk.changed();
    if (typeof answer.value === "object") await this.failed(route, batch, ready, answer.value);
    else await this.#send(route, batch, ready, state, this.#original(batch, ready));
  }

  /** Posts a batch (again) if nothing holds it and it has attempts left. */
  async post(route: Route, batch: Batch, state: RunState): Promise<void> {
    const next = await this.#attempt(route, batch, state);
    if (!next) return;
    const messages = await this.#office.world.mailbox.messagesOf(next);
    await this.#send(route, next, messages, state, this.#original(next, messages));
  }

  /** The whole text again, under new ids: the old ones stand where the model does not look any more. */
  postAnew(route: Route, batch: Batch, state: RunState): Promise<void> {
    const round = batch.round + 1;
    const ids = this.#office.hostIds(batch, round);
    const next = { ...advance(batch, "compact"), round, ...ids, absentAt: this.#office.now() };
    return this.post(route, next, state);
  }

  /**
   * The same ids start nothing any more, so a short pointer goes out, under ids of its own. If nothing comes of it there is
   * another, as often as any post: never the text itself, which stands there already.
   */
  async remind(route: Route, batch: Batch, state: RunState): Promise<void> {
    const next = await this.#attempt(route, batch, state);
    if (!next) return;
    const { runId, world } = this.#office;
    const messages = await world.mailbox.messagesOf(next);
    await this.#send(route, next, messages, state, {
      text: renderReminder(next.messageIds),
      // Rounds count up from 1, so a negative number gives a reminder ids that no round will ever have.
      ...this.#office.hostIds(next, -next.attempts),
      mark: { runId, batchId: next.batchId, round: next.round, reminder: true },
    });
  }

  /** What becomes of mail that the host was asked to take, or asked about, and did not answer for. */
  async failed(
    route: Route,
    batch: Batch,
    messages: readonly Message[],
    outcome: Exclude<PostOutcome, { kind: "accepted" }>,
  ): Promise<void> {
    switch (outcome.kind) {
      case "session_gone": {
        // 404 is believed of a session only if the host says it of the session itself.
        const session = await tried(() => this.#office.world.host.session(batch.sessionId));
        if (!session) await this.lose(route, batch);
        else await this.retryLater(route, batch, outcome.reason);
        return;
      }
      case "refused":
        await this.giveUp(route, batch, messages, notTaken(outcome));
        return;
      case "unreachable":
        await this.retryLater(route, batch, outcome.reason);
        return;
    }
  }

  /** The session is gone: a generation is lost, and its mail is ready for the next one. */
  async lose(route: Route, batch: Batch): Promise<void> {
    await route.apply(batch, "abandon");
    this.#office.desk.sessionGone(batch.sessionId);
  }

  /** On disk with its reason: whoever takes the run over goes on counting. */
  async retryLater(route: Route, batch: Batch, error: string): Promise<void> {
    await route.store(this.afterBackoff(batch, error));
    this.#office.desk.changed();
  }

  /** Looked at again when the back-off of its last attempt is over. */
  afterBackoff(batch: Batch, error: string | undefined): Batch {
    const dueAt = this.#office.now() + backoffMs(batch.attempts, this.#office.world.ids.fraction());
    return { ...batch, dueAt, ...(error === undefined ? {} : { lastError: error }) };
  }

  async giveUp(route: Route, batch: Batch, messages: readonly Message[], reason: string): Promise<void> {
    const { runId, world, desk } = this.#office;
    // Told first: after a crash in between it is told again, under the same ids, and nobody is left in the dark.
    await desk.giveUp(route.recipient, messages, reason);
    await world.mailbox.bury(runId, route.recipient, batch.messageIds, reason);
    route.keep(advance(batch, "give_up"));
  }

  #batch({ recipient }: Route, address: Address, ready: readonly Message[]): Batch {
    const { runId, world } = this.#office;
    const batchId = world.ids.fresh("batch");
    const now = this.#office.now();
    return {
      version: 1,
      batchId,
      runId,
      recipient,
      sessionId: address.sessionId,
      generation: address.generation,
      messageIds: ready.map((message) => message.messageId),
      round: 1,
      ...this.#office.hostIds({ ...address, batchId }, 1),
      textDigest: world.ids.digest(renderBatch(ready)),
      phase: "reserved",
      // Counted before it is made: after a crash nobody knows whether the host has the prompt, and it is asked.
      attempts: 1,
      reservedAt: now,
      dueAt: now + EVIDENCE_DEADLINE_MS,
      heldMs: 0,
      stored: false,
    };
  }

  /** Another attempt, counted and on disk; undefined if something holds the batch, or it was the last and it is given up. */
  async #attempt(route: Route, batch: Batch, state: RunState): Promise<Batch | undefined> {
    const { mailbox } = this.#office.world;
    const hold = await this.#clearance.claim(state, route, batch.sessionId);
    route.holdFor(hold);
    if (hold) {
      await route.putOff(batch, hold, state.limits.pollIntervalMs);
      return undefined;
    }
    const now = this.#office.now();
    const free = unheld(batch, now);
    if (isSpent(free, now)) {
      const reason = free.lastError ?? "the recipient's model never answered it";
      await this.giveUp(route, free, await mailbox.messagesOf(free), reason);
      return undefined;
    }
    const next: Batch = { ...free, attempts: free.attempts + 1, dueAt: now + EVIDENCE_DEADLINE_MS };
    await mailbox.saveBatch(next);
    return next;
  }

  #original(batch: Batch, messages: readonly Message[]): Letter {
    const { runId, hostMessageId, hostPartId, batchId, round } = batch;
    return { text: renderBatch(messages), hostMessageId, hostPartId, mark: { runId, batchId, round } };
  }

  async #send(
    route: Route,
    batch: Batch,
    messages: readonly Message[],
    state: RunState,
    letter: Letter,
  ): Promise<void> {
    route.keep(batch);
    const watch = this.#office.watch(batch.sessionId);
    if (!watch.busy) watch.cause = causeOf(messages);
    let outcome: PostOutcome | HoldReason | undefined;
    try {
      outcome = await tried(async () => {
        const prompt = await this.#prompt(state, batch, letter);
        return this.#clearance.late(route.recipient) ?? this.#office.world.host.post(prompt);
      });
    } finally {
      // Not taken, no turn of this one will start.
      const taken = typeof outcome === "object" && outcome.kind === "accepted";
      if (!taken) this.#slots.giveBack(route.recipient);
    }
    if (typeof outcome === "string") await this.#notSent(route, batch, outcome, state);
    else if (outcome.kind === "accepted") route.keep(advance(batch, "accept"));
    else await this.failed(route, batch, messages, outcome);
  }

  /** Nothing was posted, so it was no attempt; mail that has never been posted is not even on its way. */
  async #notSent(route: Route, batch: Batch, hold: HoldReason, state: RunState): Promise<void> {
    route.holdFor(hold);
    const attempts = batch.attempts - 1;
    if (attempts === 0) await route.apply(batch, "abandon");
    else await route.putOff({ ...batch, attempts }, hold, state.limits.pollIntervalMs);
  }

  /** Agent, model and variant are always given: without them the host falls back to its default agent. */
  async #prompt(state: RunState, batch: Batch, letter: Letter): Promise<Prompt> {
    const { sessionId } = batch;
    const member = memberOf(state, batch.recipient);
    if (member) {
      const { agent, model } = member.plan;
      return { sessionId, agent, ...letter, ...(model === undefined ? {} : { model }) };
    }
    const style = await this.#office.world.host.promptStyle(sessionId);
    // A lead without any prompt of its own cannot exist: its tool call created the run.
    return {
      sessionId,
      agent: style?.agent ?? "build",
      ...letter,
      ...(style?.model ? { model: style.model } : {}),
    };
  }
}
