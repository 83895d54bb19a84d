import type { Instant, Participant, TaskId } from "./ids.ts";
import { REFUSE, STAY, type Table } from "./table.ts";

/**
 * A task of the shared list.
 *
 *     pending --claim--> claimed --start--> in_progress --complete--> completed
 *        ^                  |                    |
 *        +-----release------+--------------------+          any but deleted --delete--> deleted
 *
 * Who moves it: its owner or the lead; claiming is anybody's when every blocker is completed or deleted. What a crash
 * leaves: the task as the last commit has it; an owner that ended gives its tasks back. Each claim raises the task's
 * generation, so that what a former owner still has to say is recognised as late.
 */
export type TaskStatus = "pending" | "claimed" | "in_progress" | "completed" | "deleted";
export const TASK_STATUSES: readonly TaskStatus[] = [
  "pending",
  "claimed",
  "in_progress",
  "completed",
  "deleted",
];
/** How many tasks there are of each kind. */
export type TaskCounts = Readonly<Record<TaskStatus, number>>;
export const NO_TASKS: TaskCounts = { pending: 0, claimed: 0, in_progress: 0, completed: 0, deleted: 0 };

export type TaskCommand = "claim" | "start" | "complete" | "release" | "delete";
export const TASK_COMMANDS: readonly TaskCommand[] = ["claim", "start", "complete", "release", "delete"];

export const taskTable: Table<TaskStatus, TaskCommand> = {
  pending: {
    claim: "claimed",
    start: "in_progress",
    complete: REFUSE,
    release: STAY,
    delete: "deleted",
  },
  claimed: {
    claim: STAY,
    start: "in_progress",
    complete: "completed",
    release: "pending",
    delete: "deleted",
  },
  in_progress: {
    // Going back to `claimed` would say less than is true.
    claim: REFUSE,
    start: STAY,
    complete: "completed",
    release: "pending",
    delete: "deleted",
  },
  completed: {
    claim: REFUSE,
    start: REFUSE,
    complete: STAY,
    release: REFUSE,
    delete: "deleted",
  },
  deleted: {
    claim: REFUSE,
    start: REFUSE,
    complete: REFUSE,
    release: REFUSE,
    delete: STAY,
  },
};

/** What a completed task yields. */
export interface TaskResult {
  readonly text: string;
  readonly artifacts: readonly string[];
}

/** `tasks/<n>.json`, replaced under the run's lock. */
export interface Task {
  readonly version: 1;
  readonly taskId: TaskId;
  readonly subject: string;
  readonly description: string;
  readonly status: TaskStatus;
  /** While `pending`: whom it is assigned to. Otherwise: who has it. */
  readonly owner?: Participant;
  readonly createdBy: Participant;
  readonly blockedBy: readonly TaskId[];
  /** The reverse of `blockedBy`, kept so that completing a task finds what it unblocks by key. */
  readonly unblocks: readonly TaskId[];
  /** Number of claims so far. */
  readonly generation: number;
  readonly result?: TaskResult;
  readonly createdAt: Instant;
  readonly changedAt: Instant;
  /** The run's revision that wrote this record: performing an old write again changes nothing. */
  readonly revision: number;
}
