import type { PermissionRule } from "./run.ts";
import { MEMBER_TOOLS, ORDINARY_TOOLS, TOOL_NAMES, type ToolName } from "./tool-names.ts";

/** `ordinary`: a session in no run, and a former lead's again. */
export type OfferedRole = "lead" | "member" | "ordinary";

const OFFERED: Readonly<Record<OfferedRole, readonly ToolName[]>> = {
  lead: TOOL_NAMES,
  member: MEMBER_TOOLS,
  ordinary: ORDINARY_TOOLS,
};

/**
 * Session rules by which the host offers a session exactly the tools of its role. The host takes a tool off the list when
 * the last rule for its name is a `deny` of `*`, and appends these to what the session has, so they state the whole role.
 *
 * All twelve are denied first, by name, because other plugins may have tools that begin with `team_`. Those denials are what
 * a session's own subagents inherit: the host hands a parent's denials down, and not what it allows. So nobody below a
 * participant is offered a tool of ours.
 *
 * @param denied tools that the session's agent is denied by the user: session rules would beat an agent's, so these are
 *   left denied.
 */
export function toolRules(role: OfferedRole, denied: readonly ToolName[] = []): readonly PermissionRule[] {
  const offered = OFFERED[role].filter((tool) => !denied.includes(tool));
  return [...TOOL_NAMES.map((tool) => rule(tool, "deny")), ...offered.map((tool) => rule(tool, "allow"))];
}

function rule(permission: ToolName, action: "allow" | "deny"): PermissionRule {
  return { permission, pattern: "*", action };
}
