import type { TaskReport, Verbs } from "../app/verbs.ts";
import type { TaskStatus } from "../core/task.ts";
import { numbers, taskChange } from "./answer.ts";
import { list, name, record, taskId, text } from "./argument.ts";
import { optional, required } from "./slots.ts";
import { taskStatus } from "./task-status.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION =
  "Take a task (in_progress claims and starts it), finish it (completed, with a result), give it back (pending), delete or edit it. A task is taken only when it is ready and nobody else's; afterwards only its owner or the lead changes it.";

/** In place of an owner; an empty text would do for a person, but hosts write it for what is left out. */
const NOBODY = "none";

export function teamTaskUpdate(verbs: Verbs): Tool {
  const result = record(
    {
      text: required(text("The outcome, for the lead"), "summary", "message", "content", "result"),
      artifacts: optional(list(text(), "Paths of files made"), "files", "paths"),
    },
    "With completed",
    "text",
  );
  return tool({
    name: "team_task_update",
    description: DESCRIPTION,
    slots: {
      taskId: required(taskId("As team_task_list shows it"), "id", "task"),
      status: optional(taskStatus("The new status"), "state"),
      owner: optional(
        name(`Lead only: a member, lead, or "${NOBODY}" to take the assignment back`),
        "assignee",
        "member",
      ),
      subject: optional(text("A new subject"), "title"),
      description: optional(text("A new description"), "body", "content"),
      blockedBy: optional(list(taskId(), "Replaces the blockers", { commas: true }), "blockers", "dependsOn"),
      result: optional(result),
    },
    async answer({ owner, result: outcome, ...change }, call) {
      const report = await verbs.updateTask(call, {
        ...change,
        ...(owner === undefined ? {} : { owner: owner === NOBODY ? "" : owner }),
        ...(outcome === undefined
          ? {}
          : { result: { text: outcome.text, artifacts: outcome.artifacts ?? [] } }),
      });
      return { ...taskChange(report), next: next(report) };
    },
  });
}

const NEXT: Readonly<Record<TaskStatus, string>> = {
  pending: "It is back on the list.",
  claimed: "It is kept for its owner, who starts it with status in_progress.",
  in_progress: "Do it, then call team_task_update with status completed and a result.",
  completed: "team_task_list with ready true shows what can be taken next.",
  deleted: "It is off the list; what waited for it no longer does.",
};

function next({ task, unblocks, ready }: TaskReport): string | undefined {
  const freed = unblocks.filter((row) => row.ready);
  if (task.status === "completed" && freed.length > 0)
    return `Ready now: ${numbers(freed)}. Whoever it concerns is told.`;
  if (task.status === "pending" && !ready) return undefined;
  return NEXT[task.status];
}
