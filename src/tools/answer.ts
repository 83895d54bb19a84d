import type { TaskReport, TaskRow, WaitReport } from "../app/verbs.ts";
import type { Instant } from "../core/ids.ts";

/** Parts of answers: short rows, without what is empty and without what only the plugin itself can use. */

/** The entries that say something: neither `undefined` nor an empty list. */
export function row(entries: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(entries).filter(
      ([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0),
    ),
  );
}

/** Enough of a list to act on. What is left out is counted, and read with a tool of its own. */
const SHOWN_MAX = 20;

/** The first entries of a list under its name, and how many more there are. */
export function firstOf<T>(
  name: string,
  list: readonly T[],
  shown: (one: T) => unknown = (one) => one,
): Readonly<Record<string, unknown>> {
  const left = list.length - SHOWN_MAX;
  const more = left > 0 ? { [`${name}More`]: left } : {};
  return row({ [name]: list.slice(0, SHOWN_MAX).map(shown), ...more });
}

export function taskRow({ ready, blockedBy, ...task }: TaskRow): Readonly<Record<string, unknown>> {
  return row({ ...task, ...firstOf("blockedBy", blockedBy), ready: ready || undefined });
}

/** What a change of a task leaves to know; all of it is `team_task_get`'s. */
export function taskChange({
  task,
  ready,
  blockers,
  unblocks,
  changed,
}: TaskReport): Readonly<Record<string, unknown>> {
  return row({
    taskId: task.taskId,
    subject: task.subject,
    status: task.status,
    owner: task.owner,
    ready: ready || undefined,
    ...firstOf("waitsFor", blockers.filter(isOpen), taskRow),
    ...(task.status === "completed"
      ? firstOf(
          "nowReady",
          unblocks.filter((one) => one.ready),
          taskRow,
        )
      : {}),
    changed: changed ? undefined : false,
  });
}

export function isOpen({ status }: TaskRow): boolean {
  return status !== "completed" && status !== "deleted";
}

export function waited({ waitFor, ended, waitedMs }: WaitReport): Readonly<Record<string, unknown>> {
  return { waitFor, ended, after: age(0, waitedMs) };
}

/** How long ago, as a model would say it: `45 s`, `3 min`, `2 h 5 min`, `3 d`. */
export function age(fromAt: Instant, now: Instant): string {
  const seconds = Math.max(0, Math.round((now - fromAt) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

/** `#1, #2`, and how many more if they are many. */
export function numbers(tasks: readonly { readonly taskId: number }[]): string {
  const shown = tasks.slice(0, SHOWN_MAX).map((task) => `#${task.taskId}`);
  const left = tasks.length - shown.length;
  return `${shown.join(", ")}${left > 0 ? ` and ${left} more` : ""}`;
}
