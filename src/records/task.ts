import { z } from "zod";
import type { Task, TaskCounts, TaskResult, TaskStatus } from "../core/task.ts";
import { parseRecord } from "./record.ts";
import { count, instant, oneOf, type Reading, recordOf } from "./shape.ts";
import { veil } from "./veil.ts";

const result = recordOf<TaskResult>({ text: z.string(), artifacts: z.array(z.string()) });

const status = oneOf<TaskStatus>({
  pending: true,
  claimed: true,
  in_progress: true,
  completed: true,
  deleted: true,
});

export const taskCounts: z.ZodType<TaskCounts> = recordOf<TaskCounts>({
  pending: count,
  claimed: count,
  in_progress: count,
  completed: count,
  deleted: count,
});

const taskId = z.int().min(1);

const stored = recordOf<Omit<Task, "status"> & { readonly status: string }>({
  version: z.literal(1),
  taskId,
  subject: z.string(),
  description: z.string(),
  status: z.string(),
  owner: z.string().exactOptional(),
  createdBy: z.string(),
  blockedBy: z.array(taskId),
  unblocks: z.array(taskId),
  generation: count,
  result: result.exactOptional(),
  createdAt: instant,
  changedAt: instant,
  revision: count,
});

/**
 * `tasks/<n>.json`. A status that this version does not know reads as `in_progress`: nobody can claim the task, nothing
 * becomes ready because of it, and the lead can still take it back.
 */
export const taskSchema: z.ZodType<Task> = stored.transform((task): Task => {
  const known = status.safeParse(task.status);
  return known.success ? { ...task, status: known.data } : veil(task as Task, { status: "in_progress" });
});

export function parseTask(text: string): Reading<Task> {
  return parseRecord(taskSchema, text);
}
