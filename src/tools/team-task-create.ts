import type { Verbs } from "../app/verbs.ts";
import { isOpen, numbers, taskChange } from "./answer.ts";
import { list, name, taskId, text } from "./argument.ts";
import { optional, required } from "./slots.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION =
  "Add a task to the shared list. Returns its number. Members take ready tasks themselves; an owner is told by mail.";

export function teamTaskCreate(verbs: Verbs): Tool {
  return tool({
    name: "team_task_create",
    description: DESCRIPTION,
    slots: {
      subject: required(text("One line"), "title", "name"),
      description: required(text("Complete: what, where, and when it is done"), "body", "content", "prompt"),
      blockedBy: optional(
        list(taskId(), "Tasks that must be completed first", { commas: true }),
        "blockers",
        "dependsOn",
      ),
      owner: optional(name("Lead only: who is to do it"), "assignee", "member"),
    },
    async answer({ blockedBy = [], ...task }, call) {
      const report = await verbs.createTask(call, { ...task, blockedBy });
      const { taskId: number, owner } = report.task;
      const next = report.ready
        ? `It is ready: ${owner ?? "anyone"} takes it with team_task_update, taskId ${number}, status in_progress.`
        : `It becomes ready after ${numbers(report.blockers.filter(isOpen))}; then its owner or the lead is told.`;
      return { ...taskChange(report), next };
    },
  });
}
