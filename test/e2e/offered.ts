import { type ModelRequest, toolNames } from "../support/model-request.ts";

/** Spelled out, not imported: what a role is offered is a promise of its own. */
export const ORDINARY_SET: readonly string[] = ["team_create", "team_list"];

export const MEMBERS_SET: readonly string[] = [
  "team_approve_shutdown",
  "team_list",
  "team_reject_shutdown",
  "team_send_message",
  "team_shutdown_request",
  "team_status",
  "team_task_create",
  "team_task_get",
  "team_task_list",
  "team_task_update",
];

export const LEADS_SET: readonly string[] = [...MEMBERS_SET, "team_create", "team_delete"].toSorted();

/** The team tools in a request, sorted. */
export function offeredIn(request: ModelRequest): readonly string[] {
  return toolNames(request)
    .filter((name) => name.startsWith("team_"))
    .toSorted();
}
