import type { PermissionRule } from "../core/run.ts";
import { fields } from "./decode.ts";

/**
 * The names under which the config withholds what an ordinary session may not use. Each ends in a wildcard that matches
 * nothing else of ours: so a rule that a user writes under a tool's plain name never has the same key, and
 * {@link withoutOurs} can tell ours from theirs. No `team_*`: other plugins have tools of that prefix. Denials only, so
 * that no agent that denies everything is ever offered anything by us.
 */
const WITHHELD = [
  "team_delete*",
  "team_shutdown_request*",
  "team_approve_shutdown*",
  "team_reject_shutdown*",
  "team_send_message*",
  "team_task_?*",
  "team_status*",
] as const;

/**
 * Changes the config in place, in the `config` hook: top-level rules that withhold the tools of leads and members from
 * everybody else. They stand right after the user's own catch-all, which says nothing about our tools, and before every
 * other rule of the user, which wins. An agent's permissions come after the top-level ones, so an agent with a catch-all
 * of its own needs them again.
 */
export function withholdTools(config: { permission?: unknown; agent?: unknown }): void {
  config.permission = withWithheld(asEntries(config.permission));
  for (const agent of Object.values(fields(config.agent))) {
    const own = asEntries(fields(agent)["permission"]);
    if (own.some(([key]) => key === "*")) (agent as { permission?: unknown }).permission = withWithheld(own);
  }
}

function withWithheld(own: readonly Entry[]): Readonly<Record<string, unknown>> {
  const afterCatchAll = own.findLastIndex(([key]) => key === "*") + 1;
  const written = new Set(own.map(([key]) => key));
  const ours = WITHHELD.filter((key) => !written.has(key)).map((key): Entry => [key, "deny"]);
  return Object.fromEntries([...own.slice(0, afterCatchAll), ...ours, ...own.slice(afterCatchAll)]);
}

type Entry = readonly [key: string, value: unknown];

/** An agent's rules as they would be without {@link withholdTools}: what the user and the agent really say. */
export function withoutOurs(rules: readonly PermissionRule[]): readonly PermissionRule[] {
  return rules.filter(
    (rule) => !(rule.action === "deny" && rule.pattern === "*" && isWithheldKey(rule.permission)),
  );
}

function isWithheldKey(permission: string): boolean {
  return (WITHHELD as readonly string[]).includes(permission);
}

/** `"permission": "ask"` is the host's short form of `{"*": "ask"}`. */
function asEntries(permission: unknown): readonly Entry[] {
  return typeof permission === "string" ? [["*", permission]] : Object.entries(fields(permission));
}
