import type { TaskId } from "../core/ids.ts";
import { type RunState, taskCountsOf } from "../core/run.ts";
import type { Task } from "../core/task.ts";
import { isReady, openBlockers, type TaskIndex } from "../core/task-graph.ts";
import { FlotillaError } from "../errors.ts";
import { authorizeParticipant } from "./identify.ts";
import { readTask } from "./task-books.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Call, ListTasks, TaskPage, TaskReport, TaskRow } from "./verbs.ts";
import type { World } from "./world.ts";

export async function showTask(
  context: VerbContext,
  call: Call,
  input: { readonly taskId: TaskId },
): Promise<TaskReport> {
  const { state } = await authorizeParticipant(context.fleet, "team_task_get", call);
  return taskReport(context.fleet.world, state, input.taskId, false);
}

/** About 2,000 tokens of short rows: what a model can still choose from. More is narrowed down, or turned page by page. */
const PAGE_ROWS = 50;

export async function listTasks(context: VerbContext, call: Call, input: ListTasks): Promise<TaskPage> {
  const { state } = await authorizeParticipant(context.fleet, "team_task_list", call);
  const rows = await taskRows(context.fleet.world, state);
  const { status, owner, ready, after = 0 } = input;
  const matching = rows.filter(
    (row) =>
      row.taskId > after &&
      (status === undefined ? row.status !== "deleted" : row.status === status) &&
      (owner === undefined || row.owner === owner) &&
      (ready === undefined || row.ready === ready),
  );
  return {
    rows: matching.slice(0, PAGE_ROWS),
    left: Math.max(0, matching.length - PAGE_ROWS),
    counts: taskCountsOf(state),
  };
}

/**
 * Every task of the run as a row: the one way to look at tasks that costs what the list holds. Records that have not been
 * replaced are not read again, so it is a look at the time of each file.
 */
export async function taskRows(world: World, state: RunState): Promise<readonly TaskRow[]> {
  const tasks = await world.tasks.list(state.runId);
  const index = new Map(tasks.map((task) => [task.taskId, task]));
  return tasks.map((task) => taskRow(index, task));
}

/** One task with what it waits for and what waits for it. Rejects with `task_unknown`. */
export async function taskReport(
  world: World,
  state: RunState,
  taskId: TaskId,
  changed: boolean,
): Promise<TaskReport> {
  const task = await readTask(world, state, taskId);
  if (!task) {
    throw new FlotillaError({
      code: "task_unknown",
      message: `task ${taskId} is unknown in run ${state.runId}, which has ${state.tasks}`,
      hint: "Call team_task_list to see the tasks.",
      details: { taskId },
    });
  }
  const index = await neighbours(world, state, task);
  const rows = (taskIds: readonly TaskId[]): readonly TaskRow[] =>
    taskIds.flatMap((one) => {
      const found = index.get(one);
      return found ? [taskRow(index, found)] : [];
    });
  return {
    task,
    ready: isReady(index, task) && task.status === "pending",
    blockers: rows(task.blockedBy),
    unblocks: rows(task.unblocks),
    changed,
  };
}

/** The task, its blockers, what waits for it, and what else that waits for: all that its rows speak of. */
async function neighbours(world: World, state: RunState, task: Task): Promise<ReadonlyMap<TaskId, Task>> {
  const index = new Map([[task.taskId, task]]);
  const add = async (taskId: TaskId): Promise<Task | undefined> => {
    const found = index.get(taskId) ?? (await readTask(world, state, taskId));
    if (found) index.set(taskId, found);
    return found;
  };
  for (const blocker of task.blockedBy) await add(blocker);
  for (const waiting of task.unblocks)
    for (const other of (await add(waiting))?.blockedBy ?? []) await add(other);
  return index;
}

function taskRow(index: TaskIndex, task: Task): TaskRow {
  return {
    taskId: task.taskId,
    subject: task.subject,
    status: task.status,
    ...(task.owner === undefined ? {} : { owner: task.owner }),
    blockedBy: openBlockers(index, task),
    ready: task.status === "pending" && isReady(index, task),
  };
}
