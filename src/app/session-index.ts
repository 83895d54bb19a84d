import type { Participant, RunId, SessionId } from "../core/ids.ts";
import { LEAD } from "../core/ids.ts";
import { isLive, type RunState } from "../core/run.ts";

/** Where a session stands: in which run, as whom, in which generation of the name. */
export interface Seat {
  readonly runId: RunId;
  readonly participant: Participant;
  readonly generation: number;
  /** The generation has not ended. A session of an ended one is known, and has no voice. */
  readonly live: boolean;
}

/**
 * Which session belongs to whom, from the last commit this process has seen. The whole cost of a host event of a session
 * in no run is one look-up here.
 */
export class SessionIndex {
  readonly #seats = new Map<SessionId, Seat>();
  readonly #sessionsOf = new Map<RunId, ReadonlySet<SessionId>>();
  readonly #states = new Map<RunId, RunState>();

  /** Takes over what a commit says about who sits where. An older state than the known one is ignored. */
  update(state: RunState): void {
    const known = this.#states.get(state.runId);
    if (known && known.revision > state.revision) return;
    this.#states.set(state.runId, state);
    const sessions = new Set<SessionId>([state.lead.sessionId]);
    this.#seats.set(state.lead.sessionId, {
      runId: state.runId,
      participant: LEAD,
      generation: 1,
      live: true,
    });
    for (const member of Object.values(state.members)) {
      if (member.sessionId === undefined) continue;
      sessions.add(member.sessionId);
      this.#seats.set(member.sessionId, {
        runId: state.runId,
        participant: member.plan.name,
        generation: member.generation,
        live: isLive(member),
      });
    }
    for (const former of this.#sessionsOf.get(state.runId) ?? []) {
      if (!sessions.has(former)) this.#seats.delete(former);
    }
    this.#sessionsOf.set(state.runId, sessions);
  }

  remove(runId: RunId): void {
    for (const session of this.#sessionsOf.get(runId) ?? []) {
      if (this.#seats.get(session)?.runId === runId) this.#seats.delete(session);
    }
    this.#sessionsOf.delete(runId);
    this.#states.delete(runId);
  }

  seat(sessionId: SessionId): Seat | undefined {
    return this.#seats.get(sessionId);
  }

  /** The newest state of a run that this process has seen. */
  state(runId: RunId): RunState | undefined {
    return this.#states.get(runId);
  }

  runs(): readonly RunState[] {
    return [...this.#states.values()];
  }
}
