import type { Command, TurnSettled } from "../core/commands.ts";
import type { Fact } from "../core/facts.ts";
import { LEAD, type Participant, type RunId, type SessionId } from "../core/ids.ts";
import { type LeadSeat, type Member, memberOf, type RunState, turnOf } from "../core/run.ts";
import { faultText } from "../core/wording.ts";
import type { LastTurn, Step } from "../ports.ts";
import type { Courier } from "./courier.ts";
import { GateWatch } from "./gate-watch.ts";
import type { Kin, Seat, SessionIndex } from "./session-index.ts";
import type { SessionWatch, SessionWatches } from "./session-watch.ts";
import { loadOwned } from "./task-books.ts";
import type { Transactor } from "./transact.ts";
import { ABORTED, cutOff, endOf, isFinished, outcomeOf, SETTLE_RETRY_MS } from "./turn-end.ts";
import type { World } from "./world.ts";

/** Before a settlement that could not be committed is tried again: a full disk or a busy lock may need a moment. */
const COMMIT_RETRY_MS = 1_000;

type ListShown = Extract<Fact, { readonly type: "list_shown" }>;
type StepEnded = Extract<Fact, { readonly type: "step_ended" }>;
type ToldStep = Omit<Extract<Command, { readonly type: "note_step" }>, "type" | "participant" | "generation">;

export interface ObserverDesk {
  courier(runId: RunId): Courier | undefined;
  /** The lead's session is gone: its run has to end. */
  leadGone(runId: RunId): void;
  /** Those who look on would see a difference that no commit tells of. */
  changed(runId: RunId): void;
}

/**
 * Takes what the host tells and turns it into commands. Facts of one session are worked on in their order; a fact of a
 * session in no run costs one look-up. *Settlement*, that a turn has really ended, is established here and nowhere else.
 */
export class Observer {
  readonly #world: World;
  readonly #index: SessionIndex;
  readonly #watches: SessionWatches;
  readonly #transactor: Transactor;
  readonly #desk: ObserverDesk;
  readonly #gates: GateWatch;
  #closed = false;

  constructor(
    world: World,
    index: SessionIndex,
    watches: SessionWatches,
    transactor: Transactor,
    desk: ObserverDesk,
  ) {
    this.#world = world;
    this.#index = index;
    this.#watches = watches;
    this.#transactor = transactor;
    this.#desk = desk;
    this.#gates = new GateWatch(world, index, transactor, {
      courier: (runId) => desk.courier(runId),
      checkSettled: (sessionId) => this.checkSettled(sessionId),
    });
  }

  /** From here on nothing is noted: a host that goes down stops its turns as a person would, and nobody has stopped them. */
  close(): void {
    this.#closed = true;
    this.#watches.stopLooking();
  }

  /** Never waits and never throws: hooks hand facts in and go on. */
  observe(fact: Fact): void {
    if (fact.type === "session_opened") {
      if (fact.parentId !== undefined && !fact.isMember) this.#index.join(fact.parentId, fact.sessionId);
      return;
    }
    const kin = this.#index.kin(fact.sessionId);
    if (!kin || this.#closed) return;
    const { of, seat } = kin;
    const watch = this.#watches.of(of);
    watch.lane.add(async () => {
      if (watch.pulse.note(fact, of, this.#world.clock.now())) this.#desk.changed(seat.runId);
      await (fact.sessionId === of ? this.#note(seat, watch, fact) : this.#noteBelow(kin, fact));
      if (this.#gates.isDoubtful(kin, fact)) await this.#gates.check(kin);
    });
  }

  /**
   * Asks the host whether the session's turn has ended. Only the process that runs the session can know: another's host
   * calls it idle while it works.
   *
   * @param abandoned whoever ran the session is dead.
   */
  checkSettled(sessionId: SessionId, abandoned = false): void {
    const seat = this.#index.seat(sessionId);
    if (!seat || this.#closed || !this.#world.leases.holds(seat.runId, sessionId)) return;
    const watch = this.#watches.of(sessionId);
    if (abandoned) watch.abandoned = true;
    watch.lane.addOnce(() =>
      watch.abandoned ? this.#takeUp(seat, watch, sessionId) : this.#settle(seat, watch, sessionId),
    );
  }

  /** Compares the requests that are noted for the participant with those that wait in the host. */
  checkGates(sessionId: SessionId): void {
    const kin = this.#index.kin(sessionId);
    if (!kin || this.#closed) return;
    this.#watches.of(kin.of).lane.addOnce(() => this.#gates.check(kin));
  }

  /**
   * Notes the model calls of a session that were completed while nobody of ours watched it. Resolves when they are on
   * record, before any fact that is told from here on.
   */
  async recount(sessionId: SessionId): Promise<void> {
    const seat = this.#index.seat(sessionId);
    if (!seat) return;
    const watch = this.#watches.of(sessionId);
    watch.lane.add(async () => {
      const state = this.#index.state(seat.runId);
      const since = state && placeOf(state, seat.participant)?.countedTo;
      const steps = since === undefined ? [] : await this.#world.host.steps(sessionId, since);
      for (const { step, tools } of steps ?? []) await this.#noteStep(seat, watch, { step, tools, mail: [] });
    });
    await watch.lane.reached();
  }

  async #note(seat: Seat, watch: SessionWatch, fact: Fact): Promise<void> {
    const { runId, participant } = seat;
    if (!this.#isNewest(seat)) return;
    const courier = this.#desk.courier(runId);
    switch (fact.type) {
      case "session_busy":
        watch.busy = true;
        await this.#world.leases.take(runId, fact.sessionId);
        await this.#turnStarted(seat, watch);
        courier?.started(participant);
        return;
      case "session_idle":
        return this.#settle(seat, watch, fact.sessionId);
      case "session_errored":
        watch.fault = fact.error;
        if (fact.error.name === ABORTED) watch.stop.abort();
        else courier?.rejected(participant, faultText(fact.error));
        return;
      case "step_ended":
        return this.#stepEnded(seat, watch, fact);
      case "list_shown":
        return this.#listShown(seat, watch, fact);
      case "compaction_started":
        watch.compacting = true;
        return;
      case "prompt_received":
        await this.#world.leases.take(runId, fact.sessionId);
        if (!fact.mark) await this.#prompted(seat, watch);
        return;
      case "undo_absent":
        courier?.undoAbsent(participant);
        return;
      case "message_removed":
        courier?.removed(participant, fact.hostMessageId);
        return;
      case "gate_opened":
        return this.#gates.opened(seat, fact.gate);
      case "gate_closed":
        return this.#gates.closed(seat, fact);
      case "tool_ended":
        watch.ledger.ended(fact);
        return;
      case "session_deleted":
        return this.#deleted(seat, fact.sessionId);
      case "session_compacted":
      case "session_opened":
        return;
      case "tool_started":
        watch.ledger.started(fact);
        return;
    }
  }

  /** What a participant's subagents do and use is its own; of that, only what they wait for holds the participant too. */
  async #noteBelow(kin: Kin, fact: Fact): Promise<void> {
    const watch = this.#watches.of(kin.of);
    const { ledger } = watch;
    switch (fact.type) {
      case "gate_opened":
        return this.#gates.opened(kin.seat, { ...fact.gate, sessionId: fact.sessionId });
      case "gate_closed":
        await this.#gates.closed(kin.seat, fact);
        return this.checkSettled(kin.of);
      case "tool_started":
        ledger.started(fact);
        return;
      case "tool_ended":
        ledger.ended(fact);
        return;
      case "step_ended": {
        const { sessionId, step } = fact;
        const below = { sessionId, ...ledger.callOf(sessionId) };
        return this.#noteStep(kin.seat, watch, { step, below, tools: ledger.of(sessionId), mail: [] });
      }
      case "session_deleted":
        this.#index.part(fact.sessionId);
        return this.#gates.check(kin);
    }
  }

  async #turnStarted(seat: Seat, watch: SessionWatch): Promise<void> {
    const { runId, participant, generation } = seat;
    if (this.#hasTurn(runId, participant)) return;
    const { cause } = watch;
    watch.settleLooks = 0;
    watch.listed = false;
    watch.fault = undefined;
    if (watch.stop.signal.aborted) watch.stop = new AbortController();
    await this.#transactor.transact(runId, () => ({
      type: "note_turn_started",
      participant,
      generation,
      cause,
    }));
  }

  /** What was told before the name came back may be worked in after that: it is nothing to the session that has it now. */
  #isNewest({ runId, participant, generation }: Seat): boolean {
    const state = this.#index.state(runId);
    if (participant === LEAD) return state !== undefined;
    return state !== undefined && memberOf(state, participant)?.generation === generation;
  }

  #hasTurn(runId: RunId, participant: Participant): boolean {
    const state = this.#index.state(runId);
    return state !== undefined && turnOf(state, participant) !== undefined;
  }

  /** A prompt that is not ours, typed by a person or sent by another program. */
  async #prompted(seat: Seat, watch: SessionWatch): Promise<void> {
    const { runId, participant, generation } = seat;
    if (!watch.busy) watch.cause = "foreign";
    await this.#transactor.transact(runId, () => ({ type: "note_prompted", participant, generation }));
    this.#desk.courier(runId)?.look(participant);
  }

  async #listShown(seat: Seat, watch: SessionWatch, fact: ListShown): Promise<void> {
    const courier = this.#desk.courier(seat.runId);
    const { lastStepId } = fact;
    const isLater = lastStepId !== watch.lastStepId;
    // The newest step by now is the one that was sent the list before this; its end may be told later, or never.
    if (fact.lastStepAnswered && isLater) courier?.answered(seat.participant, watch.shown);
    try {
      // In the first list of a turn, the answer before its prompt is the end of an earlier one.
      if (fact.passed && watch.listed && isLater) await this.#passedEnd(seat, watch, fact);
    } finally {
      // Nobody shows this list again: that the end before it cannot be noted must not hide what it proves.
      this.#takeDown(seat, watch, fact);
    }
  }

  /** What the newest list has in it, and whom it was for. */
  #takeDown(seat: Seat, watch: SessionWatch, { shown, lastStepId }: ListShown): void {
    watch.lastStepId = lastStepId;
    watch.listed = true;
    // One list a compaction, its own: the next one is a step's again, however late the end of the summary is told.
    const proofs = watch.compacting ? [] : shown;
    watch.compacting = false;
    watch.shown = proofs.map((one) => one.mark);
    this.#desk.courier(seat.runId)?.listed(seat.participant, proofs, lastStepId);
  }

  /**
   * A prompt that comes while the last text of a turn is written, or before anybody has looked at its end, is answered
   * without a rest. What was said up to there is a turn all the same: its last word may be owed, and its mail is answered.
   */
  async #passedEnd(seat: Seat, watch: SessionWatch, { lastStepId, passed, shown }: ListShown): Promise<void> {
    const { runId, participant } = seat;
    // What a lead says is owed to nobody, and its tools come with a turn of the host's.
    if (participant === LEAD || !lastStepId || !passed || !this.#hasTurn(runId, participant)) return;
    const step = { hostMessageId: lastStepId, completed: true, midTurn: false, ...passed };
    const courier = this.#desk.courier(runId);
    const marks = shown.map((one) => one.mark);
    const next = (await courier?.standing.causeOf(participant, marks)) ?? "foreign";
    await this.#turnSettled(seat, watch, step, courier, { newestStepId: lastStepId, next });
    watch.settledStepId = lastStepId;
    watch.settleLooks = 0;
    courier?.settled(participant, lastStepId);
  }

  async #stepEnded(seat: Seat, watch: SessionWatch, { sessionId, step }: StepEnded): Promise<void> {
    watch.endedStepId = step.hostMessageId;
    const { runId, participant } = seat;
    const mail = (await this.#desk.courier(runId)?.standing.messagesIn(participant, watch.shown)) ?? [];
    await this.#noteStep(seat, watch, { step, tools: watch.ledger.of(sessionId), mail });
  }

  /** A step that was noted before changes nothing. */
  async #noteStep(
    { runId, participant, generation }: Seat,
    { ledger }: SessionWatch,
    told: ToldStep,
  ): Promise<void> {
    await this.#transactor.transact(runId, () => ({
      type: "note_step",
      participant,
      generation,
      ...told,
    }));
    ledger.noted(told.tools);
  }

  async #deleted(seat: Seat, sessionId: SessionId): Promise<void> {
    const { runId, participant } = seat;
    if (participant === LEAD) {
      this.#desk.leadGone(runId);
      return;
    }
    this.#desk.courier(runId)?.sessionGone(participant, sessionId);
    await this.#transactor.transact(runId, async (state) => ({
      type: "note_session_deleted",
      sessionId,
      book: await loadOwned(this.#world, state, participant),
    }));
    this.#watches.forget(sessionId);
    this.#desk.courier(runId)?.lookForSlots();
  }

  /** Finds how the turn of a dead process ended; from then on its session is like any other. */
  async #takeUp(seat: Seat, watch: SessionWatch, sessionId: SessionId): Promise<void> {
    const courier = this.#desk.courier(seat.runId);
    try {
      await courier?.takeUp(seat.participant);
      await this.#settle(seat, watch, sessionId);
      await this.#gates.check({ of: sessionId, seat });
    } catch (fault) {
      this.#lookAgain(watch, sessionId, COMMIT_RETRY_MS);
      throw fault;
    }
    watch.abandoned = false;
    courier?.look(seat.participant);
  }

  /**
   * Idle is a hint. The turn has ended when the host reports the session idle *and* its newest assistant message is
   * complete, or stays incomplete past any clean-up. Every further idle about the same message is a repeat.
   */
  async #settle(seat: Seat, watch: SessionWatch, sessionId: SessionId): Promise<void> {
    const { runId, participant } = seat;
    const state = this.#index.state(runId);
    if (!state || !seat.live) return;
    const directory = memberOf(state, participant)?.directory ?? state.lead.directory;
    const turn = await this.#world.host.lastTurn(sessionId, directory);
    if (!turn) return this.#deleted(seat, sessionId);
    if (turn.activity !== "idle" || !this.#isNewest(seat)) return;
    const step = this.#endOf(turn, seat, watch, state) ?? cutOff(sessionId, state.revision);
    if (step === "none") return;
    if (step === "unfinished") {
      watch.settleLooks += 1;
      this.#lookAgain(watch, sessionId, SETTLE_RETRY_MS);
      return;
    }
    if (!watch.abandoned && (await this.#gates.isHeldBelow({ of: sessionId, seat }))) return;
    const courier = this.#desk.courier(runId);
    const error = step.error ?? watch.fault;
    const failed = outcomeOf(step, error, watch.abandoned) === "failed";
    const newestStepId = turn.step?.hostMessageId;
    const about = newestStepId === undefined ? {} : { newestStepId };
    // No list follows that would show how the turn's last step ended.
    const isLast = step.hostMessageId !== watch.lastStepId;
    if (isLast && isFinished(step)) courier?.answered(participant, watch.shown);
    try {
      if (watch.abandoned) await this.#noteUntoldTurn(seat, courier);
      if (this.#hasTurn(runId, participant)) await this.#turnSettled(seat, watch, step, courier, about);
    } catch (fault) {
      // Nobody tells of this end again.
      this.#lookAgain(watch, sessionId, COMMIT_RETRY_MS);
      throw fault;
    }
    watch.busy = false;
    watch.pulse.rest(sessionId);
    watch.settledStepId = newestStepId;
    watch.shown = [];
    watch.listed = false;
    watch.compacting = false;
    watch.fault = undefined;
    courier?.settled(participant, newestStepId, failed ? faultText(error) : undefined);
    courier?.rested(participant);
  }

  /** One timer a session: whatever asks meanwhile and is told no more sets it anew, or the looks would multiply. */
  #lookAgain(watch: SessionWatch, sessionId: SessionId, afterMs: number): void {
    watch.cancelLook?.();
    if (!this.#closed)
      watch.cancelLook = this.#world.clock.after(afterMs, () => this.checkSettled(sessionId));
  }

  #endOf(
    turn: LastTurn,
    { runId, participant }: Seat,
    watch: SessionWatch,
    state: RunState,
  ): ReturnType<typeof endOf> {
    const begun = watch.busy === true || this.#hasTurn(runId, participant);
    const settledStepId = watch.settledStepId ?? placeOf(state, participant)?.settledStepId;
    return endOf(turn, watch, begun, settledStepId);
  }

  /** Whoever ran the session died before it had noted the turn's beginning; that its mail is answered tells of it. */
  async #noteUntoldTurn(seat: Seat, courier: Courier | undefined): Promise<void> {
    const { runId, participant, generation } = seat;
    if (this.#hasTurn(runId, participant)) return;
    const cause = await courier?.standing.causeOfAnswered(participant);
    if (cause === undefined) return;
    await this.#transactor.transact(runId, () => ({
      type: "note_turn_started",
      participant,
      generation,
      cause,
    }));
  }

  async #turnSettled(
    seat: Seat,
    watch: SessionWatch,
    step: Step,
    courier: Courier | undefined,
    about: Pick<TurnSettled, "newestStepId" | "next">,
  ): Promise<void> {
    const { runId, participant, generation } = seat;
    const fault = step.error ?? watch.fault;
    const outcome = outcomeOf(step, fault, watch.abandoned);
    const unanswered = outcome === "failed" ? ((await courier?.standing.unanswered(participant)) ?? 0) : 0;
    if (this.#closed) return;
    const tools = watch.ledger.of(watch.sessionId);
    await this.#transactor.transact(runId, async (state) => ({
      type: "note_turn_settled",
      participant,
      generation,
      outcome,
      stepId: step.hostMessageId,
      text: step.text,
      ...(outcome !== "ended" && fault ? { fault } : {}),
      ...(watch.abandoned ? { abandoned: true } : {}),
      unanswered,
      ...about,
      tools,
      jitter: this.#world.ids.fraction(),
      book: await loadOwned(this.#world, state, participant),
    }));
    watch.ledger.noted(tools);
  }
}

function placeOf(state: RunState, participant: Participant): LeadSeat | Member | undefined {
  return participant === LEAD ? state.lead : memberOf(state, participant);
}
