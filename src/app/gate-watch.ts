import type { Fact, Gate, GateReply } from "../core/facts.ts";
import type { RunId, SessionId } from "../core/ids.ts";
import { gatesOf, memberOf } from "../core/run.ts";
import type { Courier } from "./courier.ts";
import type { Kin, Seat, SessionIndex } from "./session-index.ts";
import type { Transactor } from "./transact.ts";
import type { World } from "./world.ts";

/** What follows from requests, beside their commits. */
export interface GateDesk {
  courier(runId: RunId): Courier | undefined;
  /** Has the turn of the session ended, which a request held? */
  checkSettled(sessionId: SessionId): void;
}

/**
 * Keeps what is noted of a participant's requests, its subagents' included, like what waits in the host. Events tell of both their
 * beginning and their end; where one may have been missed, the host's own list decides. Works in the lane of the participant's
 * session, like all that is told of it.
 */
export class GateWatch {
  readonly #world: World;
  readonly #index: SessionIndex;
  readonly #transactor: Transactor;
  readonly #desk: GateDesk;

  constructor(world: World, index: SessionIndex, transactor: Transactor, desk: GateDesk) {
    this.#world = world;
    this.#index = index;
    this.#transactor = transactor;
    this.#desk = desk;
  }

  async opened({ runId, participant, generation }: Seat, gate: Gate): Promise<void> {
    const { unattended } = this.#world;
    await this.#transactor.transact(runId, () => ({
      type: "note_gate_opened",
      participant,
      generation,
      gate,
      ...(unattended === undefined ? {} : { unattended }),
    }));
    this.#desk.courier(runId)?.lookForSlots();
  }

  async closed(
    { runId, participant, generation }: Seat,
    { requestId, reply }: { readonly requestId: string; readonly reply?: GateReply },
  ): Promise<void> {
    await this.#transactor.transact(runId, () => ({
      type: "note_gate_closed",
      participant,
      generation,
      requestId,
      ...(reply === undefined ? {} : { reply }),
    }));
    this.#desk.courier(runId)?.look(participant);
  }

  /**
   * What waits in the host is open, whoever told of it; what does not is closed, if the session runs here: the host of
   * another process has a list of its own.
   */
  async check({ of, seat }: Kin): Promise<void> {
    const { runId, participant } = seat;
    const state = this.#index.state(runId);
    if (!state || !seat.live) return;
    const { host, leases } = this.#world;
    const directory = memberOf(state, participant)?.directory ?? state.lead.directory;
    const waiting = (await host.openGates(directory)).flatMap(({ sessionId, gate }) => {
      if (this.#index.kin(sessionId)?.of !== of) return [];
      return [sessionId === of ? gate : { ...gate, sessionId }];
    });
    if (waiting.length > 0) await leases.take(runId, of);
    for (const gate of waiting) await this.opened(seat, gate);
    if (!leases.holds(runId, of)) return;
    const ids = new Set(waiting.map(({ requestId }) => requestId));
    const gone = gatesOf(state, participant).filter(({ requestId }) => !ids.has(requestId));
    for (const { requestId } of gone) await this.closed(seat, { requestId });
    if (gone.length > 0) this.#desk.checkSettled(of);
  }

  /** A session that goes on, or rests, is not held: what is noted of its requests may be out of date. */
  isDoubtful({ of, seat }: Kin, { type, sessionId }: Fact): boolean {
    if (type !== "list_shown" && type !== "step_ended" && type !== "session_idle") return false;
    const state = this.#index.state(seat.runId);
    const asking = state ? gatesOf(state, seat.participant).map((gate) => gate.sessionId ?? of) : [];
    return sessionId === of ? asking.length > 0 : asking.includes(sessionId);
  }

  /** A subagent in the background asks: the turn that began it is not over, and its end is looked for with the answer. */
  async isHeldBelow(kin: Kin): Promise<boolean> {
    const asking = (): boolean => {
      const state = this.#index.state(kin.seat.runId);
      return state !== undefined && gatesOf(state, kin.seat.participant).some(({ sessionId }) => sessionId);
    };
    if (!asking()) return false;
    await this.check(kin);
    return asking();
  }
}
