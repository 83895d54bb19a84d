import { type Address, addressOf } from "../../core/address.ts";
import type { Batch } from "../../core/delivery.ts";
import type { Instant, Participant, RunId, SessionId } from "../../core/ids.ts";
import type { Message } from "../../core/message.ts";
import type { RunState } from "../../core/run.ts";
import type { SessionIndex } from "../session-index.ts";
import type { SessionWatch, SessionWatches } from "../session-watch.ts";
import type { World } from "../world.ts";

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

/** What the parts of one run's courier have in common: whose mail it is, and what is known here of its recipients. */
export class Office {
  readonly runId: RunId;
  readonly world: World;
  readonly desk: CourierDesk;
  readonly #index: SessionIndex;
  readonly #watches: SessionWatches;
  #isOpen = true;

  constructor(runId: RunId, world: World, index: SessionIndex, watches: SessionWatches, desk: CourierDesk) {
    this.runId = runId;
    this.world = world;
    this.desk = desk;
    this.#index = index;
    this.#watches = watches;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  shut(): void {
    this.#isOpen = false;
  }

  now(): Instant {
    return this.world.clock.now();
  }

  /** Undefined once the run is over. */
  state(): RunState | undefined {
    return this.#index.state(this.runId);
  }

  watch(sessionId: SessionId): SessionWatch {
    return this.#watches.of(sessionId);
  }

  isBusy(sessionId: SessionId): boolean {
    return this.watch(sessionId).busy === true;
  }

  /** No list that could have shown the batch has escaped us. */
  hasWatched({ sessionId, reservedAt, absentAt = reservedAt }: Batch): boolean {
    return this.watch(sessionId).watchedSince <= absentAt;
  }

  /** The last process that ran the recipient's session has died, and how the turn that it had ended is not known yet. */
  isAbandoned(recipient: Participant): boolean {
    const address = this.#address(recipient);
    return address !== undefined && this.watch(address.sessionId).abandoned;
  }

  /** This process runs the recipient's session, and carries its mail. */
  carries(recipient: Participant): boolean {
    const address = this.#address(recipient);
    return address !== undefined && this.world.leases.holds(this.runId, address.sessionId);
  }

  /** The ids under which a round of a batch goes out, the same whoever asks: nobody can store it twice. */
  hostIds(
    { sessionId, generation, batchId }: Pick<Batch, "sessionId" | "generation" | "batchId">,
    round: number,
  ): Pick<Batch, "hostMessageId" | "hostPartId"> {
    const parts = [this.runId, sessionId, generation, batchId, round] as const;
    const { ids } = this.world;
    return { hostMessageId: ids.derive("msg", ...parts), hostPartId: ids.derive("prt", ...parts) };
  }

  #address(recipient: Participant): Address | undefined {
    const state = this.state();
    return state && addressOf(state, recipient);
  }
}
