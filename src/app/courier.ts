import { addressOf } from "../core/address.ts";
import {
  advance,
  type Batch,
  type DeliveryCommand,
  type FlotillaMark,
  isOf,
  isOriginal,
  letsNextFollow,
  missed,
  startsTurn,
} from "../core/delivery.ts";
import type { ShownBatch } from "../core/facts.ts";
import type { Participant, RunId, SessionId } from "../core/ids.ts";
import { memberOf, participantsOf, type RunState, turnOf } from "../core/run.ts";
import { Clearance } from "./mail/clearance.ts";
import { Dispatch } from "./mail/dispatch.ts";
import { Inspection } from "./mail/inspection.ts";
import { type CourierDesk, Office } from "./mail/office.ts";
import { Route, Routes } from "./mail/route.ts";
import { Slots } from "./mail/slots.ts";
import { Standing } from "./mail/standing.ts";
import type { SessionIndex } from "./session-index.ts";
import type { SessionWatches } from "./session-watch.ts";
import type { World } from "./world.ts";

/**
 * Carries one run's mail: reserves what is ready, posts it as one prompt, and follows it until the model has answered and
 * the turn has settled (`core/delivery.ts` has the states). One lane a recipient, so that a recipient's batches are never
 * worked on twice at a time; a batch follows only when the one before it has been seen by the model.
 *
 * It is told what happens and looks after whom that concerns; `mail/` has the parts: a {@link Route} a recipient, the
 * {@link Slots} they share, {@link Clearance} to post, {@link Dispatch} of prompts, {@link Inspection} of what has become of
 * them, and how all of it stands.
 */
export class Courier {
  /** How mail stands, for those who only look. */
  readonly standing: Standing;
  readonly #office: Office;
  readonly #routes: Routes;
  readonly #slots: Slots;
  readonly #dispatch: Dispatch;
  readonly #inspection: Inspection;

  constructor(runId: RunId, world: World, index: SessionIndex, watches: SessionWatches, desk: CourierDesk) {
    this.#office = new Office(runId, world, index, watches, desk);
    this.#slots = new Slots((recipient) => this.look(recipient));
    this.#routes = new Routes(
      (recipient) =>
        new Route(recipient, this.#office, this.#slots, (route, state) => this.#attend(route, state)),
    );
    const clearance = new Clearance(this.#office, this.#slots);
    this.#dispatch = new Dispatch(this.#office, this.#slots, clearance);
    this.#inspection = new Inspection(this.#office, clearance, this.#dispatch);
    this.standing = new Standing(this.#office, this.#routes, this.#inspection);
  }

  /** Looks after a recipient's mail, once everything that was told so far is worked in. */
  look(recipient: Participant): void {
    this.#routes.of(recipient).look();
  }

  /** Looks after everybody: another process has changed something. */
  lookAtAll(): void {
    const state = this.#office.state();
    for (const recipient of state ? participantsOf(state) : []) this.look(recipient);
  }

  /** Looks after everybody whose mail waits for a slot, longest waiting first. */
  lookForSlots(): void {
    this.#slots.offer();
  }

  /** Looks after everybody whose mail something else holds: the last commit may have ended it. */
  lookAtHeld(): void {
    for (const route of this.#routes.all()) {
      if (route.hold !== undefined && route.hold !== "slot") route.look();
    }
  }

  /**
   * A list has gone to the recipient's model.
   *
   * @param shown texts that stood in it.
   * @param lastStepId the newest step by then: it was sent an earlier list.
   */
  listed(recipient: Participant, shown: readonly ShownBatch[], lastStepId: string | undefined): void {
    const { digest } = this.#office.world.ids;
    this.#routes.of(recipient).moveEach((batch) => {
      const before = this.#office.hasWatched(batch) ? missed(batch, lastStepId) : batch;
      return shown.some((part) => isOriginal(batch, part, digest)) ? advance(before, "witness") : before;
    });
  }

  /** The step that got these marks has finished. */
  answered(recipient: Participant, marks: readonly FlotillaMark[]): void {
    this.#applyIf(recipient, "answer", (batch) => marks.some((mark) => isOf(batch, mark)));
  }

  /** A turn of the recipient's has begun. */
  started(recipient: Participant): void {
    this.#slots.started(recipient, this.#office.now());
  }

  /**
   * The recipient's turn is over, however it ended; its session may go on with the next one.
   *
   * @param lastStepId its last step.
   * @param error what ended it before its time.
   */
  settled(recipient: Participant, lastStepId: string | undefined, error?: string): void {
    const route = this.#routes.of(recipient);
    // What the turn left unanswered is looked into without waiting for its deadline, yet not at once: a failing provider
    // is given time, and a host that has just taken a prompt is about to start on it.
    route.lane.add(() => {
      for (const batch of route.loaded) route.keep(this.#dispatch.afterBackoff(batch, error));
    });
    route.moveEach((batch) => {
      const ended = this.#office.hasWatched(batch) ? missed(batch, lastStepId) : batch;
      return advance(ended, "settle");
    });
  }

  /** Nothing runs in the recipient's session: its slot is free. */
  rested(recipient: Participant): void {
    this.#slots.free(recipient);
  }

  /** The host has told of an error in the recipient's session: what it was given and has not shown, it may have refused. */
  rejected(recipient: Participant, error: string): void {
    const route = this.#routes.of(recipient);
    route.lane.add(async () => {
      for (const batch of await route.load()) {
        if (batch.phase !== "posted") continue;
        this.#slots.giveBack(recipient);
        await this.#dispatch.retryLater(route, advance(batch, "lose"), error);
      }
    });
    route.look();
    this.lookForSlots();
  }

  /** The person removed a message of the host's history. */
  removed(recipient: Participant, hostMessageId: string): void {
    this.#applyIf(recipient, "remove", (batch) => batch.hostMessageId === hostMessageId);
  }

  /** No undo is staged in the recipient's session. Told at every turn, so it is only news to mail that waits for it. */
  undoAbsent(recipient: Participant): void {
    const route = this.#routes.of(recipient);
    if (route.hold === "undo_staged") route.look();
  }

  /** The recipient's session is gone: its mail is ready again for the next generation. */
  sessionGone(recipient: Participant, sessionId: SessionId): void {
    this.#slots.free(recipient);
    this.#applyIf(recipient, "abandon", (batch) => batch.sessionId === sessionId);
  }

  /** As {@link Slots.park}. */
  park(recipient: Participant): () => void {
    return this.#slots.park(recipient);
  }

  /** Mends and reads what a dead process had on its way. */
  async takeUp(recipient: Participant): Promise<void> {
    const { lane } = this.#routes.of(recipient);
    lane.add(async () => {
      await this.#routes.of(recipient).load();
    });
    await lane.reached();
  }

  /**
   * Does something while none of the recipient's mail is being posted, as far as this process can see to that.
   *
   * @param work is told whether a prompt may be on its way that will start a turn: of another process that runs the session
   *   nobody here can say that none is.
   */
  whileStill<T>(
    recipient: Participant,
    sessionId: SessionId,
    work: (turnAhead: boolean) => Promise<T>,
  ): Promise<T> {
    const { runId, world } = this.#office;
    const route = this.#routes.of(recipient);
    const done = async (): Promise<T> => {
      const runsElsewhere = !(await world.leases.take(runId, sessionId));
      return work(runsElsewhere || (await route.load()).some(startsTurn));
    };
    return new Promise<T>((resolve, reject) => {
      route.lane.add(() => done().then(resolve, reject));
      // Lets go of the session again.
      route.look();
    });
  }

  /**
   * Stops, and leaves no mail waiting, whoever it was for: what a model has been shown is acked, and the archive shows what
   * nobody has read as given up.
   *
   * @param state the run at its end, which nobody looks up any more.
   */
  async windUp(state: RunState): Promise<void> {
    await this.close();
    for (const recipient of participantsOf(state)) await this.#routes.of(recipient).windUp();
  }

  /** Stops; nothing is posted any more and no timer is left. */
  async close(): Promise<void> {
    this.#office.shut();
    for (const route of this.#routes.all()) route.close();
    await this.drained();
  }

  async drained(): Promise<void> {
    await Promise.all(this.#routes.all().map((route) => route.lane.drained()));
  }

  #applyIf(recipient: Participant, command: DeliveryCommand, concerns: (batch: Batch) => boolean): void {
    this.#routes.of(recipient).moveEach((batch) => (concerns(batch) ? advance(batch, command) : batch));
  }

  async #attend(route: Route, state: RunState): Promise<void> {
    const { runId, world } = this.#office;
    // Found first; then this is called again.
    if (this.#office.isAbandoned(route.recipient)) return;
    const sessionId = addressOf(state, route.recipient)?.sessionId;
    if ((await world.mailbox.unreadCount(runId, route.recipient)) === 0) {
      route.holdFor(undefined);
      if (sessionId !== undefined) await this.#letGo(route, sessionId, state);
    } else if (sessionId !== undefined && !(await this.#takes(sessionId))) {
      route.unload();
      route.holdFor("held_elsewhere");
      return;
    } else {
      await this.#carry(route, state);
    }
    await this.#letLeave(route, state);
  }

  /**
   * Only the process that runs a session's turns posts to it: the host's processes do not see each other's loops, and two
   * would answer twice. The owner posts to sessions that nobody runs, and becomes the one that does.
   */
  async #takes(sessionId: SessionId): Promise<boolean> {
    const { runId, world } = this.#office;
    if (world.leases.holds(runId, sessionId)) return true;
    return world.ownership.holds(runId) && (await world.leases.take(runId, sessionId));
  }

  /** Nothing is on its way and no turn runs, here or elsewhere: whoever has the next thing to do may have the session. */
  async #letGo(route: Route, sessionId: SessionId, state: RunState): Promise<void> {
    const works = this.#office.isBusy(sessionId) || turnOf(state, route.recipient) !== undefined;
    if (works || this.#slots.isLaunching(route.recipient)) return;
    route.unload();
    await this.#office.world.leases.release(this.#office.runId, sessionId);
  }

  async #carry(route: Route, state: RunState): Promise<void> {
    await this.#inspection.learnActivity(state, route.recipient);
    const generation = addressOf(state, route.recipient)?.generation;
    for (const batch of await route.load()) {
      // What was on its way to a generation that has ended is the next one's to read.
      if (generation !== undefined && batch.generation !== generation) await route.apply(batch, "abandon");
    }
    const { runId, world } = this.#office;
    const followed = (await world.mailbox.ready(runId, route.recipient)).length > 0;
    for (const batch of await route.load()) await this.#inspection.look(route, batch, state, followed);
    const open = await route.load();
    const inDoubt = [...route.doubts.values()].includes(false);
    if (!inDoubt && open.every((batch) => letsNextFollow(batch.phase)))
      await this.#dispatch.reserveNext(route, state);
  }

  /** A member whose end was approved for after a turn that was about to begin does not wait for one that never does. */
  async #letLeave(route: Route, state: RunState): Promise<void> {
    const member = memberOf(state, route.recipient);
    if (member?.shutdown.status !== "approved" || member.sessionId === undefined) return;
    if (this.#office.isBusy(member.sessionId)) return;
    if (!(await route.load()).some(startsTurn)) await this.#office.desk.atRest(route.recipient);
  }
}
