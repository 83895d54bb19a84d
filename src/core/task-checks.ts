import type { TaskChange } from "./commands.ts";
import { type Instant, LEAD, type Participant, type TaskId } from "./ids.ts";
import { type Refusal, refuse } from "./refusal.ts";
import type { Task, TaskResult } from "./task.ts";
import {
  BLOCKERS_MAX,
  DEPENDENTS_MAX,
  isSettled,
  newBlockers,
  openBlockers,
  type TaskIndex,
  waitingPath,
} from "./task-graph.ts";

/** What may not be done to a task, and what its asker is told. Each check answers undefined if nothing is wrong. */
export type Refused = { readonly kind: "refused"; readonly refusal: Refusal };

/** A subject is a line in a list, not a text. */
export const SUBJECT_MAX_CHARS = 200;
/** As long as a message may be by default: a task says no less than the mail that would replace it. */
export const TEXT_MAX_CHARS = 32_768;
/** More files than this are a folder, and one path says that. */
export const ARTIFACTS_MAX = 100;
/** PATH_MAX of Linux: no path can be longer. */
export const PATH_MAX_CHARS = 4_096;

/** Tasks of one call: they are one commit, and their texts stand in it until they are written. */
export const DRAFTS_MAX = 200;
/** Open tasks of one owner: `state.json` names them, so that they can be given back when the owner ends. */
export const OWNED_MAX = 200;

/** A refusal is one sentence to read. */
const SHOWN_MAX = 8;

/** What a decision needs to know besides the tasks. */
export interface TaskContext {
  /** The caller: the lead by its name, or a member. */
  readonly by: Participant;
  /** Who can own a task: live participants, the lead among them. */
  readonly live: readonly Participant[];
  /** Tasks that each of them has, claimed or assigned. */
  readonly owned: Readonly<Record<Participant, number>>;
  readonly now: Instant;
  /** The revision of the commit that the decision becomes part of. */
  readonly revision: number;
}

export function checkTexts(
  texts: { readonly subject?: string; readonly description?: string; readonly result?: TaskResult },
  label: string,
): Refused | undefined {
  const { subject, description, result } = texts;
  if (subject !== undefined && subject.trim() === "") {
    return invalid(`the subject of ${label} is empty`, "Say in a few words what is to be done.", {
      field: "subject",
    });
  }
  return (
    checkLength(
      subject?.trim(),
      SUBJECT_MAX_CHARS,
      "subject",
      label,
      "Put the details into the description.",
    ) ??
    checkLength(
      description,
      TEXT_MAX_CHARS,
      "description",
      label,
      "Write the rest to a file and name its path.",
    ) ??
    checkResult(result, label)
  );
}

function checkResult(result: TaskResult | undefined, label: string): Refused | undefined {
  if (!result) return undefined;
  const { text, artifacts } = result;
  if (artifacts.length > ARTIFACTS_MAX) {
    return invalid(
      `the result of ${label} names ${artifacts.length} artifacts, allowed are ${ARTIFACTS_MAX}`,
      "Name the folder that holds them.",
      { field: "result.artifacts", received: artifacts.length, limit: ARTIFACTS_MAX },
    );
  }
  if (artifacts.some((path) => path.trim() === "")) {
    return invalid(`an artifact of ${label} has an empty path`, "Name the file's path.", {
      field: "result.artifacts",
    });
  }
  const longest = artifacts.reduce((one, other) => (other.length > one.length ? other : one), "");
  return (
    checkLength(
      text,
      TEXT_MAX_CHARS,
      "result.text",
      label,
      "Write it to a file and name that in artifacts.",
    ) ?? checkLength(longest, PATH_MAX_CHARS, "result.artifacts", label, "Artifacts are paths of files.")
  );
}

function checkLength(
  text: string | undefined,
  limit: number,
  field: string,
  label: string,
  hint: string,
): Refused | undefined {
  if (text === undefined || text.length <= limit) return undefined;
  return invalid(`the ${field} of ${label} has ${text.length} characters, allowed are ${limit}`, hint, {
    field,
    received: text.length,
    limit,
  });
}

function invalid(message: string, hint: string, details: Readonly<Record<string, unknown>>): Refused {
  return refuse("argument_invalid", message, hint, details);
}

/** As `owner` of a change: the task is nobody's again. */
export const NOBODY = "";

export function checkOwner(owner: string | undefined, { by, live }: TaskContext): Refused | undefined {
  if (owner === undefined) return undefined;
  if (by !== LEAD) {
    return refuse(
      "task_field_reserved",
      `${by} may not set the owner of a task (received "${owner}")`,
      "Leave owner out: whoever claims a task owns it. Or ask the lead with team_send_message.",
      { field: "owner", received: owner },
    );
  }
  if (owner === NOBODY || live.includes(owner)) return undefined;
  return refuse(
    "member_unknown",
    `"${owner}" is no live participant; live are ${live.join(", ")}`,
    "Name one of them as owner, or leave owner out.",
    { owner, live },
  );
}

export function checkDrafts(drafts: number): Refused | undefined {
  if (drafts <= DRAFTS_MAX) return undefined;
  return refuse(
    "task_limit",
    `${drafts} tasks are to be created at once, allowed are ${DRAFTS_MAX}`,
    "Create the others afterwards with team_task_create.",
    { received: drafts, limit: DRAFTS_MAX },
  );
}

/** Before anything is looked up: the length of a list says how much that would be. */
export function checkBlockerCount(
  blockers: readonly unknown[] | undefined,
  label: string,
): Refused | undefined {
  if (blockers === undefined || blockers.length <= BLOCKERS_MAX) return undefined;
  return refuse(
    "task_limit",
    `${label} would wait for ${blockers.length} tasks, allowed are ${BLOCKERS_MAX}`,
    "Let it wait for a few tasks that wait for the others.",
    { received: blockers.length, limit: BLOCKERS_MAX },
  );
}

/** What a task may hold up: whoever completes it has to look at all of them. */
export function checkLinks(index: TaskIndex, records: readonly Task[]): Refused | undefined {
  const hub = records.find(
    ({ taskId, unblocks }) =>
      unblocks.length > DEPENDENTS_MAX && unblocks.length > (index.get(taskId)?.unblocks.length ?? 0),
  );
  if (!hub) return undefined;
  return refuse(
    "task_limit",
    `${hub.unblocks.length} tasks would wait for task ${hub.taskId}, allowed are ${DEPENDENTS_MAX}`,
    `Create a task that waits for ${hub.taskId}, and let the others wait for that one.`,
    { taskId: hub.taskId, received: hub.unblocks.length, limit: DEPENDENTS_MAX },
  );
}

/** @param gained who gets a task that was not theirs, once for each. */
export function checkLoad(gained: readonly Participant[], { owned }: TaskContext): Refused | undefined {
  const load = (owner: Participant): number =>
    (owned[owner] ?? 0) + gained.filter((one) => one === owner).length;
  const full = gained.find((owner) => load(owner) > OWNED_MAX);
  if (full === undefined) return undefined;
  return refuse(
    "task_limit",
    `${full} would have ${load(full)} open tasks, allowed are ${OWNED_MAX}`,
    "Leave owner out: members take the next ready task when they are done with one.",
    { owner: full, received: load(full), limit: OWNED_MAX },
  );
}

export function checkPositions(
  positions: readonly number[],
  own: number,
  label: string,
): Refused | undefined {
  if (positions.includes(own)) return cycle(`${label} cannot wait for itself`, [own + 1]);
  const wrong = positions.find((position) => !Number.isInteger(position) || position < 0 || position > own);
  if (wrong === undefined) return undefined;
  return refuse(
    "task_blocker_unknown",
    `${label} waits for position ${wrong + 1}, which is none of the tasks before it`,
    "List a task after the ones that it waits for.",
    { position: own + 1, blocker: wrong + 1 },
  );
}

export function checkBlockers(
  index: TaskIndex,
  blockers: readonly TaskId[],
  label: string,
): Refused | undefined {
  const lost = unique(blockers).flatMap((blocker) => {
    const status = index.get(blocker)?.status;
    if (status === undefined) return [`${blocker} is unknown`];
    return status === "deleted" ? [`${blocker} is deleted`] : [];
  });
  if (lost.length === 0) return undefined;
  return refuse(
    "task_blocker_unknown",
    `${label} cannot wait for these tasks: ${listed(lost)}`,
    "Call team_task_list to see the tasks, and name existing ones in blockedBy.",
    { blockedBy: blockers },
  );
}

/** The lead's `owner` beside a `status`: it may take a task for itself in one call, and nothing else. */
export function checkAssignment(task: Task, change: TaskChange, { by }: TaskContext): Refused | undefined {
  const { owner, status } = change;
  if (owner === undefined || !assigns(task, change)) return undefined;
  if (isSettled(task)) {
    return refuse(
      "task_transition",
      `task ${task.taskId} is ${task.status} and takes no owner`,
      "Create a new task with team_task_create if there is more to do.",
      { taskId: task.taskId, status: task.status },
    );
  }
  if (status === undefined || status === "pending" || (takes(change) && owner === by)) return undefined;
  return invalid(
    `owner "${owner}" and status ${status} cannot be set together`,
    `Assign with owner alone; ${owner} then takes the task itself.`,
    { taskId: task.taskId, owner, status },
  );
}

export function checkEntitlement(task: Task, change: TaskChange, context: TaskContext): Refused | undefined {
  return (
    checkTaking(task, change, context) ??
    checkDeleting(task, change, context) ??
    checkChanging(task, change, context)
  );
}

function checkTaking(task: Task, change: TaskChange, { by }: TaskContext): Refused | undefined {
  if (!takes(change) || isSettled(task)) return undefined;
  const owner = change.owner ?? task.owner;
  if (owner === undefined || owner === by) return undefined;
  return refuse(
    "task_taken",
    `task ${task.taskId} is ${possession(task)}`,
    by === LEAD
      ? "To take it over, set owner to lead together with the status."
      : "Look for another one with team_task_list, ready: true.",
    ownership(task),
  );
}

function checkDeleting(task: Task, change: TaskChange, { by }: TaskContext): Refused | undefined {
  if (change.status !== "deleted" || task.status === "deleted" || by === LEAD) return undefined;
  if (task.createdBy === by && task.status === "pending") return undefined;
  const why = task.createdBy === by ? `is ${task.status}` : `was created by ${task.createdBy}`;
  return refuse(
    "not_allowed",
    `${by} may not delete task ${task.taskId}: it ${why}`,
    "A creator may delete a task while nobody has claimed it, the lead always. Write to the lead with team_send_message.",
    { ...ownership(task), createdBy: task.createdBy },
  );
}

/** Completing, releasing and editing: the owner's and the lead's, and of whoever takes the task in the same call. */
function checkChanging(task: Task, change: TaskChange, { by }: TaskContext): Refused | undefined {
  if (by === LEAD || task.owner === by || task.status === "deleted") return undefined;
  const edits = [change.subject, change.description, change.blockedBy, change.result].some(
    (one) => one !== undefined,
  );
  const ends = change.status === "completed" || (change.status === "pending" && task.status !== "pending");
  if (!ends && (!edits || takes(change))) return undefined;
  return refuse(
    "task_not_owner",
    `task ${task.taskId} does not belong to ${by}: it is ${possession(task)}`,
    task.owner === undefined && task.status === "pending"
      ? `Claim it first: team_task_update, taskId ${task.taskId}, status in_progress.`
      : "Leave it to its owner, or write to the owner or the lead with team_send_message.",
    ownership(task),
  );
}

/** `claimed by ada (claim 2)`: a former owner reads from it that its own claim is over. */
function possession(task: Task): string {
  if (task.owner === undefined) {
    return task.generation === 0 ? "nobody's" : `nobody's since claim ${task.generation} was given back`;
  }
  if (task.status === "pending") return `assigned to ${task.owner}`;
  return `${task.status} by ${task.owner} (claim ${task.generation})`;
}

function ownership(task: Task): Readonly<Record<string, unknown>> {
  const { taskId, status, owner, generation } = task;
  return { taskId, status, owner, generation };
}

/** Blockers that are named anew must exist and must not wait for the task; those it has may be repeated. */
export function checkBlockerChange(index: TaskIndex, task: Task, change: TaskChange): Refused | undefined {
  const added = newBlockers(task, change.blockedBy ?? []);
  const label = `task ${task.taskId}`;
  if (added.includes(task.taskId)) return cycle(`${label} cannot wait for itself`, [task.taskId]);
  const refused = checkBlockers(index, added, label);
  if (refused) return refused;
  const path = waitingPath(index, added, task.taskId);
  return path && cycle(`${label} cannot wait for ${path[0]}: ${chain(path)}`, [task.taskId, ...path]);
}

function cycle(message: string, path: readonly TaskId[]): Refused {
  return refuse("task_cycle", message, "Leave this blocker out, or take away what makes the others wait.", {
    path,
  });
}

/** What must be so whatever led there. */
export function checkOutcome(index: TaskIndex, before: Task, task: Task): Refused | undefined {
  const { taskId, status } = task;
  if (task.result !== before.result && status !== "completed") {
    return invalid(
      `task ${taskId} is ${status}, and only a completed one has a result`,
      "Send result together with status completed.",
      {
        taskId,
        status,
      },
    );
  }
  const edited = editedFields(before, task);
  if (before.status === "deleted" && edited.length > 0) {
    return refuse(
      "task_transition",
      `task ${taskId} is deleted`,
      "Create a new task with team_task_create.",
      { taskId },
    );
  }
  if (isSettled(task) && edited.includes("blockedBy")) {
    return refuse(
      "task_transition",
      `task ${taskId} is ${status}: what it waited for cannot be changed`,
      "Leave blockedBy out.",
      { taskId, status },
    );
  }
  // A claim that was right when it was made stays right.
  if (!isClaimed(task) || (isClaimed(before) && !edited.includes("blockedBy"))) return undefined;
  const open = openBlockers(index, task);
  if (open.length === 0) return undefined;
  return refuse(
    "task_not_ready",
    `task ${taskId} waits for ${listed(open.map((blocker) => described(index.get(blocker), blocker)))}`,
    isClaimed(before)
      ? "A task that somebody works on cannot be made to wait: release it first with status pending."
      : "Take another one, see team_task_list with ready: true; you are told when this one is ready if it is assigned to you.",
    { taskId, blockers: open },
  );
}

function described(task: Task | undefined, taskId: TaskId): string {
  if (!task) return `${taskId} (unreadable)`;
  return task.owner === undefined
    ? `${taskId} (${task.status})`
    : `${taskId} (${task.status}, ${task.owner})`;
}

/** Enough of a list to act on; the rest is for programs, in the details. */
function listed(items: readonly string[]): string {
  const shown = items.slice(0, SHOWN_MAX);
  return items.length > shown.length
    ? `${shown.join(", ")} and ${items.length - shown.length} more`
    : shown.join(", ");
}

function chain(path: readonly TaskId[]): string {
  if (path.length <= SHOWN_MAX) return path.join(" waits for ");
  return [...path.slice(0, SHOWN_MAX - 2), "…", ...path.slice(-2)].join(" waits for ");
}

/** Whether the change is meant to make its asker the owner, or to start what it owns. */
export function takes(change: TaskChange): boolean {
  return change.status === "claimed" || change.status === "in_progress";
}

/** Whether the owner is to be another, or the same one after giving the claim back. */
export function assigns(task: Task, change: TaskChange): boolean {
  if (change.owner === undefined) return false;
  return change.owner !== (task.owner ?? NOBODY) || (change.status === "pending" && isClaimed(task));
}

/** Whether somebody works on the task, or has said so. */
export function isClaimed(task: Task): boolean {
  return task.status === "claimed" || task.status === "in_progress";
}

/** Fields, besides status and owner, in which the records differ. */
export function editedFields(before: Task, task: Task): readonly string[] {
  return [
    ...(before.subject === task.subject ? [] : ["subject"]),
    ...(before.description === task.description ? [] : ["description"]),
    ...(sameList(before.blockedBy, task.blockedBy) ? [] : ["blockedBy"]),
    ...(sameResult(before.result, task.result) ? [] : ["result"]),
  ];
}

export function unique(ids: readonly TaskId[]): readonly TaskId[] {
  return [...new Set(ids)];
}

function sameList(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((value, index) => value === other[index]);
}

function sameResult(one: TaskResult | undefined, other: TaskResult | undefined): boolean {
  return one?.text === other?.text && sameList(one?.artifacts ?? [], other?.artifacts ?? []);
}
