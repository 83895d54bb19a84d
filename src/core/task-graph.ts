import type { TaskChange, TaskDraft } from "./commands.ts";
import type { TaskId } from "./ids.ts";
import type { Task } from "./task.ts";

/**
 * Which task waits for which. Tasks form a graph without circles; a blocker that is completed or deleted holds nobody any
 * more. Everything is looked up by key, along the links of the tasks in question, so that a change costs what it
 * touches and not what the list holds.
 */
export interface TaskIndex {
  get(taskId: TaskId): Task | undefined;
}

/** Those of the blockers that the task does not have yet, each once. */
export function newBlockers(task: Task, blockedBy: readonly TaskId[]): TaskId[] {
  const present = new Set(task.blockedBy);
  return [...new Set(blockedBy)].filter((blocker) => !present.has(blocker));
}

/** Whether the task has stopped holding others. */
export function isSettled(task: Task): boolean {
  return task.status === "completed" || task.status === "deleted";
}

/**
 * Blockers that still hold the task, each once. One whose record cannot be read holds it too: nobody knows that it is
 * done. The lead can take it out of `blockedBy`.
 */
export function openBlockers(index: TaskIndex, task: Pick<Task, "blockedBy">): readonly TaskId[] {
  return [...new Set(task.blockedBy)].filter((blocker) => {
    const found = index.get(blocker);
    return found === undefined || !isSettled(found);
  });
}

/** Whether the task can be claimed as far as its blockers are concerned. */
export function isReady(index: TaskIndex, task: Task): boolean {
  return task.status === "pending" && openBlockers(index, task).length === 0;
}

/** Tasks that wait for this one directly and are ready, in order of id. */
export function readyDependents(index: TaskIndex, task: Task): readonly Task[] {
  return [...new Set(task.unblocks)]
    .sort((one, other) => one - other)
    .flatMap((dependent) => index.get(dependent) ?? [])
    .filter((dependent) => dependent.blockedBy.includes(task.taskId) && isReady(index, dependent));
}

/**
 * How one of `starts` comes to wait for `target`: the ids on the way, both ends included; undefined if none does. Settled
 * tasks are not passed, since nobody waits for or through them. Each task is looked up once.
 */
export function waitingPath(
  index: TaskIndex,
  starts: readonly TaskId[],
  target: TaskId,
): readonly TaskId[] | undefined {
  const cameFrom = new Map<TaskId, TaskId | undefined>(starts.map((start) => [start, undefined]));
  const open = [...starts];
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    if (current === target) return trail(cameFrom, current);
    const task = index.get(current);
    if (!task || isSettled(task)) continue;
    for (const blocker of task.blockedBy) {
      if (cameFrom.has(blocker)) continue;
      cameFrom.set(blocker, current);
      open.push(blocker);
    }
  }
  return undefined;
}

function trail(cameFrom: ReadonlyMap<TaskId, TaskId | undefined>, end: TaskId): readonly TaskId[] {
  const path: TaskId[] = [];
  for (let at: TaskId | undefined = end; at !== undefined; at = cameFrom.get(at)) path.push(at);
  return path.reverse();
}

/** The index with some records replaced. */
export function overlaid(index: TaskIndex, tasks: readonly Task[]): TaskIndex {
  const replaced = new Map(tasks.map((task) => [task.taskId, task]));
  return { get: (taskId) => replaced.get(taskId) ?? index.get(taskId) };
}

/**
 * How many tasks one task may wait for, and how many may wait for one. A change reads and writes what it is linked to under
 * the run's lock, and tells who can go on: this keeps it small whatever the list has grown to. More than a model would
 * ever write by hand, and a task that stands for the rest takes any number in two steps.
 */
export const BLOCKERS_MAX = 100;
export const DEPENDENTS_MAX = 200;

/** What a decision about tasks is asked, as far as it decides which tasks have to be at hand. */
export type TaskRequest =
  | { readonly type: "create"; readonly drafts: readonly Pick<TaskDraft, "blockedBy">[] }
  | { readonly type: "update"; readonly taskId: TaskId; readonly change: TaskChange }
  | { readonly type: "release"; readonly taskIds: readonly TaskId[] };

/**
 * Names, one after another, the tasks that a decision looks up, and is told each (undefined if there is none) before it
 * names the next. So whoever loads them reads what is linked to the request and nothing else. A task may be named more
 * than once. What is refused for its length alone is not looked up at all.
 */
export function* taskLookups(request: TaskRequest): Generator<TaskId, void, Task | undefined> {
  switch (request.type) {
    case "create":
      for (const draft of request.drafts) if (draft.blockedBy.length <= BLOCKERS_MAX) yield* draft.blockedBy;
      return;
    case "release":
      yield* request.taskIds;
      return;
    case "update":
      yield* lookAround(request);
  }
}

/** The task, what holds it, what it stops holding and whatever else holds that, and all that new blockers wait for. */
function* lookAround(
  request: Extract<TaskRequest, { type: "update" }>,
): Generator<TaskId, void, Task | undefined> {
  const { taskId, change } = request;
  const task = yield taskId;
  if (!task) return;
  yield* task.blockedBy;
  if (change.status === "completed" || change.status === "deleted") {
    for (const dependent of task.unblocks) yield* (yield dependent)?.blockedBy ?? [];
  }
  const { blockedBy = [] } = change;
  const seen = new Set<TaskId>();
  const open = blockedBy.length > BLOCKERS_MAX ? [] : newBlockers(task, blockedBy);
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    if (seen.has(current)) continue;
    seen.add(current);
    const blocker = yield current;
    if (blocker && !isSettled(blocker)) open.push(...blocker.blockedBy);
  }
}
