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

/** Whose a session is: a participant's own, or one below it, a subagent of its, at any depth. */
export interface Kin {
  /** The participant's own session. */
  readonly of: SessionId;
  readonly seat: Seat;
}

/** A family: the participant's session and all below it share one, so that a new seat is a new seat for all of them. */
interface Family extends Kin {
  seat: Seat;
  readonly below: Set<SessionId>;
}

/**
 * Which session belongs to whom: those of participants from the last commit this process has seen, those below them from
 * what the host tells. The whole cost of a host event of a session in no run is one look-up here.
 */
export class SessionIndex {
  readonly #families = new Map<SessionId, Family>();
  readonly #sessionsOf = new Map<RunId, ReadonlySet<SessionId>>();
  readonly #states = new Map<RunId, RunState>();

  /** Takes over what a commit says about who sits where. An older state than the known one is ignored. */
  update(state: RunState): void {
    const known = this.#states.get(state.runId);
    if (known && known.revision > state.revision) return;
    this.#states.set(state.runId, state);
    const sessions = new Set<SessionId>([state.lead.sessionId]);
    this.#sit(state.lead.sessionId, {
      runId: state.runId,
      participant: LEAD,
      generation: 1,
      live: true,
    });
    for (const member of Object.values(state.members)) {
      if (member.sessionId === undefined) continue;
      sessions.add(member.sessionId);
      this.#sit(member.sessionId, {
        runId: state.runId,
        participant: member.plan.name,
        generation: member.generation,
        live: isLive(member),
      });
    }
    for (const former of this.#sessionsOf.get(state.runId) ?? []) {
      if (!sessions.has(former)) this.#leave(former);
    }
    this.#sessionsOf.set(state.runId, sessions);
  }

  remove(runId: RunId): void {
    for (const session of this.#sessionsOf.get(runId) ?? []) {
      if (this.seat(session)?.runId === runId) this.#leave(session);
    }
    this.#sessionsOf.delete(runId);
    this.#states.delete(runId);
  }

  /** Notes that one session was opened by another. Of no consequence where that one is in no run. */
  join(parentId: SessionId, sessionId: SessionId): void {
    const family = this.#families.get(parentId);
    if (!family || this.#families.has(sessionId)) return;
    family.below.add(sessionId);
    this.#families.set(sessionId, family);
  }

  /** Forgets a session below a participant's. */
  part(sessionId: SessionId): void {
    if (this.#families.get(sessionId)?.below.delete(sessionId)) this.#families.delete(sessionId);
  }

  kin(sessionId: SessionId): Kin | undefined {
    return this.#families.get(sessionId);
  }

  /** The seat of a participant's own session. */
  seat(sessionId: SessionId): Seat | undefined {
    const kin = this.kin(sessionId);
    return kin?.of === sessionId ? kin.seat : undefined;
  }

  /** The newest state of a run that this process has seen. */
  state(runId: RunId): RunState | undefined {
    return this.#states.get(runId);
  }

  runs(): readonly RunState[] {
    return [...this.#states.values()];
  }

  #sit(sessionId: SessionId, seat: Seat): void {
    // A member's session is its lead's child, and may have been taken for a subagent until its seat was known.
    this.part(sessionId);
    const family = this.#families.get(sessionId);
    if (family) family.seat = seat;
    else this.#families.set(sessionId, { of: sessionId, seat, below: new Set() });
  }

  #leave(sessionId: SessionId): void {
    for (const below of this.#families.get(sessionId)?.below ?? []) this.#families.delete(below);
    this.#families.delete(sessionId);
  }
}
