import type { Participant, SessionId } from "../../core/ids.ts";
import type { Message } from "../../core/message.ts";
import { type HoldReason, holdOf } from "../../core/policy.ts";
import { memberOf, type RunState } from "../../core/run.ts";
import { WakeRate } from "../wake-rate.ts";
import type { Office } from "./office.ts";
import type { Route } from "./route.ts";
import type { Slots } from "./slots.ts";

/**
 * What holds a post now, by name. Most of it follows from the run's state; slot and wake are taken by whoever goes, and what
 * only the host knows is asked. Who is held after all has given back what was taken.
 */
export class Clearance {
  readonly #office: Office;
  readonly #slots: Slots;
  readonly #rate: WakeRate;

  constructor(office: Office, slots: Slots) {
    this.#office = office;
    this.#slots = slots;
    this.#rate = new WakeRate(office.now());
  }

  /** As far as is known without asking, and with nothing taken. */
  known(state: RunState, recipient: Participant, sessionId: SessionId): HoldReason | undefined {
    const starts = !this.#office.isBusy(sessionId);
    return holdOf(state, recipient, starts, this.#slots.freeFor(recipient, state), this.#office.now());
  }

  /** If nothing holds the post and it will start a turn, the recipient has taken its slot and its wake. */
  async claim(state: RunState, route: Route, sessionId: SessionId): Promise<HoldReason | undefined> {
    return this.take(state, route, sessionId) ?? (await this.ask(route.recipient, sessionId));
  }

  /**
   * As {@link claim}, as far as is known without asking: while the host is asked, another recipient's lane may look at the
   * slots.
   */
  take(state: RunState, route: Route, sessionId: SessionId): HoldReason | undefined {
    const hold = this.known(state, route.recipient, sessionId);
    if (this.#office.isBusy(sessionId)) return hold;
    const held = hold ?? this.#takeWake(route);
    // One whose last post came to nothing may still have a slot: waiting for one, it would wait behind those it keeps waiting.
    if (held) this.#slots.giveBack(route.recipient);
    else this.#slots.take(route.recipient, this.#office.now());
    return held;
  }

  /**
   * What keeps new mail out of a turn that runs: a queue for its slot, if nobody but members wants it to be read there. Lead
   * and person steer, and are heard at once.
   */
  join(
    state: RunState,
    recipient: Participant,
    sessionId: SessionId,
    mail: readonly Message[],
  ): HoldReason | undefined {
    if (!this.#office.isBusy(sessionId) || this.#slots.mayJoin(recipient, this.#office.now()))
      return undefined;
    return mail.every(({ from }) => memberOf(state, from)) ? "slot" : undefined;
  }

  /**
   * What only the host knows: that the session is gone, or a staged undo, which the start of a turn would make final. Then
   * the slot and the wake are given back. A running turn has passed both.
   */
  async ask(recipient: Participant, sessionId: SessionId): Promise<HoldReason | undefined> {
    if (this.#office.isBusy(sessionId)) return undefined;
    let held: HoldReason | undefined = "undo_staged";
    try {
      const session = await this.#office.world.host.session(sessionId);
      if (!session) {
        held = "ended";
        this.#office.desk.sessionGone(sessionId);
      } else if (!session.undoStaged) held = this.late(recipient);
    } finally {
      if (held) {
        this.#slots.giveBack(recipient);
        this.#rate.giveBack(recipient);
      }
    }
    return held;
  }

  /** What has come up since the mail was found free to go: looked at as the last thing before it goes. */
  late(recipient: Participant): HoldReason | undefined {
    const state = this.#office.state();
    if (!state) return "run_not_active";
    // Whether it starts a turn makes no difference to these: an approval, a shutdown, an end.
    return holdOf(state, recipient, false, 0, this.#office.now());
  }

  #takeWake(route: Route): HoldReason | undefined {
    route.wakeAt = this.#rate.take(route.recipient, this.#office.now());
    return route.wakeAt === undefined ? undefined : "rate";
  }
}
