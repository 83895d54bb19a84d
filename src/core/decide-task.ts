import type { Happening } from "./change.ts";
import type { TaskChange, TaskDraft } from "./commands.ts";
import type { Participant, TaskId } from "./ids.ts";
import { refuse } from "./refusal.ts";
import { step } from "./table.ts";
import { type Task, type TaskCommand, type TaskStatus, taskTable } from "./task.ts";
import {
  assigns,
  checkAssignment,
  checkBlockerChange,
  checkBlockerCount,
  checkBlockers,
  checkDrafts,
  checkEntitlement,
  checkLinks,
  checkLoad,
  checkOutcome,
  checkOwner,
  checkPositions,
  checkTexts,
  editedFields,
  isClaimed,
  NOBODY,
  type Refused,
  type TaskContext,
  takes,
  unique,
} from "./task-checks.ts";
import { isReady, isSettled, overlaid, readyDependents, type TaskIndex } from "./task-graph.ts";

/**
 * Every change of the shared task list. The index has to hold what `taskLookups` names.
 *
 * Who may do what: taking a task (`claimed`, `in_progress`) is for the one it is assigned to, or for anybody if it is
 * nobody's, and only when it is ready. That holds for the lead as well: of several that reach for a task one gets it and the
 * others are told, and a lead that wants a task of somebody assigns it to itself. Deleting is for the lead, and for
 * the creator while nobody has claimed the task. Everything else is for the owner or the lead.
 *
 * A task that is claimed or in progress has no open blocker, ever: blockers of a task that is being worked on can be taken
 * away, and added only if they are done. One that is completed keeps its blockers as they are.
 */

/**
 * Somebody has or gives up the claim of a task, or its assignment: together they say which tasks a participant would
 * have to give back. A completed task is nobody's to give back, though its record keeps the owner.
 */
export interface OwnerChange {
  readonly participant: Participant;
  readonly taskId: TaskId;
  readonly change: "gained" | "lost";
}

/** What follows from a decision. */
export interface TaskChanges {
  /** Records to write. */
  readonly tasks: readonly Task[];
  /** Tasks that waited and can be claimed from now on; their owner, or the lead, is to be told. */
  readonly becameReady: readonly Task[];
  readonly events: readonly Happening[];
  readonly ownerChanges: readonly OwnerChange[];
}

export type TaskCreation =
  | ({ readonly kind: "accepted"; readonly created: readonly Task[] } & TaskChanges)
  | Refused;

export type TaskUpdate =
  | ({ readonly kind: "accepted"; readonly before: Task; readonly task: Task } & TaskChanges)
  /** It is so already. */
  | { readonly kind: "unchanged"; readonly task: Task }
  | Refused;

/** Creates the drafts, all or none of them, with ids from `nextTaskId` on. */
export function decideTaskCreate(
  index: TaskIndex,
  drafts: readonly TaskDraft[],
  context: TaskContext & { readonly nextTaskId: TaskId },
): TaskCreation {
  const { by, now, revision, nextTaskId } = context;
  const tooMany = checkDrafts(drafts.length);
  if (tooMany) return tooMany;
  const created: Task[] = [];
  for (const [position, draft] of drafts.entries()) {
    const label = drafts.length === 1 ? "the new task" : `task ${position + 1} of ${drafts.length}`;
    const refused =
      checkTexts(draft, label) ??
      checkOwner(draft.owner, context) ??
      checkBlockerCount([...draft.blockedBy, ...draft.blockedByDraft], label) ??
      checkPositions(draft.blockedByDraft, position, label) ??
      checkBlockers(index, draft.blockedBy, label);
    if (refused) return refused;
    created.push({
      version: 1,
      taskId: nextTaskId + position,
      subject: draft.subject.trim(),
      description: draft.description,
      status: "pending",
      ...(draft.owner === undefined || draft.owner === NOBODY ? {} : { owner: draft.owner }),
      createdBy: by,
      blockedBy: unique([...draft.blockedBy, ...draft.blockedByDraft.map((one) => nextTaskId + one)]),
      unblocks: [],
      generation: 0,
      createdAt: now,
      changedAt: now,
      revision,
    });
  }
  const tasks = created.reduce<readonly Task[]>(
    (linked, task) => withLinks(index, linked, task, [], revision),
    created,
  );
  const changes = created.flatMap((task) => ownerChanges(undefined, task));
  const refused = checkLinks(index, tasks) ?? checkLoad(gains(changes), context);
  if (refused) return refused;
  return {
    kind: "accepted",
    created: tasks.slice(0, created.length),
    tasks,
    becameReady: [],
    events: created.map(({ taskId, owner, blockedBy }) => ({
      event: "task_created",
      taskId,
      by,
      owner,
      blockedBy,
    })),
    ownerChanges: changes,
  };
}

/** Changes one task. */
export function decideTaskUpdate(
  index: TaskIndex,
  taskId: TaskId,
  change: TaskChange,
  context: TaskContext,
): TaskUpdate {
  const before = index.get(taskId);
  if (!before) {
    return refuse(
      "task_unknown",
      `task ${taskId} is unknown in this run`,
      "Call team_task_list to see the tasks.",
      {
        taskId,
      },
    );
  }
  const refused =
    checkTexts(change, `task ${taskId}`) ??
    checkOwner(change.owner, context) ??
    checkBlockerCount(change.blockedBy, `task ${taskId}`) ??
    checkAssignment(before, change, context) ??
    checkEntitlement(before, change, context) ??
    checkBlockerChange(index, before, change);
  if (refused) return refused;
  const moved = move(assign(before, change), change, context);
  if ("kind" in moved) return moved;
  const task = edit(moved, change, context);
  return checkOutcome(index, before, task) ?? conclude(index, before, task, context);
}

/**
 * Gives back what somebody owned that has ended: claims and assignments are void, the tasks return to the list. Tasks
 * that are settled, or somebody else's by now, are left alone.
 */
export function releaseTasks(
  index: TaskIndex,
  owner: Participant,
  taskIds: readonly TaskId[],
  context: Pick<TaskContext, "now" | "revision">,
): TaskChanges {
  const held = unique(taskIds)
    .flatMap((taskId) => index.get(taskId) ?? [])
    .filter((task) => holder(task) === owner);
  const tasks = held.map((task) => stamped(withoutOwner({ ...task, status: "pending" }), context));
  return {
    tasks,
    becameReady: [],
    events: tasks.map(({ taskId }) => ({ event: "task_released", taskId, by: owner, owner })),
    ownerChanges: held.flatMap((task) => ownerChanges(task, undefined)),
  };
}

/** Gives to somebody who has come back what its name had left, as far as nobody has taken it since. */
export function handOnTasks(
  index: TaskIndex,
  owner: Participant,
  taskIds: readonly TaskId[],
  { by, ...context }: Pick<TaskContext, "by" | "now" | "revision">,
): TaskChanges {
  const free = unique(taskIds)
    .flatMap((taskId) => index.get(taskId) ?? [])
    .filter((task) => task.status === "pending" && task.owner === undefined);
  const tasks = free.map((task) => stamped({ ...task, owner }, context));
  return {
    tasks,
    becameReady: [],
    events: tasks.map(({ taskId }) => ({ event: "task_assigned", taskId, by, owner })),
    ownerChanges: tasks.flatMap((task) => ownerChanges(undefined, task)),
  };
}

const COMMANDS: Readonly<Record<TaskStatus, TaskCommand>> = {
  pending: "release",
  claimed: "claim",
  in_progress: "start",
  completed: "complete",
  deleted: "delete",
};

/** An assigned task starts over: pending, and the former owner's claim is void. */
function assign(task: Task, change: TaskChange): Task {
  if (change.owner === undefined || !assigns(task, change)) return task;
  const open: Task = { ...task, status: "pending" };
  return change.owner === NOBODY ? withoutOwner(open) : { ...open, owner: change.owner };
}

/** Applies the wanted status by the table. */
function move(task: Task, change: TaskChange, { by }: TaskContext): Task | Refused {
  if (change.status === undefined) return task;
  const next = step(taskTable, task.status, COMMANDS[change.status]);
  if (next.outcome === "refused") {
    return refuse(
      "task_transition",
      `task ${task.taskId} is ${task.status} and cannot become ${change.status}`,
      wayOut(task, change.status),
      { taskId: task.taskId, status: task.status, wanted: change.status },
    );
  }
  if (next.outcome === "stayed") return task;
  if (next.state === "pending") return withoutOwner({ ...task, status: next.state });
  if (task.status === "pending" && takes(change)) {
    return { ...task, status: next.state, owner: by, generation: task.generation + 1 };
  }
  return { ...task, status: next.state };
}

function wayOut(task: Task, wanted: TaskStatus): string {
  if (isSettled(task)) return "Create a new task with team_task_create if there is more to do.";
  if (wanted === "completed")
    return `Take it first: team_task_update, taskId ${task.taskId}, status in_progress.`;
  return "Leave the status as it is, or complete the task with status completed.";
}

function edit(task: Task, change: TaskChange, context: TaskContext): Task {
  return stamped(
    {
      ...task,
      ...(change.subject === undefined ? {} : { subject: change.subject.trim() }),
      ...(change.description === undefined ? {} : { description: change.description }),
      ...(change.blockedBy === undefined ? {} : { blockedBy: unique(change.blockedBy) }),
      ...(change.result === undefined ? {} : { result: change.result }),
    },
    context,
  );
}

function conclude(index: TaskIndex, before: Task, task: Task, context: TaskContext): TaskUpdate {
  if (isSame(before, task)) return { kind: "unchanged", task: before };
  const { by, revision } = context;
  const tasks = withLinks(index, [task], task, before.blockedBy, revision);
  const changes = ownerChanges(before, task);
  const refused = checkLinks(index, tasks) ?? checkLoad(gains(changes), context);
  if (refused) return refused;
  const after = overlaid(index, tasks);
  const freed = isSettled(task) && !isSettled(before) ? readyDependents(after, task) : [];
  const itself = isReady(after, task) && before.status === "pending" && !isReady(index, before) ? [task] : [];
  const becameReady = [...itself, ...freed];
  return {
    kind: "accepted",
    before,
    task,
    tasks,
    becameReady,
    events: [
      ...happenings(before, task, by),
      ...becameReady.map(
        ({ taskId, owner }): Happening => ({ event: "task_ready", taskId, after: task.taskId, owner }),
      ),
    ],
    ownerChanges: changes,
  };
}

/** The records with `unblocks` brought in line with what `task` waits for now; `former` is what it waited for before. */
function withLinks(
  index: TaskIndex,
  records: readonly Task[],
  task: Task,
  former: readonly TaskId[],
  revision: number,
): readonly Task[] {
  const present = new Map(records.map((record) => [record.taskId, record]));
  for (const blockerId of unique([...former, ...task.blockedBy])) {
    const blocker = present.get(blockerId) ?? index.get(blockerId);
    const waits = task.blockedBy.includes(blockerId);
    if (!blocker || blocker.unblocks.includes(task.taskId) === waits) continue;
    const unblocks = waits
      ? [...blocker.unblocks, task.taskId]
      : blocker.unblocks.filter((dependent) => dependent !== task.taskId);
    present.set(blockerId, { ...blocker, unblocks, revision });
  }
  return [...present.values()];
}

/** What to write in the journal: one line a fact, in the order in which they happened. */
function happenings(before: Task, task: Task, by: Participant): readonly Happening[] {
  const { taskId, generation } = task;
  const lines: Happening[] = [];
  const taken = generation > before.generation;
  const given = before.owner !== task.owner || (isClaimed(before) && task.status === "pending");
  if (given && task.status === "pending" && task.owner !== undefined) {
    lines.push({ event: "task_assigned", taskId, by, owner: task.owner, from: before.owner });
  } else if (isClaimed(before) && task.status === "pending") {
    lines.push({ event: "task_released", taskId, by, owner: before.owner });
  }
  if (taken) lines.push({ event: "task_claimed", taskId, by, generation });
  if (task.status !== before.status || taken) {
    if (task.status === "in_progress") lines.push({ event: "task_started", taskId, by, generation });
    if (task.status === "completed" || task.status === "deleted") {
      lines.push({ event: `task_${task.status}`, taskId, by, owner: task.owner });
    }
  }
  const fields = editedFields(before, task);
  if (fields.length > 0) lines.push({ event: "task_edited", taskId, by, fields });
  return lines;
}

function isSame(before: Task, task: Task): boolean {
  return (
    before.status === task.status &&
    before.owner === task.owner &&
    before.generation === task.generation &&
    editedFields(before, task).length === 0
  );
}

/** Who would have to give the task back. */
function holder(task: Task | undefined): Participant | undefined {
  return task && !isSettled(task) ? task.owner : undefined;
}

function ownerChanges(before: Task | undefined, after: Task | undefined): readonly OwnerChange[] {
  const taskId = (after ?? before)?.taskId;
  const [from, to] = [holder(before), holder(after)];
  if (taskId === undefined || from === to) return [];
  return [
    ...(from === undefined ? [] : [{ participant: from, taskId, change: "lost" } as const]),
    ...(to === undefined ? [] : [{ participant: to, taskId, change: "gained" } as const]),
  ];
}

function gains(changes: readonly OwnerChange[]): readonly Participant[] {
  return changes.flatMap(({ participant, change }) => (change === "gained" ? [participant] : []));
}

function stamped(task: Task, { now, revision }: Pick<TaskContext, "now" | "revision">): Task {
  return { ...task, changedAt: now, revision };
}

function withoutOwner({ owner: _owner, ...task }: Task): Task {
  return task;
}
