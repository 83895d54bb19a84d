import { LEAD, type SessionId } from "../core/ids.ts";
import { memberOf } from "../core/run.ts";
import { leadSection, memberSection } from "../core/team-section.ts";
import type { SessionIndex } from "./session-index.ts";

/** What is added to the system prompt of a participant's session; nothing for any other, their subagents included. */
export function teamSection(index: SessionIndex, sessionId: SessionId): string | undefined {
  const seat = index.seat(sessionId);
  const state = seat && index.state(seat.runId);
  if (!state || !seat.live) return undefined;
  if (seat.participant === LEAD) return leadSection(state);
  const member = memberOf(state, seat.participant);
  return member && memberSection(state, member);
}
