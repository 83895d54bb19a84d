import {
  advance,
  type Batch,
  type DeliveryCommand,
  EVIDENCE_DEADLINE_MS,
  isOver,
  letsNextFollow,
  takeUp,
} from "../../core/delivery.ts";
import type { Instant, Participant } from "../../core/ids.ts";
import type { HoldReason } from "../../core/policy.ts";
import { memberOf, type RunState } from "../../core/run.ts";
import { RUN_ENDED } from "../../core/wording.ts";
import { Lane } from "../lane.ts";
import type { Office } from "./office.ts";
import type { Slots } from "./slots.ts";

/** Keeps a due time that could not be acted on from turning into a busy loop. */
const SHORTEST_WAIT_MS = 50;

/**
 * One recipient's mail on its way: its batches, here as they are on disk, and what holds the mail behind them. Whatever moves
 * a batch does so in the lane, one thing at a time; who only looks waits until the lane has come so far.
 *
 * Nothing waits without a next look: a batch has a due time, held mail has a named gate whose end leads to {@link look}.
 */
export class Route {
  readonly recipient: Participant;
  readonly lane: Lane;
  /** Under the hold `rate`: when the next wake is there. */
  wakeAt: Instant | undefined;
  /**
   * Messages of the host in whose place something new has to go out, by what its history says. True once all that had been
   * told by then is worked in, and the history may be believed.
   */
  readonly doubts: Map<string, boolean> = new Map();
  readonly #office: Office;
  readonly #slots: Slots;
  readonly #attend: (route: Route, state: RunState) => Promise<void>;
  /** Those that are not over, oldest first; undefined until read from disk by the process that carries them. */
  #batches: Map<string, Batch> | undefined;
  #hold: HoldReason | undefined;
  /** The last look broke off: the next one is not left to an event. */
  #failed = false;
  #cancelTimer: (() => void) | undefined;

  /** @param attend what a look does. */
  constructor(
    recipient: Participant,
    office: Office,
    slots: Slots,
    attend: (route: Route, state: RunState) => Promise<void>,
  ) {
    this.recipient = recipient;
    this.lane = new Lane((fault) => office.desk.report(fault));
    this.#office = office;
    this.#slots = slots;
    this.#attend = attend;
  }

  get hold(): HoldReason | undefined {
    return this.#hold;
  }

  /** The batches as far as they are in memory. */
  get loaded(): readonly Batch[] {
    return [...(this.#batches?.values() ?? [])];
  }

  /** Looks after the mail, once everything that was told so far is worked in. */
  look(): void {
    if (this.#office.isOpen) this.lane.addOnce(() => this.#work());
  }

  /** The batches to work on, for what runs in the lane. Mended and kept by the one process that carries them. */
  async load(): Promise<readonly Batch[]> {
    if (this.#batches) return this.loaded;
    const { world, runId } = this.#office;
    if (!this.#office.carries(this.recipient)) {
      const stored = await world.mailbox.batches(runId, this.recipient);
      return stored.map((batch) => takeUp(batch, this.#office.now(), false));
    }
    const stored = await world.mailbox.mend(runId, this.recipient);
    // Another process or an earlier life posted these: what the host has decides, and it is asked at once.
    const now = this.#office.now();
    const died = this.#office.isAbandoned(this.recipient);
    this.#batches = new Map(stored.map((batch) => [batch.batchId, takeUp(batch, now, died)]));
    // Lists that were shown while somebody else ran the session have escaped us.
    for (const { sessionId } of stored) this.#office.watch(sessionId).watchedSince = now;
    return this.loaded;
  }

  /** The batches once everything that was told so far is worked in, for one who only looks at them. */
  async upToDate(): Promise<readonly Batch[]> {
    await this.lane.reached();
    return this.present();
  }

  /** The batches as they are at this moment, for one who asks for nothing of them that changes. */
  async present(): Promise<readonly Batch[]> {
    return this.#batches
      ? this.loaded
      : this.#office.world.mailbox.batches(this.#office.runId, this.recipient);
  }

  /** Somebody else may work on the batches from here on. */
  unload(): void {
    this.#batches = undefined;
  }

  /** Moves each batch, unless `move` gives it back as it is, and looks: being seen opens the way for the next. */
  moveEach(move: (batch: Batch) => Batch): void {
    this.lane.add(async () => {
      for (const batch of await this.load()) await this.#move(batch, move(batch));
    });
    this.look();
  }

  apply(batch: Batch, command: DeliveryCommand): Promise<void> {
    return this.#move(batch, advance(batch, command));
  }

  /** Makes a batch's new phase true on disk; an over one leaves its files where they belong. */
  async store(batch: Batch): Promise<void> {
    const { mailbox } = this.#office.world;
    if (batch.phase === "acked") await mailbox.ack(batch);
    else if (batch.phase === "returned") await mailbox.release(batch);
    else if (batch.phase !== "dead") await mailbox.saveBatch(batch);
    this.keep(batch);
  }

  /** In memory only: what the next owner finds out or does without. */
  keep(batch: Batch): void {
    if (!isOver(batch.phase)) {
      this.#batches?.set(batch.batchId, batch);
      return;
    }
    this.#batches?.delete(batch.batchId);
    this.doubts.delete(batch.hostMessageId);
    if (this.#batches?.size === 0) this.#slots.giveBack(this.recipient);
  }

  /** Nothing is to be done about it until something happens; then, or after the deadline, it is looked at again. */
  putBack(batch: Batch): void {
    this.keep({ ...batch, dueAt: this.#office.now() + EVIDENCE_DEADLINE_MS });
  }

  /** The clock of a held batch stands; that it does is on disk, or a restart would count the time against it. */
  async putOff(batch: Batch, by: string, waitMs: number): Promise<void> {
    const now = this.#office.now();
    const next: Batch = { ...batch, held: { since: batch.held?.since ?? now, by }, dueAt: now + waitMs };
    if (!batch.held) await this.#office.world.mailbox.saveBatch(next);
    this.keep(next);
  }

  /** What holds the mail, as status shows it; undefined when nothing does. */
  holdFor(hold: HoldReason | undefined): void {
    if (this.#hold === hold) return;
    this.#hold = hold;
    if (hold === "slot") this.#slots.wait(this.recipient, this.#office.now());
    else this.#slots.stopWaiting(this.recipient);
    this.#office.desk.changed();
  }

  /** Leaves nothing waiting: what the model has been shown is acked, what nobody will read any more is given up. */
  async windUp(): Promise<void> {
    const { mailbox } = this.#office.world;
    const { runId } = this.#office;
    // The run is over: nobody carries its mail any more, and its owner puts every inbox in order.
    const batches = this.#batches ? this.loaded : await mailbox.mend(runId, this.recipient);
    for (const batch of batches)
      await this.store({ ...batch, phase: letsNextFollow(batch.phase) ? "acked" : "returned" });
    const unread = (await mailbox.ready(runId, this.recipient)).map(({ messageId }) => messageId);
    if (unread.length > 0) await mailbox.bury(runId, this.recipient, unread, RUN_ENDED);
  }

  /** No timer is left. */
  close(): void {
    this.#cancelTimer?.();
  }

  async #move(batch: Batch, next: Batch): Promise<void> {
    if (next === batch) return;
    await this.store(next);
    this.#office.desk.changed();
  }

  async #work(): Promise<void> {
    const state = this.#office.state();
    if (!state || !this.#office.isOpen) return;
    this.#failed = true;
    try {
      await this.#attend(this, state);
      this.#failed = false;
    } finally {
      // What went wrong is reported by the lane; the mail is looked after again all the same.
      this.#setTimer();
    }
  }

  /** The next look that no event brings: a due batch, the end of a back-off, and the safety net behind both. */
  #setTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const batches = this.loaded;
    const state = this.#office.state();
    const nothing = batches.length === 0 && this.#hold === undefined && !this.#failed;
    if (!this.#office.isOpen || !state || nothing) return;
    const now = this.#office.now();
    const dues = this.#dues(state);
    const wait = Math.min(state.limits.pollIntervalMs, ...dues.map((due) => Math.max(0, due - now)));
    // At least a few milliseconds: a due time that has come is worked on by the look that set this timer.
    this.#cancelTimer = this.#office.world.clock.after(Math.max(wait, SHORTEST_WAIT_MS), () => {
      const sessions = new Set(batches.map((batch) => batch.sessionId));
      for (const sessionId of sessions) this.#office.desk.checkSettled(sessionId);
      this.look();
    });
  }

  #dues(state: RunState): readonly Instant[] {
    // Not touched before it is known how a dead process's turn ended, however long its batches have been due.
    const isAbandoned = this.#office.isAbandoned(this.recipient);
    const dues = isAbandoned ? [] : this.loaded.map((batch) => batch.dueAt);
    const until = memberOf(state, this.recipient)?.backoff?.until;
    if (this.#hold === "backoff" && until !== undefined) dues.push(until);
    if (this.#hold === "rate" && this.wakeAt !== undefined) dues.push(this.wakeAt);
    return dues;
  }
}

/** The routes of one run, each made at first use. */
export class Routes {
  readonly #make: (recipient: Participant) => Route;
  readonly #routes = new Map<Participant, Route>();

  constructor(make: (recipient: Participant) => Route) {
    this.#make = make;
  }

  of(recipient: Participant): Route {
    const known = this.#routes.get(recipient);
    if (known) return known;
    const route = this.#make(recipient);
    this.#routes.set(recipient, route);
    return route;
  }

  all(): readonly Route[] {
    return [...this.#routes.values()];
  }
}
