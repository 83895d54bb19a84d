import type { Participant, RunId } from "../core/ids.ts";
import { LEAD } from "../core/ids.ts";
import type { HoldReason } from "../core/policy.ts";
import { isLive, type RunState } from "../core/run.ts";
import type { Fleet } from "./fleet.ts";
import { hasMailAtHand, unseenMail } from "./mail-at-hand.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Call, WaitFor, WaitReport } from "./verbs.ts";

/**
 * Waits inside a tool call until the team is where the caller wants it. Mail for the caller always ends the wait, once
 * it is stored: it is read at the caller's next step, and there is none while it waits. A member that waits lends its slot.
 */
export async function waitForTeam(
  { fleet }: VerbContext,
  call: Call,
  runId: RunId,
  waitFor: WaitFor,
  timeoutMs: number,
): Promise<WaitReport> {
  const { clock } = fleet.world;
  const startedAt = clock.now();
  const me = fleet.index.seat(call.sessionId)?.participant ?? LEAD;
  const revision = fleet.index.state(runId)?.revision;
  const courier = fleet.courier(runId);
  const unpark = me === LEAD ? undefined : courier?.park(me);
  try {
    const ended = await fleet.waiters.until(runId, timeoutMs, call.signal, async () => {
      const state = fleet.index.state(runId);
      if (!state) return "change" as const;
      if (await hasMailAtHand(fleet, runId, me, call.sessionId)) return "message" as const;
      if (await isMailComing(fleet, runId, me)) return undefined;
      if (waitFor === "change" && state.revision !== revision) return "change" as const;
      if (waitFor === "idle" && (await isTeamIdle(fleet, state, me))) return "idle" as const;
      return undefined;
    });
    const without = call.signal.aborted ? ("aborted" as const) : ("timeout" as const);
    return { waitFor, ended: ended ?? without, waitedMs: clock.now() - startedAt };
  } finally {
    unpark?.();
  }
}

/** Holds that end only by something from outside: mail behind them moves nothing by itself. */
const STANDING: ReadonlySet<HoldReason> = new Set<HoldReason>([
  "budget",
  "stopped_by_person",
  "ended",
  "shutdown",
]);

/** Mail for the caller is about to be stored in its session; what something holds comes when that lets it. */
async function isMailComing(fleet: Fleet, runId: RunId, me: Participant): Promise<boolean> {
  return (
    (await unseenMail(fleet, runId, me)) > 0 && fleet.courier(runId)?.standing.report(me).hold === undefined
  );
}

/** Mail waits for the member, and nothing keeps it from coming. */
async function willBeWoken(fleet: Fleet, runId: RunId, name: Participant): Promise<boolean> {
  if ((await fleet.world.mailbox.unreadCount(runId, name)) === 0) return false;
  const hold = fleet.courier(runId)?.standing.report(name).hold;
  return hold === undefined || !STANDING.has(hold);
}

/** Nobody but the caller works or is about to: no turn, no start, no mail on its way to a member that takes it. */
export async function isTeamIdle(fleet: Fleet, state: RunState, me: Participant): Promise<boolean> {
  for (const member of Object.values(state.members)) {
    const { name } = member.plan;
    if (name === me) continue;
    if (member.status === "working" || member.status === "starting" || member.status === "needs_approval")
      return false;
    if (isLive(member) && (await willBeWoken(fleet, state.runId, name))) return false;
  }
  return true;
}
