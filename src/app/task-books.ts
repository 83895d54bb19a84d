import type { TaskBook } from "../core/commands.ts";
import { LEAD, type MemberName, type Participant, type TaskId } from "../core/ids.ts";
import { memberOf, type RunState } from "../core/run.ts";
import type { Task } from "../core/task.ts";
import { type TaskRequest, taskLookups } from "../core/task-graph.ts";
import type { World } from "./world.ts";

/** The tasks that a decision will look up, read by key: the cost follows the tasks involved, not the length of the list. */
export async function loadBook(world: World, state: RunState, request: TaskRequest): Promise<TaskBook> {
  const book = new Map<TaskId, Task>();
  const lookups = taskLookups(request);
  for (let next = lookups.next(); !next.done; ) {
    const taskId = next.value;
    const task = book.get(taskId) ?? (await readTask(world, state, taskId));
    if (task) book.set(taskId, task);
    next = lookups.next(task);
  }
  return book;
}

/** What a participant owns, for a decision that takes it back. */
export function loadOwned(world: World, state: RunState, participant: Participant): Promise<TaskBook> {
  const taskIds = participant === LEAD ? state.lead.tasks : (memberOf(state, participant)?.tasks ?? []);
  return loadBook(world, state, { type: "release", taskIds });
}

/** What the last generations of these names have left, for a decision that gives it to the next ones. */
export function loadLeft(world: World, state: RunState, names: readonly MemberName[]): Promise<TaskBook> {
  const taskIds = names.flatMap((name) => memberOf(state, name)?.left ?? []);
  return loadBook(world, state, { type: "release", taskIds });
}

/** Ids come from models: only those that were given out are looked for on disk. */
export async function readTask(world: World, state: RunState, taskId: TaskId): Promise<Task | undefined> {
  return taskId >= 1 && taskId <= state.tasks ? world.tasks.read(state.runId, taskId) : undefined;
}
