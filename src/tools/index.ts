import type { ToolDefinition } from "@opencode-ai/plugin";
import type { Verbs } from "../app/verbs.ts";
import type { Instant } from "../core/ids.ts";
import type { ToolName } from "../core/tool-names.ts";
import { fitting, type Report } from "./host-tool.ts";
import { teamApproveShutdown } from "./team-approve-shutdown.ts";
import { teamCreate } from "./team-create.ts";
import { teamDelete } from "./team-delete.ts";
import { teamList } from "./team-list.ts";
import { teamRejectShutdown } from "./team-reject-shutdown.ts";
import { teamSendMessage } from "./team-send-message.ts";
import { teamShutdownRequest } from "./team-shutdown-request.ts";
import { teamStatus } from "./team-status.ts";
import { teamTaskCreate } from "./team-task-create.ts";
import { teamTaskGet } from "./team-task-get.ts";
import { teamTaskList } from "./team-task-list.ts";
import { teamTaskUpdate } from "./team-task-update.ts";
import type { Tool } from "./tool.ts";

/** The twelve tools, free of the host. */
export function teamTools(verbs: Verbs, now: () => Instant = Date.now): Readonly<Record<ToolName, Tool>> {
  return {
    team_create: teamCreate(verbs),
    team_delete: teamDelete(verbs),
    team_shutdown_request: teamShutdownRequest(verbs),
    team_approve_shutdown: teamApproveShutdown(verbs),
    team_reject_shutdown: teamRejectShutdown(verbs),
    team_send_message: teamSendMessage(verbs),
    team_task_create: teamTaskCreate(verbs),
    team_task_list: teamTaskList(verbs),
    team_task_update: teamTaskUpdate(verbs),
    team_task_get: teamTaskGet(verbs, now),
    team_status: teamStatus(verbs, now),
    team_list: teamList(verbs, now),
  };
}

/** The twelve tools as the host takes them. One guard against repeats serves them all. */
export function tools(verbs: Verbs, report: Report): Record<ToolName, ToolDefinition> {
  const fitted = fitting(report);
  const entries = Object.entries(teamTools(verbs)).map(([name, tool]) => [name, fitted(name, tool)]);
  return Object.fromEntries(entries) as Record<ToolName, ToolDefinition>;
}
