import type { Member } from "../core/run.ts";
import type { TaskStatus } from "../core/task.ts";
import type { RunView } from "./world.ts";

/** What follows from a run's files and does not stand in one of them. */

export function countTasks({ tasks }: RunView): Readonly<Record<TaskStatus, number>> {
  const counts = { pending: 0, claimed: 0, in_progress: 0, completed: 0, deleted: 0 };
  for (const task of tasks) counts[task.status] += 1;
  return counts;
}

/** Statuses that say that something goes on. Without a living owner nothing does, and the word is from before. */
const MOVING: ReadonlySet<Member["status"]> = new Set(["starting", "working", "needs_approval"] as const);

/** Why the member stands as it does; `stale` where its status outlived the process that kept it up. */
export function reasonOf({ owner }: RunView, { status, reason, shutdown }: Member): string | undefined {
  const all = [
    ...(owner?.alive !== true && MOVING.has(status) ? ["stale"] : []),
    ...(reason === undefined ? [] : [reason]),
    ...(shutdown.status === "requested" || shutdown.status === "approved"
      ? [`shutdown ${shutdown.status}`]
      : []),
  ];
  return all.length === 0 ? undefined : all.join(", ");
}
