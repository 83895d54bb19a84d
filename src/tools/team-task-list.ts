import type { TaskPage, Verbs } from "../app/verbs.ts";
import { numbers, row, taskRow } from "./answer.ts";
import { flag, name, taskId } from "./argument.ts";
import { optional, unpublished } from "./slots.ts";
import { taskStatus } from "./task-status.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION =
  "List the team's tasks in short rows, the first 50 that match; team_task_get shows one in full.";

export function teamTaskList(verbs: Verbs): Tool {
  return tool({
    name: "team_task_list",
    description: DESCRIPTION,
    slots: {
      status: optional(taskStatus("Deleted ones are shown only if asked for")),
      owner: optional(name("A member or lead"), "assignee", "member"),
      ready: optional(flag("true: pending, with every blocker done")),
      after: unpublished(taskId()),
    },
    async answer(filter, call) {
      const page = await verbs.listTasks(call, filter);
      const { rows, left, counts } = page;
      const total = left > 0 ? { left, byStatus: counts } : {};
      return { ...row(total), tasks: rows.map(taskRow), next: next(page) };
    },
  });
}

function next({ rows, left }: TaskPage): string {
  const last = rows.at(-1);
  const more =
    left > 0 && last
      ? ` ${left} more match: narrow with status, owner or ready, or call again with after: ${last.taskId}.`
      : "";
  return `${advice(rows)}${more}`;
}

function advice(rows: TaskPage["rows"]): string {
  const free = rows.filter((row) => row.ready && row.owner === undefined);
  if (free.length > 0)
    return `Free to take: ${numbers(free)}. team_task_update, status in_progress, claims and starts one.`;
  const assigned = rows.filter((row) => row.ready);
  if (assigned.length > 0) return `Ready for their owners: ${numbers(assigned)}.`;
  return rows.length === 0 ? "No task matches." : "None of these can be taken now.";
}
