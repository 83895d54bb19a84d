import type { TaskReport, Verbs } from "../app/verbs.ts";
import type { Instant } from "../core/ids.ts";
import { age, isOpen, numbers, row, taskRow } from "./answer.ts";
import { taskId } from "./argument.ts";
import { required } from "./slots.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION =
  "Read one task in full: description, owner, result, what it waits for and what waits for it.";

export function teamTaskGet(verbs: Verbs, now: () => Instant): Tool {
  return tool({
    name: "team_task_get",
    description: DESCRIPTION,
    slots: { taskId: required(taskId("As team_task_list shows it"), "id", "task") },
    async answer(input, call) {
      const report = await verbs.readTask(call, input);
      const { task, ready, blockers, unblocks } = report;
      const { subject, description, status, owner, createdBy, result, createdAt, changedAt } = task;
      const at = now();
      return {
        ...row({
          taskId: task.taskId,
          subject,
          description,
          status,
          owner,
          createdBy,
          created: `${age(createdAt, at)} ago`,
          changed: `${age(changedAt, at)} ago`,
          ready: ready || undefined,
          blockedBy: blockers.map(taskRow),
          unblocks: unblocks.map(taskRow),
          result: result && row({ ...result }),
        }),
        next: next(report),
      };
    },
  });
}

function next({ task, ready, blockers }: TaskReport): string | undefined {
  const { status, owner } = task;
  if (ready) {
    const taker = owner === undefined ? "Free to take" : `Assigned to ${owner}`;
    return `${taker}: team_task_update, status in_progress.`;
  }
  const open = blockers.filter(isOpen);
  if (status === "pending" && open.length > 0) return `It waits for ${numbers(open)}.`;
  if (status === "claimed" || status === "in_progress") return `${owner ?? "Its owner"} has it.`;
  return undefined;
}
