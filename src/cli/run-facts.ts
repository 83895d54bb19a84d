import type { Instant } from "../core/ids.ts";
import type { Member, MemberStatus } from "../core/run.ts";
import type { RunningTool } from "../core/survey.ts";
import type { TaskStatus } from "../core/task.ts";
import { timeOfDay } from "./time.ts";
import type { RunView } from "./world.ts";

/** What follows from a run's files and does not stand in one of them. */

export function countTasks({ tasks }: RunView): Readonly<Record<TaskStatus, number>> {
  const counts = { pending: 0, claimed: 0, in_progress: 0, completed: 0, deleted: 0 };
  for (const task of tasks) counts[task.status] += 1;
  return counts;
}

/** Statuses that say that something goes on, which a process has to keep up. */
const MOVING: ReadonlySet<MemberStatus> = new Set<MemberStatus>(["starting", "working", "needs_approval"]);

/** How a member stands for a reader. */
export interface MemberStanding {
  readonly status: MemberStatus;
  readonly since: Instant;
  readonly reason?: string;
  readonly tool?: RunningTool;
}

/**
 * What its owner shows is newest. What a process kept up ended with it, whatever the files say; after one that ended in good
 * order the word is from before.
 */
export function standingOf({ owner, shown }: RunView, member: Member): MemberStanding {
  const { plan, status, since, reason, shutdown } = member;
  const seen = shown?.members.find(({ participant }) => participant === plan.name);
  const isMoving = MOVING.has(status);
  const isLost = isMoving && owner?.alive === false;
  const all = [
    ...(isLost ? [`was ${status.replace("_", " ")}`] : []),
    ...(isMoving && !owner ? ["stale"] : []),
    ...(seen?.retry
      ? [`the provider failed ${seen.retry.attempt} times, next at ${timeOfDay(seen.retry.nextAt)}`]
      : []),
    ...(reason === undefined ? [] : [reason]),
    ...(seen?.hold === undefined ? [] : [`mail held: ${seen.hold.replaceAll("_", " ")}`]),
    ...(shutdown.status === "requested" || shutdown.status === "approved"
      ? [`shutdown ${shutdown.status}`]
      : []),
  ];
  return {
    status: isLost ? "lost" : (seen?.status ?? status),
    since: seen?.since ?? since,
    ...(all.length === 0 ? {} : { reason: all.join(", ") }),
    ...(seen?.tool === undefined ? {} : { tool: seen.tool }),
  };
}
