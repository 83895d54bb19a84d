import type { Member, MemberStatus } from "../core/run.ts";
import type { TaskStatus } from "../core/task.ts";
import type { RunView } from "./world.ts";

/** What follows from a run's files and does not stand in one of them. */

export function countTasks({ tasks }: RunView): Readonly<Record<TaskStatus, number>> {
  const counts = { pending: 0, claimed: 0, in_progress: 0, completed: 0, deleted: 0 };
  for (const task of tasks) counts[task.status] += 1;
  return counts;
}

/** Statuses that say that something goes on, which a process has to keep up. */
const MOVING: ReadonlySet<MemberStatus> = new Set<MemberStatus>(["starting", "working", "needs_approval"]);

/**
 * How the member stands for a reader: what a process kept up ended with it, whatever the file says. After one that ended in
 * good order the word is from before.
 */
export function standingOf(
  { owner }: RunView,
  { status, reason, shutdown }: Member,
): { readonly status: MemberStatus; readonly reason?: string } {
  const isMoving = MOVING.has(status);
  const isLost = isMoving && owner?.alive === false;
  const all = [
    ...(isLost ? [`was ${status.replace("_", " ")}`] : []),
    ...(isMoving && !owner ? ["stale"] : []),
    ...(reason === undefined ? [] : [reason]),
    ...(shutdown.status === "requested" || shutdown.status === "approved"
      ? [`shutdown ${shutdown.status}`]
      : []),
  ];
  return { status: isLost ? "lost" : status, ...(all.length === 0 ? {} : { reason: all.join(", ") }) };
}
