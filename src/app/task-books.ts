import type { TaskBook } from "../core/commands.ts";
import { ownedBy } from "../core/decide-tasks.ts";
import type { MemberName, Participant, TaskId } from "../core/ids.ts";
import { memberOf, type RunState } from "../core/run.ts";
import type { Task } from "../core/task.ts";
import { type TaskRequest, taskLookups } from "../core/task-graph.ts";
import type { World } from "./world.ts";

/** What of the world tasks are read from. */
type Tasks = Pick<World, "tasks">;

/** The tasks that a decision will look up, read by key: the cost follows the tasks involved, not the length of the list. */
export async function loadBook({ tasks }: Tasks, state: RunState, request: TaskRequest): Promise<TaskBook> {
  const book = new Map<TaskId, Task>();
  const lookups = taskLookups(request);
  for (let next = lookups.next(); !next.done; ) {
    const taskId = next.value;
    const task = book.get(taskId) ?? (await readTask({ tasks }, state, taskId));
    if (task) book.set(taskId, task);
    next = lookups.next(task);
  }
  return book;
}

/** What a participant owns, for a decision that takes it back. */
export function loadOwned({ tasks }: Tasks, state: RunState, participant: Participant): Promise<TaskBook> {
  return loadBook({ tasks }, state, { type: "release", taskIds: ownedBy(state, participant) });
}

/** What the last generations of these names have left, for a decision that gives it to the next ones. */
export function loadLeft({ tasks }: Tasks, state: RunState, names: readonly MemberName[]): Promise<TaskBook> {
  const taskIds = names.flatMap((name) => memberOf(state, name)?.left ?? []);
  return loadBook({ tasks }, state, { type: "release", taskIds });
}

/** Ids come from models: only those that were given out are looked for on disk. */
export async function readTask({ tasks }: Tasks, state: RunState, taskId: TaskId): Promise<Task | undefined> {
  return taskId >= 1 && taskId <= state.tasks ? tasks.read(state.runId, taskId) : undefined;
}
