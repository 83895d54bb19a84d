import {
  advance,
  type Batch,
  backoffMs,
  type DeliveryCommand,
  EVIDENCE_DEADLINE_MS,
  type FlotillaMark,
  isFinalStatus,
  isOver,
  isSpent,
  judge,
  letsNextFollow,
  takeUp,
  type Verdict,
} from "../core/delivery.ts";
import { renderBatch, renderReminder } from "../core/envelope.ts";
import type { ShownBatch } from "../core/facts.ts";
import { type Instant, LEAD, type Participant, PERSON, type RunId, type SessionId } from "../core/ids.ts";
import type { Message } from "../core/message.ts";
import { type HoldReason, holdOf, workingMembers } from "../core/policy.ts";
import { memberOf, type RunState, type TurnCause, turnOf } from "../core/run.ts";
import { notTaken } from "../core/wording.ts";
import { FlotillaError } from "../errors.ts";
import type { FailedCall, PostOutcome, Prompt } from "../ports.ts";
import { Lane } from "./lane.ts";
import type { SessionIndex } from "./session-index.ts";
import type { SessionWatches } from "./session-watch.ts";
import { WakeRate } from "./wake-rate.ts";
import type { World } from "./world.ts";

/** What the courier needs from those around it. */
export interface CourierDesk {
  /** Mail was given up: tell who has to know. */
  giveUp(recipient: Participant, messages: readonly Message[], reason: string): Promise<void>;
  /** A delivery has not been confirmed for a while: has the session's turn ended unnoticed? */
  checkSettled(sessionId: SessionId): void;
  /** The host does not know the session any more, and nobody has told of its end. */
  sessionGone(sessionId: SessionId): void;
  /** Nothing of the recipient's runs or is about to, though its end was approved for after its turn. */
  atRest(recipient: Participant): Promise<void>;
  /** Something that readers of status can see has changed. */
  changed(): void;
  report(fault: unknown): void;
}

/** One recipient's mail on its way. */
interface Route {
  readonly recipient: Participant;
  readonly lane: Lane;
  /** Batches that are not over, oldest first; undefined until read from disk. */
  batches: Map<string, Batch> | undefined;
  hold: HoldReason | undefined;
  /** Under the hold `rate`: when the next wake is there. */
  wakeAt: Instant | undefined;
  /** Under the hold `slot`: since when. */
  slotSince: Instant | undefined;
  /**
   * Messages of the host in whose place something new has to go out, by what its history says. True once all that had been
   * told by then is worked in, and the history may be believed.
   */
  readonly doubts: Map<string, boolean>;
  /** The last look broke off: the next one is not left to an event. */
  failed: boolean;
  cancelTimer: (() => void) | undefined;
}

/** What goes out for a batch: its messages, or a word about those that stand in the session already. */
type Letter = Pick<Prompt, "text" | "hostMessageId" | "hostPartId" | "mark">;

/** How one participant's mail stands, for status. */
export interface RouteReport {
  readonly reserved: number;
  readonly hold: HoldReason | undefined;
  /** Next look without any event. */
  readonly dueAt: Instant | undefined;
  /** What went wrong with the mail that is on its way, after how many attempts. */
  readonly trouble: { readonly attempts: number; readonly error: string } | undefined;
}

/**
 * Carries one run's mail: reserves what is ready, posts it as one prompt, and follows it until the model has answered and
 * the turn has settled (`core/delivery.ts` has the states). One lane a recipient, so that a recipient's batches are never
 * worked on twice at a time; a batch follows only when the one before it has been seen by the model.
 *
 * Nothing waits without a next look: a batch has a due time, held mail has a named gate whose end calls {@link look}.
 */
export class Courier {
  readonly #runId: RunId;
  readonly #world: World;
  readonly #index: SessionIndex;
  readonly #watches: SessionWatches;
  readonly #desk: CourierDesk;
  readonly #routes = new Map<Participant, Route>();
  /**
   * Members that are posted to while idle and have not started: they have taken a slot. Only who has something on its way
   * has one: whoever is held, or has nothing left that could start a turn, has given it back.
   */
  readonly #launching = new Set<Participant>();
  /** Members inside a `waitFor`: they have lent their slot. */
  readonly #parked = new Map<Participant, number>();
  readonly #rate: WakeRate;
  #closed = false;

  constructor(runId: RunId, world: World, index: SessionIndex, watches: SessionWatches, desk: CourierDesk) {
    this.#runId = runId;
    this.#world = world;
    this.#index = index;
    this.#watches = watches;
    this.#desk = desk;
    this.#rate = new WakeRate(world.clock.now());
  }

  /** Looks after a recipient's mail, once everything that was told so far is worked in. */
  look(recipient: Participant): void {
    const route = this.#route(recipient);
    if (!this.#closed) route.lane.addOnce(() => this.#work(route));
  }

  /** Looks after everybody: another process has changed something. */
  lookAtAll(): void {
    const state = this.#index.state(this.#runId);
    for (const recipient of state ? [LEAD, ...Object.keys(state.members)] : []) this.look(recipient);
  }

  /** Looks after everybody whose mail waits for a slot, longest waiting first. */
  lookForSlots(): void {
    for (const route of this.#waitingForSlots()) this.look(route.recipient);
  }

  /** Looks after everybody whose mail something else holds: the last commit may have ended it. */
  lookAtHeld(): void {
    for (const route of this.#routes.values()) {
      if (route.hold !== undefined && route.hold !== "slot") this.look(route.recipient);
    }
  }

  /** These texts stood in a list that went to the recipient's model. */
  witnessed(recipient: Participant, shown: readonly ShownBatch[]): void {
    this.#onBatches(recipient, (batch) => {
      const seen = shown.some(
        ({ mark, text }) => isOf(batch, mark) && this.#world.ids.digest(text) === batch.textDigest,
      );
      return seen ? "witness" : undefined;
    });
  }

  /** The step that got these marks has finished. */
  answered(recipient: Participant, marks: readonly FlotillaMark[]): void {
    this.#onBatches(recipient, (batch) => (marks.some((mark) => isOf(batch, mark)) ? "answer" : undefined));
  }

  /**
   * The recipient's turn is over, however it ended.
   *
   * @param error what ended it before its time.
   */
  settled(recipient: Participant, error?: string): void {
    this.#launching.delete(recipient);
    const route = this.#route(recipient);
    // What the turn left unanswered is looked into without waiting for its deadline, yet not at once: a failing provider
    // is given time, and a host that has just taken a prompt is about to start on it.
    route.lane.add(() => {
      for (const batch of route.batches?.values() ?? []) this.#keep(route, this.#afterBackoff(batch, error));
    });
    this.#onBatches(recipient, () => "settle");
    this.lookForSlots();
  }

  /** The host has told of an error in the recipient's session: what it was given and has not shown, it may have refused. */
  rejected(recipient: Participant, error: string): void {
    const route = this.#route(recipient);
    route.lane.add(async () => {
      for (const batch of (await this.#load(route)).values()) {
        if (batch.phase !== "posted") continue;
        this.#launching.delete(recipient);
        await this.#retryLater(route, advance(batch, "lose"), error);
      }
    });
    this.look(recipient);
    this.lookForSlots();
  }

  started(recipient: Participant): void {
    this.#launching.delete(recipient);
  }

  /** The person removed a message of the host's history. */
  removed(recipient: Participant, hostMessageId: string): void {
    this.#onBatches(recipient, (batch) => (batch.hostMessageId === hostMessageId ? "remove" : undefined));
    this.look(recipient);
  }

  /** No undo is staged in the recipient's session. Told at every turn, so it is only news to mail that waits for it. */
  undoAbsent(recipient: Participant): void {
    if (this.#routes.get(recipient)?.hold === "undo_staged") this.look(recipient);
  }

  /** The recipient's session is gone: its mail is ready again for the next generation. */
  sessionGone(recipient: Participant, sessionId: SessionId): void {
    this.#launching.delete(recipient);
    this.#onBatches(recipient, (batch) => (batch.sessionId === sessionId ? "abandon" : undefined));
  }

  /** Batches of a recipient that no finished step has seen, as far as anybody here or the host's store knows. */
  async unanswered(recipient: Participant): Promise<number> {
    return (await this.#byAnswer(recipient)).unanswered.length;
  }

  /** Mends and reads what a dead process had on its way. */
  async takeUp(recipient: Participant): Promise<void> {
    const route = this.#route(recipient);
    route.lane.add(async () => {
      await this.#load(route);
    });
    await route.lane.reached();
  }

  /** Who asked for what a finished step has seen and is not acked: there was a turn of it. Undefined if nothing is so. */
  async causeOfAnswered(recipient: Participant): Promise<TurnCause | undefined> {
    const { answered } = await this.#byAnswer(recipient);
    const messages = await Promise.all(answered.map((batch) => this.#world.mailbox.messagesOf(batch)));
    return answered.length === 0 ? undefined : causeOf(messages.flat());
  }

  async #byAnswer(
    recipient: Participant,
  ): Promise<{ readonly answered: readonly Batch[]; readonly unanswered: readonly Batch[] }> {
    const answered: Batch[] = [];
    const unanswered: Batch[] = [];
    for (const batch of (await this.#upToDate(recipient)).values()) {
      const isAnswered = batch.phase === "answered" || (await this.#askHost(batch)) === "answered";
      (isAnswered ? answered : unanswered).push(batch);
    }
    return { answered, unanswered };
  }

  /** Host ids of prompts that were posted to a recipient and have not been seen by its model. */
  async underWay(recipient: Participant): Promise<readonly string[]> {
    const batches = await this.#upToDate(recipient);
    return [...batches.values()]
      .filter((batch) => !letsNextFollow(batch.phase))
      .map((batch) => batch.hostMessageId);
  }

  /** Who asks for what stands in a list for the first time; undefined if nothing of ours does. */
  async causeOf(recipient: Participant, marks: readonly FlotillaMark[]): Promise<TurnCause | undefined> {
    const batches = [...(await this.#upToDate(recipient)).values()];
    const unseen = batches.filter(
      (batch) => !letsNextFollow(batch.phase) && marks.some((mark) => isOf(batch, mark)),
    );
    const messages = await Promise.all(unseen.map((batch) => this.#world.mailbox.messagesOf(batch)));
    return unseen.length === 0 ? undefined : causeOf(messages.flat());
  }

  /** Whether mail is on its way to anybody. */
  isCarrying(): boolean {
    return [...this.#routes.values()].some((route) => (route.batches?.size ?? 0) > 0);
  }

  /** Messages for a recipient that have not stood in a list that went to its model. */
  async unseen(recipient: Participant): Promise<number> {
    const seen = await this.seen(recipient);
    return Math.max(0, (await this.#world.mailbox.unreadCount(this.#runId, recipient)) - seen);
  }

  /** Messages on their way to a recipient that have. */
  async seen(recipient: Participant): Promise<number> {
    const batches = [...(await this.#upToDate(recipient)).values()];
    const seen = batches.filter((batch) => letsNextFollow(batch.phase));
    return seen.reduce((sum, batch) => sum + batch.messageIds.length, 0);
  }

  /**
   * Does something while none of the recipient's mail is being posted.
   *
   * @param work is told whether a prompt is on its way that will start a turn.
   */
  whileStill<T>(recipient: Participant, work: (turnAhead: boolean) => Promise<T>): Promise<T> {
    const route = this.#route(recipient);
    const done = async (): Promise<T> => work([...(await this.#load(route)).values()].some(startsTurn));
    return new Promise<T>((resolve, reject) => {
      route.lane.add(() => done().then(resolve, reject));
    });
  }

  /** A member that waits inside a tool call lends its slot; the returned function takes it back. */
  park(recipient: Participant): () => void {
    this.#parked.set(recipient, (this.#parked.get(recipient) ?? 0) + 1);
    this.lookForSlots();
    return () => {
      const left = (this.#parked.get(recipient) ?? 1) - 1;
      if (left > 0) this.#parked.set(recipient, left);
      else this.#parked.delete(recipient);
    };
  }

  report(recipient: Participant): RouteReport {
    const route = this.#routes.get(recipient);
    const batches = [...(route?.batches?.values() ?? [])];
    const failing = batches.find((batch) => batch.lastError !== undefined && batch.phase !== "answered");
    return {
      reserved: batches.length,
      hold: route?.hold,
      dueAt: batches.length === 0 ? undefined : Math.min(...batches.map((batch) => batch.dueAt)),
      trouble: failing && { attempts: failing.attempts, error: failing.lastError ?? "" },
    };
  }

  /**
   * Stops, and leaves no reservation behind: what a model has been shown is acked, the rest is ready again and stays in
   * the archive as unread.
   */
  async windUp(): Promise<void> {
    await this.close();
    for (const route of this.#routes.values()) {
      // The run is over: nobody carries its mail any more, and its owner puts every inbox in order.
      const batches = route.batches ?? (await this.#world.mailbox.mend(this.#runId, route.recipient));
      for (const batch of [...batches.values()]) {
        await this.#store(route, { ...batch, phase: letsNextFollow(batch.phase) ? "acked" : "returned" });
      }
    }
  }

  /** Stops; nothing is posted any more and no timer is left. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const route of this.#routes.values()) route.cancelTimer?.();
    await this.drained();
  }

  async drained(): Promise<void> {
    await Promise.all([...this.#routes.values()].map((route) => route.lane.drained()));
  }

  #route(recipient: Participant): Route {
    const known = this.#routes.get(recipient);
    if (known) return known;
    const route: Route = {
      recipient,
      lane: new Lane((fault) => this.#desk.report(fault)),
      batches: undefined,
      hold: undefined,
      wakeAt: undefined,
      slotSince: undefined,
      doubts: new Map(),
      failed: false,
      cancelTimer: undefined,
    };
    this.#routes.set(recipient, route);
    return route;
  }

  /** The batches once everything that was told so far is worked in, for one who only looks at them. */
  async #upToDate(recipient: Participant): Promise<ReadonlyMap<string, Batch>> {
    const route = this.#route(recipient);
    await route.lane.reached();
    if (route.batches) return route.batches;
    const stored = await this.#world.mailbox.batches(this.#runId, recipient);
    return new Map(stored.map((batch) => [batch.batchId, batch]));
  }

  /** The batches to work on, for what runs in the recipient's lane. Mended and kept by the one process that carries them. */
  async #load(route: Route): Promise<Map<string, Batch>> {
    if (route.batches) return route.batches;
    const { mailbox, clock } = this.#world;
    const carries = this.#holdsLease(route.recipient);
    const stored = carries
      ? await mailbox.mend(this.#runId, route.recipient)
      : await mailbox.batches(this.#runId, route.recipient);
    // Another process or an earlier life posted these: what the host has decides, and it is asked at once.
    const now = clock.now();
    const died = carries && this.#isAbandoned(route.recipient);
    const batches = new Map(stored.map((batch) => [batch.batchId, takeUp(batch, now, died)]));
    if (carries) {
      route.batches = batches;
      // Lists that were shown while somebody else ran the session have escaped us.
      for (const { sessionId } of stored) this.#watches.of(sessionId).watchedSince = now;
    }
    return batches;
  }

  #holdsLease(recipient: Participant): boolean {
    const state = this.#index.state(this.#runId);
    const seat = state && seatOf(state, recipient);
    return seat !== undefined && this.#world.leases.holds(this.#runId, seat.sessionId);
  }

  /** The last owner of its session has died, and how the turn that it had ended is not known yet. */
  #isAbandoned(recipient: Participant): boolean {
    const state = this.#index.state(this.#runId);
    const seat = state && seatOf(state, recipient);
    return seat !== undefined && this.#watches.of(seat.sessionId).abandoned;
  }

  /** Applies a command to each batch that `choose` names one for, and carries out what follows from it. */
  #onBatches(recipient: Participant, choose: (batch: Batch) => DeliveryCommand | undefined): void {
    const route = this.#route(recipient);
    route.lane.add(async () => {
      for (const batch of (await this.#load(route)).values()) {
        const command = choose(batch);
        if (command) await this.#apply(route, batch, command);
      }
    });
    // Being seen opens the way for the next batch.
    this.look(recipient);
  }

  async #apply(route: Route, batch: Batch, command: DeliveryCommand): Promise<Batch> {
    const next = advance(batch, command);
    if (next === batch) return batch;
    await this.#store(route, next);
    this.#desk.changed();
    return next;
  }

  /** Makes a batch's new phase true on disk; an over one leaves its files where they belong. */
  async #store(route: Route, batch: Batch): Promise<void> {
    const { mailbox } = this.#world;
    if (batch.phase === "acked") await mailbox.ack(batch);
    else if (batch.phase === "returned") await mailbox.release(batch);
    else if (batch.phase !== "dead") await mailbox.saveBatch(batch);
    this.#keep(route, batch);
  }

  #keep(route: Route, batch: Batch): void {
    if (isOver(batch.phase)) {
      route.batches?.delete(batch.batchId);
      route.doubts.delete(batch.hostMessageId);
      if (route.batches?.size === 0) this.#giveSlotBack(route.recipient);
    } else {
      route.batches?.set(batch.batchId, batch);
    }
  }

  async #work(route: Route): Promise<void> {
    const state = this.#index.state(this.#runId);
    if (!state || this.#closed) return;
    route.failed = true;
    try {
      await this.#attend(route, state);
      route.failed = false;
    } finally {
      // What went wrong is reported by the lane; the mail is looked after again all the same.
      this.#setTimer(route);
    }
  }

  async #attend(route: Route, state: RunState): Promise<void> {
    const seat = seatOf(state, route.recipient);
    // Found first; then this is called again.
    if (this.#isAbandoned(route.recipient)) return;
    if ((await this.#world.mailbox.unreadCount(this.#runId, route.recipient)) === 0) {
      this.#holdFor(route, undefined);
      if (seat) await this.#letGo(route, seat.sessionId, state);
    } else if (seat && !(await this.#carries(seat.sessionId))) {
      route.batches = undefined;
      this.#holdFor(route, "held_elsewhere");
      return;
    } else {
      await this.#carry(route, state);
    }
    await this.#letLeave(route, state);
  }

  /** A member whose end was approved for after a turn that was about to begin does not wait for one that never does. */
  async #letLeave(route: Route, state: RunState): Promise<void> {
    const member = memberOf(state, route.recipient);
    if (member?.shutdown.status !== "approved" || member.sessionId === undefined) return;
    if (this.#isBusy(member.sessionId)) return;
    const batches = [...(await this.#load(route)).values()];
    if (!batches.some(startsTurn)) await this.#desk.atRest(route.recipient);
  }

  /**
   * Only the process that runs a session's turns posts to it: the host's processes do not see each other's loops, and two
   * would answer twice. The owner posts to sessions that nobody runs, and becomes the one that does.
   */
  async #carries(sessionId: SessionId): Promise<boolean> {
    const { leases, ownership } = this.#world;
    if (leases.holds(this.#runId, sessionId)) return true;
    return ownership.holds(this.#runId) && (await leases.take(this.#runId, sessionId));
  }

  /** Nothing is on its way and no turn runs, here or elsewhere: whoever has the next thing to do may have the session. */
  async #letGo(route: Route, sessionId: SessionId, state: RunState): Promise<void> {
    const works = this.#isBusy(sessionId) || turnOf(state, route.recipient) !== undefined;
    if (works || this.#launching.has(route.recipient)) return;
    route.batches = undefined;
    await this.#world.leases.release(this.#runId, sessionId);
  }

  async #carry(route: Route, state: RunState): Promise<void> {
    await this.#learnActivity(state, route.recipient);
    const generation = seatOf(state, route.recipient)?.generation;
    for (const batch of [...(await this.#load(route)).values()]) {
      // What was on its way to a generation that has ended is the next one's to read.
      if (generation !== undefined && batch.generation !== generation)
        await this.#apply(route, batch, "abandon");
    }
    const { mailbox } = this.#world;
    const followed = (await mailbox.ready(this.#runId, route.recipient)).length > 0;
    for (const batch of [...(await this.#load(route)).values()])
      await this.#drive(route, batch, state, followed);
    const open = [...(await this.#load(route)).values()];
    const inDoubt = [...route.doubts.values()].includes(false);
    if (!inDoubt && open.every((batch) => letsNextFollow(batch.phase))) await this.#reserveNext(route, state);
  }

  /** One batch, one look: give up, post, or ask the host what became of it. */
  async #drive(route: Route, batch: Batch, state: RunState, followed: boolean): Promise<void> {
    if (!this.#isDue(route, batch, state, followed)) return;
    // Its turn is running: settlement is the next news, and the safety net asks for it.
    if (this.#isBusy(batch.sessionId) && letsNextFollow(batch.phase) && !this.#isOutOfSight(batch)) {
      this.#putBack(route, batch);
      return;
    }
    const failed = await tried(async () => {
      await this.#inspect(route, batch, state, followed);
      return undefined;
    });
    if (failed) await this.#missed(route, batch, state, failed);
  }

  /** The host could not be asked about a batch: an attempt, like a post that it did not take, if nothing holds the batch. */
  async #missed(route: Route, batch: Batch, state: RunState, failed: FailedCall): Promise<void> {
    if (letsNextFollow(batch.phase)) {
      // The model has seen it: whatever the host says later, nothing is posted and nothing given up.
      this.#putBack(route, batch);
      return;
    }
    const troubled = { ...batch, lastError: failed.reason };
    const hold = await this.#standingHold(route, batch, state);
    if (hold) {
      this.#holdFor(route, hold);
      await this.#putOff(route, troubled, hold, state.limits.pollIntervalMs);
      return;
    }
    if (this.#isBusy(batch.sessionId)) {
      await this.#putOff(route, troubled, BUSY, EVIDENCE_DEADLINE_MS);
      return;
    }
    const now = this.#world.clock.now();
    const free = unheld(batch, now);
    const messages = await this.#world.mailbox.messagesOf(free);
    if (isSpent(free, now)) await this.#giveUp(route, free, messages, notTaken(failed));
    else await this.#postFailed(route, { ...free, attempts: free.attempts + 1 }, messages, failed);
  }

  /**
   * What holds a batch whose session could not be asked about. An undo is known to the host alone: that it was staged is
   * believed until the host says that it is not.
   */
  async #standingHold(
    { recipient }: Route,
    { held, sessionId }: Batch,
    state: RunState,
  ): Promise<HoldReason | undefined> {
    const starts = !this.#isBusy(sessionId);
    const now = this.#world.clock.now();
    const hold = holdOf(state, recipient, starts, this.#slotsFree(state, recipient), now);
    if (hold || !starts || held?.by !== "undo_staged") return hold;
    const undone = await tried(async () => !(await this.#world.host.session(sessionId))?.undoStaged);
    return undone === true ? undefined : "undo_staged";
  }

  /**
   * Its time has come, or it was put off for something that has ended since: whoever ended it calls {@link look}. Or newer
   * mail is about to go out, which must not overtake what a compaction may have hidden.
   */
  #isDue({ recipient }: Route, batch: Batch, state: RunState, followed: boolean): boolean {
    const { dueAt, held, sessionId } = batch;
    const now = this.#world.clock.now();
    if (dueAt <= now) return true;
    const putOff = held !== undefined && held.by !== BUSY;
    if (!putOff && !(followed && this.#isOutOfSight(batch))) return false;
    const starts = !this.#isBusy(sessionId);
    return !holdOf(state, recipient, starts, this.#slotsFree(state, recipient), now);
  }

  /** Witnessed, not answered, and not in the newest list of the running turn: its turn was cut off, or it was compacted. */
  #isOutOfSight(batch: Batch): boolean {
    const { shown } = this.#watches.of(batch.sessionId);
    return batch.phase === "witnessed" && !shown.some((mark) => isOf(batch, mark));
  }

  /** Nothing is to be done about it until something happens; then, or after the deadline, it is looked at again. */
  #putBack(route: Route, batch: Batch): void {
    this.#keep(route, { ...batch, dueAt: this.#world.clock.now() + EVIDENCE_DEADLINE_MS });
  }

  /** After a restart nobody has told us yet whether the session works. */
  async #learnActivity(state: RunState, recipient: Participant): Promise<void> {
    const seat = seatOf(state, recipient);
    const watch = seat && this.#watches.of(seat.sessionId);
    if (!watch || watch.busy !== undefined) return;
    // Unanswered it stays unknown, and the next look asks again.
    const works = await tried(() => this.#hostWorks(state, recipient));
    if (typeof works === "boolean") watch.busy ??= works;
  }

  async #inspect(route: Route, batch: Batch, state: RunState, followed: boolean): Promise<void> {
    const { clock } = this.#world;
    // Asked before the history is read: a turn that was over by then has left its answer there.
    const busy = this.#isBusy(batch.sessionId) || (await this.#hostWorks(state, route.recipient));
    const verdict = await this.#askHost(batch);
    if (!this.#isCertain(route, batch, verdict)) return;
    switch (verdict) {
      case "gone":
        await this.#lose(route, batch);
        return;
      case "answered":
        if (!busy) await this.#apply(route, batch, "confirm");
        else this.#putBack(route, batch);
        return;
      case "overlooked":
        await this.#remind(route, { ...batch, overlookedTo: clock.now() }, state);
        return;
      case "closed":
        if (busy) await this.#putOff(route, advance(batch, "see"), BUSY, EVIDENCE_DEADLINE_MS);
        else await this.#remind(route, batch, state);
        return;
      case "compacted":
        await this.#post(route, this.#nextRound(batch), state);
        return;
      case "absent":
        await this.#post(route, advance(batch, "lose"), state);
        return;
      case "unanswered":
        if (busy) await this.#putOff(route, advance(batch, "see"), BUSY, EVIDENCE_DEADLINE_MS);
        // It stands above what goes out now, and is read in the turn which that starts.
        else if (followed && letsNextFollow(batch.phase)) this.#putBack(route, unheld(batch, clock.now()));
        else await this.#post(route, batch, state);
        return;
    }
  }

  /** The session is gone: a generation is lost, and its mail is ready for the next one. */
  async #lose(route: Route, batch: Batch): Promise<void> {
    await this.#apply(route, batch, "abandon");
    this.#desk.sessionGone(batch.sessionId);
  }

  /**
   * That the model was sent the text, or has answered it, may have been told and not been worked in yet: then a look after
   * that knows better, and until then newer mail must not overtake this.
   */
  #isCertain(route: Route, { batchId, hostMessageId, sessionId }: Batch, verdict: Verdict | "gone"): boolean {
    const { doubts } = route;
    const isWorkedIn = doubts.get(hostMessageId);
    if (isWorkedIn) doubts.delete(hostMessageId);
    if (isWorkedIn || !SENDS_ANEW.has(verdict)) return true;
    if (isWorkedIn === undefined) {
      doubts.set(hostMessageId, false);
      void this.#watches
        .of(sessionId)
        .lane.reached()
        .then(() => {
          route.lane.add(() => {
            const batch = route.batches?.get(batchId);
            if (batch?.hostMessageId === hostMessageId) {
              doubts.set(hostMessageId, true);
              this.#keep(route, { ...batch, dueAt: this.#world.clock.now() });
            } else {
              doubts.delete(hostMessageId);
            }
          });
          this.look(route.recipient);
        });
    }
    return false;
  }

  /** What the host says itself: a turn that has just begun may not have been worked in yet. */
  async #hostWorks(state: RunState, recipient: Participant): Promise<boolean> {
    const seat = seatOf(state, recipient);
    const turn = seat && (await this.#world.host.lastTurn(seat.sessionId, seat.directory));
    return turn !== undefined && turn.activity !== "idle";
  }

  async #askHost(batch: Batch): Promise<Verdict | "gone"> {
    const { host, ids } = this.#world;
    const transcript = await host.transcript(batch.sessionId, batch.reservedAt);
    if (!transcript) return "gone";
    const watched = this.#watches.of(batch.sessionId).watchedSince <= batch.reservedAt;
    return judge(batch, transcript, watched, ids.digest);
  }

  #nextRound(batch: Batch): Batch {
    const round = batch.round + 1;
    return { ...advance(batch, "compact"), round, ...this.#hostIds(batch, round) };
  }

  #hostIds(
    batch: Pick<Batch, "sessionId" | "generation" | "batchId">,
    round: number,
  ): Pick<Batch, "hostMessageId" | "hostPartId"> {
    const parts = [this.#runId, batch.sessionId, batch.generation, batch.batchId, round] as const;
    return {
      hostMessageId: this.#world.ids.derive("msg", ...parts),
      hostPartId: this.#world.ids.derive("prt", ...parts),
    };
  }

  /** Takes all that is ready into one batch and posts it, unless something holds it. */
  async #reserveNext(route: Route, state: RunState): Promise<void> {
    const { mailbox, ids, clock } = this.#world;
    const ready = await mailbox.ready(this.#runId, route.recipient);
    if (ready.length === 0) {
      this.#holdFor(route, undefined);
      return;
    }
    const seat = seatOf(state, route.recipient);
    const askFirst = route.hold === "undo_staged";
    let hold: HoldReason | FailedCall | undefined = "starting";
    if (seat && askFirst) hold = await tried(() => this.#claim(state, route.recipient, seat.sessionId));
    else if (seat) hold = this.#takeSlot(state, route.recipient, seat.sessionId);
    // Unanswered, what held it until now does.
    if (typeof hold === "object") return;
    if (hold || !seat) {
      this.#holdFor(route, hold);
      return;
    }
    const batchId = ids.fresh("batch");
    const batch: Batch = {
      version: 1,
      batchId,
      runId: this.#runId,
      recipient: route.recipient,
      sessionId: seat.sessionId,
      generation: seat.generation,
      messageIds: ready.map((message) => message.messageId),
      round: 1,
      ...this.#hostIds({ ...seat, batchId }, 1),
      textDigest: ids.digest(renderBatch(ready)),
      phase: "reserved",
      // Counted before it is made: after a crash nobody knows whether the host has the prompt, and it is asked.
      attempts: 1,
      reservedAt: clock.now(),
      dueAt: clock.now() + EVIDENCE_DEADLINE_MS,
      heldMs: 0,
      stored: false,
    };
    // Host and disk are waited for at the same time; what turns out to be held is made ready again.
    const asked = Promise.allSettled([
      askFirst ? hold : tried(() => this.#hostHold(route.recipient, seat.sessionId)),
    ]);
    await mailbox.reserve(batch);
    this.#keep(route, batch);
    const [answer] = await asked;
    const held = answer.status === "rejected" || typeof answer.value === "string";
    if (held) await this.#apply(route, batch, "abandon");
    if (answer.status === "rejected") throw answer.reason;
    this.#holdFor(route, typeof answer.value === "string" ? answer.value : undefined);
    if (held) return;
    this.#desk.changed();
    if (typeof answer.value === "object") await this.#postFailed(route, batch, ready, answer.value);
    else await this.#send(route, batch, ready, state);
  }

  /** Posts a batch (again) if nothing holds it and it has attempts left. */
  async #post(route: Route, batch: Batch, state: RunState): Promise<void> {
    const next = await this.#attempt(route, batch, state);
    if (next) await this.#send(route, next, await this.#world.mailbox.messagesOf(next), state);
  }

  /** Another attempt, counted and on disk; undefined if something holds the batch, or it was the last and it is given up. */
  async #attempt(route: Route, batch: Batch, state: RunState): Promise<Batch | undefined> {
    const { clock, mailbox } = this.#world;
    const hold = await this.#claim(state, route.recipient, batch.sessionId);
    this.#holdFor(route, hold);
    if (hold) {
      await this.#putOff(route, batch, hold, state.limits.pollIntervalMs);
      return undefined;
    }
    const free = unheld(batch, clock.now());
    if (isSpent(free, clock.now())) {
      const reason = free.lastError ?? "the recipient's model never answered it";
      await this.#giveUp(route, free, await mailbox.messagesOf(free), reason);
      return undefined;
    }
    const next: Batch = {
      ...free,
      attempts: free.attempts + 1,
      dueAt: clock.now() + EVIDENCE_DEADLINE_MS,
    };
    await mailbox.saveBatch(next);
    return next;
  }

  /** The clock of a held batch stands; that it does is on disk, or a restart would count the time against it. */
  async #putOff(route: Route, batch: Batch, by: string, waitMs: number): Promise<void> {
    const now = this.#world.clock.now();
    const next: Batch = { ...batch, held: { since: batch.held?.since ?? now, by }, dueAt: now + waitMs };
    if (!batch.held) await this.#world.mailbox.saveBatch(next);
    this.#keep(route, next);
  }

  async #send(
    route: Route,
    batch: Batch,
    messages: readonly Message[],
    state: RunState,
    letter: Letter = this.#original(batch, messages),
  ): Promise<void> {
    this.#keep(route, batch);
    const watch = this.#watches.of(batch.sessionId);
    if (!watch.busy) watch.cause = causeOf(messages);
    let outcome: PostOutcome | HoldReason | undefined;
    try {
      outcome = await tried(async () => {
        const prompt = await this.#prompt(state, batch, letter);
        return this.#lateHold(route.recipient) ?? this.#world.host.post(prompt);
      });
    } finally {
      // Not taken, no turn of this one will start.
      const taken = typeof outcome === "object" && outcome.kind === "accepted";
      if (!taken) this.#giveSlotBack(route.recipient);
    }
    if (typeof outcome === "string") await this.#notSent(route, batch, outcome, state);
    else if (outcome.kind === "accepted") this.#keep(route, advance(batch, "accept"));
    else await this.#postFailed(route, batch, messages, outcome);
  }

  #original(batch: Batch, messages: readonly Message[]): Letter {
    const { hostMessageId, hostPartId, batchId, round } = batch;
    const mark = { runId: this.#runId, batchId, round };
    return { text: renderBatch(messages), hostMessageId, hostPartId, mark };
  }

  /** What has come up since the mail was found free to go: looked at as the last thing before it goes. */
  #lateHold(recipient: Participant): HoldReason | undefined {
    const state = this.#index.state(this.#runId);
    if (!state) return "run_not_active";
    // Whether it starts a turn makes no difference to these: an approval, a shutdown, an end.
    return holdOf(state, recipient, false, 0, this.#world.clock.now());
  }

  /** Nothing was posted, so it was no attempt; mail that has never been posted is not even on its way. */
  async #notSent(route: Route, batch: Batch, hold: HoldReason, state: RunState): Promise<void> {
    this.#holdFor(route, hold);
    const attempts = batch.attempts - 1;
    if (attempts === 0) await this.#apply(route, batch, "abandon");
    else await this.#putOff(route, { ...batch, attempts }, hold, state.limits.pollIntervalMs);
  }

  async #postFailed(
    route: Route,
    batch: Batch,
    messages: readonly Message[],
    outcome: Exclude<PostOutcome, { kind: "accepted" }>,
  ): Promise<void> {
    switch (outcome.kind) {
      case "session_gone": {
        // 404 is believed of a session only if the host says it of the session itself.
        const session = await tried(() => this.#world.host.session(batch.sessionId));
        if (!session) await this.#lose(route, batch);
        else await this.#retryLater(route, batch, outcome.reason);
        return;
      }
      case "refused":
        await this.#giveUp(route, batch, messages, notTaken(outcome));
        return;
      case "unreachable":
        await this.#retryLater(route, batch, outcome.reason);
        return;
    }
  }

  /** On disk with its reason: whoever takes the run over goes on counting. */
  async #retryLater(route: Route, batch: Batch, error: string): Promise<void> {
    await this.#store(route, this.#afterBackoff(batch, error));
    this.#desk.changed();
  }

  /** Looked at again when the back-off of its last attempt is over. */
  #afterBackoff(batch: Batch, error: string | undefined): Batch {
    const { clock, ids } = this.#world;
    const dueAt = clock.now() + backoffMs(batch.attempts, ids.fraction());
    return { ...batch, dueAt, ...(error === undefined ? {} : { lastError: error }) };
  }

  /**
   * The same ids start nothing any more, so a short pointer goes out, under ids of its own. If nothing comes of it there is
   * another, as often as any post: never the text itself, which stands there already.
   */
  async #remind(route: Route, batch: Batch, state: RunState): Promise<void> {
    const next = await this.#attempt(route, batch, state);
    if (!next) return;
    const messages = await this.#world.mailbox.messagesOf(next);
    const pointer = {
      text: renderReminder(next.messageIds),
      // Rounds count up from 1, so a negative number gives a reminder ids that no round will ever have.
      ...this.#hostIds(next, -next.attempts),
      mark: { runId: this.#runId, batchId: next.batchId, round: next.round, reminder: true },
    } as const;
    await this.#send(route, next, messages, state, pointer);
  }

  async #giveUp(route: Route, batch: Batch, messages: readonly Message[], reason: string): Promise<void> {
    const dead = advance(batch, "give_up");
    // Told first: after a crash in between it is told again, under the same ids, and nobody is left in the dark.
    await this.#desk.giveUp(route.recipient, messages, reason);
    await this.#world.mailbox.bury(this.#runId, route.recipient, batch.messageIds, reason);
    this.#keep(route, dead);
  }

  /** Agent, model and variant are always given: without them the host falls back to its default agent. */
  async #prompt(state: RunState, batch: Batch, letter: Letter): Promise<Prompt> {
    const { sessionId } = batch;
    const member = memberOf(state, batch.recipient);
    if (member) {
      const { agent, model } = member.plan;
      return { sessionId, agent, ...letter, ...(model === undefined ? {} : { model }) };
    }
    const style = await this.#world.host.promptStyle(sessionId);
    // A lead without any prompt of its own cannot exist: its tool call created the run.
    return {
      sessionId,
      agent: style?.agent ?? "build",
      ...letter,
      ...(style?.model ? { model: style.model } : {}),
    };
  }

  /** What holds a post now. If nothing does and it will start a turn, the recipient has taken its slot. */
  async #claim(
    state: RunState,
    recipient: Participant,
    sessionId: SessionId,
  ): Promise<HoldReason | undefined> {
    return this.#takeSlot(state, recipient, sessionId) ?? (await this.#hostHold(recipient, sessionId));
  }

  /**
   * What holds a post as far as is known without asking. If nothing does and it will start a turn, the slot is taken: while
   * the host is asked, another recipient's lane may look at the slots.
   */
  #takeSlot(state: RunState, recipient: Participant, sessionId: SessionId): HoldReason | undefined {
    const starts = !this.#isBusy(sessionId);
    const hold = holdOf(state, recipient, starts, this.#slotsFree(state, recipient), this.#world.clock.now());
    if (!starts) return hold;
    const held = hold ?? this.#rateHold(recipient);
    // One whose last post came to nothing may still have a slot: waiting for one, it would wait behind those it keeps waiting.
    if (held) this.#giveSlotBack(recipient);
    else this.#launching.add(recipient);
    return held;
  }

  /**
   * What only the host knows: that the session is gone, or a staged undo, which the start of a turn would make final. Then
   * the slot and the wake are given back. A running turn has passed both.
   */
  async #hostHold(recipient: Participant, sessionId: SessionId): Promise<HoldReason | undefined> {
    if (this.#isBusy(sessionId)) return undefined;
    let held: HoldReason | undefined = "undo_staged";
    try {
      const session = await this.#world.host.session(sessionId);
      if (!session) {
        held = "ended";
        this.#desk.sessionGone(sessionId);
      } else if (!session.undoStaged) held = this.#lateHold(recipient);
    } finally {
      if (held) {
        this.#giveSlotBack(recipient);
        this.#rate.giveBack(recipient);
      }
    }
    return held;
  }

  /** No turn of the recipient's will start of what has gone out so far: whoever waits longest may have its slot. */
  #giveSlotBack(recipient: Participant): void {
    if (this.#launching.delete(recipient)) this.lookForSlots();
  }

  #rateHold(recipient: Participant): HoldReason | undefined {
    const nextAt = this.#rate.take(recipient, this.#world.clock.now());
    this.#route(recipient).wakeAt = nextAt;
    return nextAt === undefined ? undefined : "rate";
  }

  #slotsFree(state: RunState, recipient: Participant): number {
    let launching = 0;
    for (const name of this.#launching) {
      if (name !== recipient && name !== LEAD && memberOf(state, name)?.status !== "working") launching += 1;
    }
    const parked = [...this.#parked.keys()].filter(
      (name) => memberOf(state, name)?.status === "working",
    ).length;
    const since = this.#routes.get(recipient)?.slotSince ?? Number.POSITIVE_INFINITY;
    const before = this.#waitingForSlots().filter(
      (route) => route.recipient !== recipient && (route.slotSince ?? since) < since,
    ).length;
    return state.limits.maxParallelMembers - workingMembers(state) - launching + parked - before;
  }

  /** Whoever waits for a slot, longest first. */
  #waitingForSlots(): readonly Route[] {
    return [...this.#routes.values()]
      .filter((route) => route.hold === "slot")
      .toSorted((one, other) => (one.slotSince ?? 0) - (other.slotSince ?? 0));
  }

  #holdFor(route: Route, hold: HoldReason | undefined): void {
    if (route.hold === hold) return;
    route.hold = hold;
    route.slotSince = hold === "slot" ? this.#world.clock.now() : undefined;
    this.#desk.changed();
  }

  #isBusy(sessionId: SessionId): boolean {
    return this.#watches.of(sessionId).busy === true;
  }

  /** The next look that no event brings: a due batch, the end of a back-off, and the safety net behind both. */
  #setTimer(route: Route): void {
    route.cancelTimer?.();
    route.cancelTimer = undefined;
    const batches = [...(route.batches?.values() ?? [])];
    const state = this.#index.state(this.#runId);
    const nothing = batches.length === 0 && route.hold === undefined && !route.failed;
    if (this.#closed || !state || nothing) return;
    const now = this.#world.clock.now();
    // Not touched before it is known how a dead process's turn ended, however long its batches have been due.
    const dues = this.#isAbandoned(route.recipient) ? [] : batches.map((batch) => batch.dueAt);
    const until = memberOf(state, route.recipient)?.backoff?.until;
    if (route.hold === "backoff" && until !== undefined) dues.push(until);
    if (route.hold === "rate" && route.wakeAt !== undefined) dues.push(route.wakeAt);
    const wait = Math.min(state.limits.pollIntervalMs, ...dues.map((due) => Math.max(0, due - now)));
    // At least a few milliseconds: a due time that has come is worked on by the look that set this timer.
    route.cancelTimer = this.#world.clock.after(Math.max(wait, SHORTEST_WAIT_MS), () => {
      for (const sessionId of new Set(batches.map((batch) => batch.sessionId)))
        this.#desk.checkSettled(sessionId);
      this.look(route.recipient);
    });
  }
}

/** What the history may say of a batch that makes something new go out, which nothing takes back. */
const SENDS_ANEW: ReadonlySet<Verdict | "gone"> = new Set<Verdict>(["overlooked", "closed", "compacted"]);

/** What a batch waits for while the turn that will see it runs: its next look is a matter of time, not of an event. */
const BUSY = "busy";

/** Does what needs the host, or says which call it did not carry out. What else goes wrong is thrown on. */
async function tried<T>(work: () => Promise<T>): Promise<T | FailedCall> {
  try {
    return await work();
  } catch (fault) {
    const failed = fault instanceof FlotillaError ? failedCall(fault) : undefined;
    if (failed) return failed;
    throw fault;
  }
}

function failedCall({ code, message, details }: FlotillaError): FailedCall | undefined {
  if (code === "host_timeout" || code === "host_unreachable") return { kind: "unreachable", reason: message };
  if (code !== "host_refused") return undefined;
  const status = Number(details["status"]);
  return isFinalStatus(status)
    ? { kind: "refused", status, reason: message }
    : { kind: "unreachable", reason: message };
}

/** Keeps a due time that could not be acted on from turning into a busy loop. */
const SHORTEST_WAIT_MS = 50;

/** Whether a part with the mark is the batch itself; its reminder only points at it. */
function isOf({ batchId, runId, round }: Batch, mark: FlotillaMark): boolean {
  return mark.batchId === batchId && mark.runId === runId && mark.round === round && mark.reminder !== true;
}

function seatOf(
  state: RunState,
  recipient: Participant,
): { readonly sessionId: SessionId; readonly directory: string; readonly generation: number } | undefined {
  const { lead } = state;
  if (recipient === LEAD) return { sessionId: lead.sessionId, directory: lead.directory, generation: 1 };
  const member = memberOf(state, recipient);
  if (member?.sessionId === undefined) return undefined;
  return {
    sessionId: member.sessionId,
    directory: member.directory ?? lead.directory,
    generation: member.generation,
  };
}

/** Nothing holds the batch, and the recipient's model has not been shown it: a turn begins with it. */
function startsTurn(batch: Batch): boolean {
  return batch.held === undefined && !letsNextFollow(batch.phase);
}

/** The batch with the time it was held taken off its clock. */
function unheld(batch: Batch, now: Instant): Batch {
  if (!batch.held) return batch;
  const { held, ...rest } = batch;
  return { ...rest, heldMs: batch.heldMs + now - held.since };
}

/** What asks the most for an answer decides whether the turn's last word is owed to the lead. */
function causeOf(messages: readonly Message[]): TurnCause {
  if (messages.some((message) => message.from === PERSON)) return "person";
  if (
    messages.some(
      (message) => message.from === LEAD && (message.kind === "message" || message.kind === "announcement"),
    )
  ) {
    return "lead";
  }
  if (messages.some((message) => message.kind === "brief")) return "brief";
  return messages.some((message) => message.kind === "message") ? "peer" : "notice";
}
