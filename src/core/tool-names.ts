/** The twelve tools, in the order of the contract. Names are the host's keys for permission rules as well. */
export const TOOL_NAMES = [
  "team_create",
  "team_delete",
  "team_shutdown_request",
  "team_approve_shutdown",
  "team_reject_shutdown",
  "team_send_message",
  "team_task_create",
  "team_task_list",
  "team_task_update",
  "team_task_get",
  "team_status",
  "team_list",
] as const;

export type ToolName = (typeof TOOL_NAMES)[number];

/** What only a lead does: begin a run and end it. */
const LEAD_ONLY: ReadonlySet<ToolName> = new Set<ToolName>(["team_create", "team_delete"]);

/** A member's set. */
export const MEMBER_TOOLS: readonly ToolName[] = TOOL_NAMES.filter((tool) => !LEAD_ONLY.has(tool));

/** What a session in no run is offered: enough to start one and to see what there is. */
export const ORDINARY_TOOLS: readonly ToolName[] = ["team_create", "team_list"];
