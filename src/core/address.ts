import { LEAD, type Participant, type SessionId } from "./ids.ts";
import { memberOf, type RunState } from "./run.ts";

/** Where a participant's mail goes: the session of its present generation. */
export interface Address {
  readonly sessionId: SessionId;
  readonly directory: string;
  readonly generation: number;
}

/** Undefined for nobody of the run, and for a member that has no session yet. */
export function addressOf(state: RunState, participant: Participant): Address | undefined {
  const { lead } = state;
  if (participant === LEAD) return { sessionId: lead.sessionId, directory: lead.directory, generation: 1 };
  const member = memberOf(state, participant);
  if (member?.sessionId === undefined) return undefined;
  const { sessionId, generation, directory = lead.directory } = member;
  return { sessionId, directory, generation };
}
