import type { Member, RunState } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import { authorizeParticipant } from "./identify.ts";
import { taskRows } from "./read-tasks.ts";
import { endsOf } from "./report-worktrees.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Call, DeleteReport } from "./verbs.ts";
import type { World } from "./world.ts";

/** Stopping a session is bounded by the host adapter; this bounds all of them and the move to the archive. */
const CLOSING_DEADLINE_MS = 60_000;

/** Whether the turn that a member was in has ended: an abort that failed kept nothing from being closed. */
async function stoppedIn(
  { host }: World,
  { lead }: RunState,
  { sessionId, directory, turn }: Member,
): Promise<boolean | undefined> {
  if (sessionId === undefined || turn === undefined) return undefined;
  try {
    const last = await host.lastTurn(sessionId, directory ?? lead.directory);
    return last === undefined || last.activity === "idle";
  } catch (fault) {
    if (!(fault instanceof FlotillaError)) throw fault;
    return false;
  }
}

/** Ends the run that the caller leads and answers when it is archived. Sessions and transcripts are kept. */
export async function deleteTeam(
  { fleet }: VerbContext,
  call: Call,
  { force }: { readonly force: boolean },
): Promise<DeleteReport> {
  const { world } = fleet;
  const { state: known } = await authorizeParticipant(fleet, "team_delete", call);
  const { runId } = known;
  // A turn that has begun or ended is known as soon as what was told of it is worked in.
  await Promise.all(
    Object.values(known.members).flatMap(({ sessionId }) => (sessionId ? fleet.caughtUp(sessionId) : [])),
  );
  const state = fleet.index.state(runId) ?? known;
  const members = Object.values(state.members);
  const unread = await Promise.all(members.map(({ plan }) => world.mailbox.unreadCount(runId, plan.name)));
  const tasks = await taskRows(world, state);
  await fleet.closeRun(runId, force, force ? "deleted by force" : "deleted by the lead");
  // Not the caller's signal: what is being ended is ended, whether or not somebody waits for it.
  let last = state;
  const gone = await fleet.waiters.until(
    runId,
    CLOSING_DEADLINE_MS,
    new AbortController().signal,
    async () => {
      const now = fleet.index.state(runId);
      // A run that is over is archived at once: what was last seen of it says what became of its worktrees.
      last = now ?? last;
      return now ? undefined : true;
    },
  );
  if (!gone) {
    throw new FlotillaError({
      code: "host_timeout",
      message: `run ${runId} is closing, but its members' sessions have not stopped within ${CLOSING_DEADLINE_MS / 1000} s`,
      hint: "It is closed as soon as they have, also if OpenCode is restarted meanwhile: there is nothing more to do.",
      details: { runId },
    });
  }
  const rows = members.map(async (member, at) => {
    const { plan, sessionId, status } = member;
    const stopped = await stoppedIn(world, state, member);
    return {
      name: plan.name,
      was: status,
      ...(sessionId === undefined ? {} : { sessionId }),
      ...(stopped === undefined ? {} : { stopped }),
      ...(unread[at] ? { unread: unread[at] } : {}),
      ...(member.tasks.length === 0 ? {} : { tasks: member.tasks }),
    };
  });
  return {
    runId,
    status: "closed",
    members: await Promise.all(rows),
    worktrees: endsOf(last),
    unfinishedTasks: tasks.filter((task) => task.status !== "completed" && task.status !== "deleted"),
    unreadMessages: unread.reduce((sum, count) => sum + count, 0),
  };
}
