import { LEAD, type RunId, type SessionId } from "../core/ids.ts";
import { timeIsUpAt } from "../core/policy.ts";
import type { RunState } from "../core/run.ts";
import type { Fleet } from "./fleet.ts";
import { hasMailAtHand, unseenMail } from "./mail-at-hand.ts";
import { isTeamIdle } from "./wait-for-team.ts";

/**
 * Keeps the lead of a headless run from ending before its team. `opencode run` exits when the lead's turn is over and
 * kills members that still work about 40 ms later (measured); while the lead's last text is being completed, the turn is
 * not over. So that hook waits here until
 *
 * - mail for the lead is stored in its session: the running turn takes it as its next step, or
 * - nobody in the team works or is about to, or
 * - the run is over, the lead was stopped, or the time of the run is used up.
 *
 * The host cannot tell which text is a turn's last: a text before a tool call waits as well, and a turn that ends without
 * any text is not kept.
 */
export async function keepLead(fleet: Fleet, sessionId: SessionId): Promise<void> {
  const seat = fleet.index.seat(sessionId);
  const state = seat && fleet.index.state(seat.runId);
  if (!state || seat.participant !== LEAD) return;
  const { runId } = state;
  const stopped = fleet.stopped(sessionId);
  // The time of the run may be changed while the lead waits.
  for (let left = leftMs(fleet, state); left > 0 && !stopped.aborted; ) {
    const isDone = await fleet.waiters.until(runId, left, stopped, () => mayEnd(fleet, runId, sessionId));
    left = isDone ? 0 : leftMs(fleet, fleet.index.state(runId));
  }
}

function leftMs(fleet: Fleet, state: RunState | undefined): number {
  return state === undefined ? 0 : timeIsUpAt(state) - fleet.world.clock.now();
}

async function mayEnd(fleet: Fleet, runId: RunId, sessionId: SessionId): Promise<true | undefined> {
  await fleet.caughtUp(sessionId);
  const now = fleet.index.state(runId);
  if (now?.status !== "active" || leftMs(fleet, now) <= 0) return true;
  if (await hasMailAtHand(fleet, runId, LEAD, sessionId)) return true;
  const idle = (await unseenMail(fleet, runId, LEAD)) === 0 && (await isTeamIdle(fleet, now, LEAD));
  return idle ? true : undefined;
}
