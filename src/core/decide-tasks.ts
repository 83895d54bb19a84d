import {
  begin,
  type Change,
  type Letter,
  liveParticipants,
  mail,
  patchLead,
  patchMember,
  patchRun,
  takesMail,
  tell,
  wish,
} from "./change.ts";
import type { Command, TaskBook, TaskDraft } from "./commands.ts";
import {
  decideTaskCreate,
  decideTaskUpdate,
  handOnTasks,
  type OwnerChange,
  releaseTasks,
  type TaskChanges,
} from "./decide-task.ts";
import { type Instant, LEAD, type Participant, SYSTEM, type TaskId } from "./ids.ts";
import type { Refusal } from "./refusal.ts";
import { memberOf, type RunState, taskCountsOf } from "./run.ts";
import type { Task, TaskCounts } from "./task.ts";
import type { TaskContext } from "./task-checks.ts";
import { endVolleys } from "./volley.ts";
import { taskAssigned, tasksReady, taskTakenBack } from "./wording.ts";

type Refused = { readonly kind: "refused"; readonly refusal: Refusal };

/** The shared list as part of the run: what `decide-task.ts` says of tasks becomes records, seats' task lists and mail. */
export function createTasks(
  state: RunState,
  command: Extract<Command, { type: "create_tasks" }>,
  now: Instant,
): Change | Refused {
  return addTasks(begin(state), command.by, command.drafts, command.book, now);
}

/** Also a part of the commit that opens a run, so that a team never exists without its first tasks. */
export function addTasks(
  change: Change,
  by: Participant,
  drafts: readonly TaskDraft[],
  book: TaskBook,
  now: Instant,
): Change | Refused {
  const nextTaskId = change.state.tasks + 1;
  const creation = decideTaskCreate(book, drafts, { ...context(change.state, by, now), nextTaskId });
  if (creation.kind === "refused") return creation;
  const counted = patchRun(change, { tasks: change.state.tasks + creation.created.length });
  return fold(counted, by, creation, book);
}

export function updateTask(
  state: RunState,
  command: Extract<Command, { type: "update_task" }>,
  now: Instant,
): Change | Refused | { readonly kind: "unchanged" } {
  const { by, taskId, change, book } = command;
  const update = decideTaskUpdate(book, taskId, change, context(state, by, now));
  if (update.kind === "refused") return update;
  if (update.kind === "unchanged") return { kind: "unchanged" };
  return fold(begin(state), by, update, book);
}

/** What a participant that has ended still owned returns to the list; the lead hears of it in the notice of the end. */
export function releaseOwned(change: Change, name: Participant, book: TaskBook, now: Instant): Change {
  const owned = ownedBy(change.state, name);
  if (owned.length === 0) return change;
  const released = releaseTasks(book, name, owned, { now, revision: change.state.revision + 1 });
  const left = released.tasks.map(({ taskId }) => taskId);
  return patchMember(fold(change, name, released, book), name, (member) => ({ ...member, left }));
}

/** What a name's last generation has left is the next one's again, which reads of it in its brief. */
export function handOn(
  change: Change,
  name: Participant,
  left: readonly TaskId[],
  book: TaskBook,
  now: Instant,
): Change {
  if (left.length === 0) return change;
  const about = { by: LEAD, now, revision: change.state.revision + 1 };
  return fold(change, LEAD, handOnTasks(book, name, left, about), book);
}

function context(state: RunState, by: Participant, now: Instant): TaskContext {
  const live = liveParticipants(state);
  const owned = Object.fromEntries(live.map((one) => [one, ownedBy(state, one).length]));
  return { by, live, owned, now, revision: state.revision + 1 };
}

/** Tasks that a participant has, claimed or assigned. */
export function ownedBy(state: RunState, participant: Participant): readonly TaskId[] {
  return participant === LEAD ? state.lead.tasks : (memberOf(state, participant)?.tasks ?? []);
}

/** @param book the tasks as they were. */
function fold(change: Change, by: Participant, changes: TaskChanges, book: TaskBook): Change {
  const taskCounts = recount(taskCountsOf(change.state), changes.tasks, book);
  const writes = changes.tasks.map((task) => ({ type: "write_task", task }) as const);
  let next = wish(patchRun(change, { taskCounts }), ...writes);
  for (const event of changes.events) next = tell(next, event);
  for (const one of changes.ownerChanges) next = own(next, one);
  return mail(endVolleys(next), ...notices(next.state, by, changes));
}

function recount(counts: TaskCounts, tasks: readonly Task[], book: TaskBook): TaskCounts {
  const next = { ...counts };
  for (const { taskId, status } of tasks) {
    const former = book.get(taskId)?.status;
    // A run that began before its tasks were counted may have more than it knows of.
    if (former !== undefined) next[former] = Math.max(0, next[former] - 1);
    next[status] += 1;
  }
  return next;
}

function own(change: Change, { participant, taskId, change: kind }: OwnerChange): Change {
  const edit = (tasks: readonly number[]): readonly number[] =>
    kind === "gained"
      ? [...tasks.filter((one) => one !== taskId), taskId]
      : tasks.filter((one) => one !== taskId);
  if (participant === LEAD) return patchLead(change, { tasks: edit(change.state.lead.tasks) });
  return patchMember(change, participant, (member) => ({ ...member, tasks: edit(member.tasks) }));
}

/** Who has to hear of it: those whose work was given or taken by somebody else, and whoever can go on now. */
function notices(state: RunState, by: Participant, changes: TaskChanges): readonly Letter[] {
  const byId = new Map(changes.tasks.map((task) => [task.taskId, task]));
  const letters: Letter[] = [];
  for (const { participant, taskId, change } of changes.ownerChanges) {
    const task = byId.get(taskId);
    if (!task || participant === by || !hearsOfTasks(state, participant)) continue;
    if (change === "lost" && task.status === "completed") continue;
    letters.push(notice(participant, change === "gained" ? taskAssigned(task) : taskTakenBack(task)));
  }
  for (const [reader, tasks] of readers(state, by, changes)) letters.push(notice(reader, tasksReady(tasks)));
  return letters;
}

/** A member that is starting reads of its tasks in its brief; one whose end is decided reads nothing. */
function hearsOfTasks(state: RunState, participant: Participant): boolean {
  if (participant === LEAD) return true;
  const member = memberOf(state, participant);
  return member !== undefined && member.status !== "starting" && takesMail(member);
}

/** Tasks that became ready, by who is to take them: their owner, or the lead who can hand them out. */
function readers(state: RunState, by: Participant, changes: TaskChanges): Map<Participant, Task[]> {
  const readers = new Map<Participant, Task[]>();
  for (const task of changes.becameReady) {
    const reader = task.owner !== undefined && hearsOfTasks(state, task.owner) ? task.owner : LEAD;
    if (reader !== by) readers.set(reader, [...(readers.get(reader) ?? []), task]);
  }
  return readers;
}

function notice(to: Participant, body: string): Letter {
  return { from: SYSTEM, to, kind: "task", body };
}
