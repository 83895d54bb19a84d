import type { FlotillaMark } from "../core/delivery.ts";
import type { HostFault } from "../core/facts.ts";
import type { Instant, SessionId } from "../core/ids.ts";
import type { TurnCause } from "../core/run.ts";
import { Lane } from "./lane.ts";
import { SessionPulse } from "./pulse.ts";
import { ToolLedger } from "./tool-ledger.ts";

/** What this process has seen of one participant's session. Memory only: what a crash takes with it, the host is asked. */
export interface SessionWatch {
  readonly sessionId: SessionId;
  /** Facts of the session, one after another. */
  readonly lane: Lane;
  /** From here on no list shown to the model has escaped us. */
  watchedSince: Instant;
  /** Undefined until the host has said so. */
  busy: boolean | undefined;
  /** Marks in the newest list that went to the model. */
  shown: readonly FlotillaMark[];
  /** The newest assistant message in that list: an older step than the one that got the list. */
  lastStepId: string | undefined;
  /** That list was the running turn's. */
  listed: boolean;
  /** Tool calls of the session and of those below it, until they are on record. */
  readonly ledger: ToolLedger;
  /** The next list is a compaction's and witnesses nothing. */
  compacting: boolean;
  /** Who causes the next turn, once it starts. */
  cause: TurnCause;
  /** The newest error of the running turn. */
  fault: HostFault | undefined;
  /** Fires when the running turn is stopped; a new turn has a new one. */
  stop: AbortController;
  /** The newest assistant message whose end this process was told of. */
  endedStepId: string | undefined;
  /** The newest assistant message when a turn was settled last: an idle about it is a repeat. */
  settledStepId: string | undefined;
  /** Looks at an unfinished message so far; past the bound it is taken as cut off. */
  settleLooks: number;
  /** Takes the next look back that no event brings. */
  cancelLook: (() => void) | undefined;
  /**
   * Whoever ran the session is gone: what is unfinished stays so, no person has stopped it, and how it ended is found
   * before its mail is touched.
   */
  abandoned: boolean;
  /** What it does at the moment, for those who look on. */
  readonly pulse: SessionPulse;
}

/** One watch a session, made at first use. */
export class SessionWatches {
  readonly #watches = new Map<SessionId, SessionWatch>();
  readonly #now: () => Instant;
  readonly #onFailure: (fault: unknown) => void;

  constructor(now: () => Instant, onFailure: (fault: unknown) => void) {
    this.#now = now;
    this.#onFailure = onFailure;
  }

  of(sessionId: SessionId): SessionWatch {
    const known = this.#watches.get(sessionId);
    if (known) return known;
    const watch: SessionWatch = {
      sessionId,
      lane: new Lane(this.#onFailure),
      watchedSince: this.#now(),
      busy: undefined,
      shown: [],
      lastStepId: undefined,
      listed: false,
      ledger: new ToolLedger(),
      compacting: false,
      cause: "foreign",
      fault: undefined,
      stop: new AbortController(),
      endedStepId: undefined,
      settledStepId: undefined,
      settleLooks: 0,
      cancelLook: undefined,
      abandoned: false,
      pulse: new SessionPulse(),
    };
    this.#watches.set(sessionId, watch);
    return watch;
  }

  forget(sessionId: SessionId): void {
    this.#watches.get(sessionId)?.cancelLook?.();
    this.#watches.delete(sessionId);
  }

  /** Forgets every session of which nobody needs to know: those of former generations have nobody else to do it. */
  keepOnly(isWatched: (sessionId: SessionId) => boolean): void {
    for (const sessionId of this.#watches.keys()) if (!isWatched(sessionId)) this.forget(sessionId);
  }

  /** No session is looked at again without an event. */
  stopLooking(): void {
    for (const watch of this.#watches.values()) watch.cancelLook?.();
  }

  async drained(): Promise<void> {
    await Promise.all([...this.#watches.values()].map((watch) => watch.lane.drained()));
  }
}
