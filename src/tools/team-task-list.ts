import type { TaskRow, Verbs } from "../app/verbs.ts";
import { numbers, taskRow } from "./answer.ts";
import { flag, name } from "./argument.ts";
import { optional } from "./slots.ts";
import { taskStatus } from "./task-status.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION = "List the team's tasks in short rows; team_task_get shows one in full.";

export function teamTaskList(verbs: Verbs): Tool {
  return tool({
    name: "team_task_list",
    description: DESCRIPTION,
    slots: {
      status: optional(taskStatus("Deleted ones are shown only if asked for")),
      owner: optional(name("A member or lead"), "assignee", "member"),
      ready: optional(flag("true: pending, with every blocker done")),
    },
    async answer(filter, call) {
      const rows = await verbs.listTasks(call, filter);
      return { tasks: rows.map(taskRow), next: next(rows) };
    },
  });
}

function next(rows: readonly TaskRow[]): string {
  const free = rows.filter((row) => row.ready && row.owner === undefined);
  if (free.length > 0)
    return `Free to take: ${numbers(free)}. team_task_update, status in_progress, claims and starts one.`;
  const assigned = rows.filter((row) => row.ready);
  if (assigned.length > 0) return `Ready for their owners: ${numbers(assigned)}.`;
  return rows.length === 0 ? "No task matches." : "None of these can be taken now.";
}
