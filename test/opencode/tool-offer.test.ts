import { describe, expect, test } from "bun:test";
import { deniedTools, hidesTool } from "../../src/core/permission-rules.ts";
import type { PermissionRule } from "../../src/core/run.ts";
import { TOOL_NAMES } from "../../src/core/tool-names.ts";
import { type OfferedRole, toolRules } from "../../src/core/tool-rules.ts";
import { withholdTools, withoutOurs } from "../../src/opencode/tool-offer.ts";

/** The host's defaults start every agent's rules. */
const DEFAULTS: readonly PermissionRule[] = [{ permission: "*", pattern: "*", action: "allow" }];

/** The config's permission as rules, the way the host expands it: keys in their order, objects pattern by pattern. */
function expanded(permission: unknown): readonly PermissionRule[] {
  return Object.entries(permission as Record<string, unknown>).flatMap(([name, value]) =>
    typeof value === "string"
      ? [{ permission: name, pattern: "*", action: value as PermissionRule["action"] }]
      : Object.entries(value as Record<string, PermissionRule["action"]>).map(([pattern, action]) => ({
          permission: name,
          pattern,
          action,
        })),
  );
}

function withheld(permission?: unknown): readonly PermissionRule[] {
  const config = permission === undefined ? {} : { permission };
  withholdTools(config);
  return [...DEFAULTS, ...expanded((config as { permission: unknown }).permission)];
}

const offered = (rules: readonly PermissionRule[]): readonly string[] =>
  TOOL_NAMES.filter((tool) => !hidesTool(rules, tool));

describe("what the config withholds", () => {
  test.each([
    ["nothing", undefined],
    ["an object", { bash: "ask", edit: { "*": "ask", "docs/*": "allow" } }],
    ["a catch-all that allows", { "*": "allow" }],
    ["the short form that allows", "allow"],
    ["the short form that asks", "ask"],
    ["a catch-all after other keys", { bash: "ask", "*": "allow" }],
  ])("with %s written, an ordinary session is offered the entrance only", (_, permission) => {
    expect(offered(withheld(permission))).toEqual(["team_create", "team_list"]);
  });

  test.each([
    ["the short form", "deny"],
    ["a catch-all", { "*": "deny", read: "allow" }],
  ])("%s that denies everything is not softened", (_, permission) => {
    expect(offered(withheld(permission))).toEqual([]);
  });

  test("every other rule of the user wins, whichever way it goes", () => {
    expect(offered(withheld({ team_status: "allow" }))).toEqual(["team_create", "team_status", "team_list"]);
    expect(offered(withheld({ "team_*": "allow" }))).toEqual([...TOOL_NAMES]);
    expect(offered(withheld({ team_create: "deny" }))).toEqual(["team_list"]);
    expect(offered(withheld({ "team_task_*": "allow" }))).toHaveLength(6);
  });

  test("the user's own keys keep their values and their order", () => {
    const config = { permission: { bash: "ask", "*": "allow", edit: { "*": "deny" } } };
    withholdTools(config);
    const own = Object.entries(config.permission).filter(([key]) => !key.startsWith("team_"));
    expect(own).toEqual([
      ["bash", "ask"],
      ["*", "allow"],
      ["edit", { "*": "deny" }],
    ]);
  });

  test("an agent's own catch-all does not open the door again, and no other agent is touched", () => {
    const agent = {
      open: { permission: { "*": "allow", bash: "ask" } },
      short: { permission: "allow" },
      plain: { permission: { bash: "ask" } },
      bare: {},
    };
    const config = { permission: { bash: "deny" }, agent };
    withholdTools(config);

    const rules = [...DEFAULTS, ...expanded(config.permission)];
    for (const name of ["open", "short"] as const) {
      expect(offered([...rules, ...expanded(agent[name].permission)])).toEqual(["team_create", "team_list"]);
    }
    expect(agent.plain).toEqual({ permission: { bash: "ask" } });
    expect(agent.bare).toEqual({});
  });

  test("withholding twice is withholding once", () => {
    const config: { permission?: unknown } = {};
    withholdTools(config);
    const once = JSON.stringify(config);
    withholdTools(config);
    expect(JSON.stringify(config)).toBe(once);
  });

  test("nothing is said of tools that are not ours", () => {
    expect(hidesTool(withheld(), "team_mate")).toBe(false);
    expect(hidesTool(withheld(), "teamwork")).toBe(false);
  });

  test("an agent's rules are the same again without what we added", () => {
    const user = { bash: "ask", team_status: "deny" };
    expect(withoutOurs(withheld(user))).toEqual([...DEFAULTS, ...expanded(user)]);
  });
});

describe("what a session's own rules offer", () => {
  const after = (role: OfferedRole, agentRules: readonly PermissionRule[] = DEFAULTS): readonly string[] =>
    offered([...withheld(), ...toolRules(role, deniedTools(agentRules))]);

  test("a lead has all twelve, a member all but the making and ending of runs, an ordinary session the entrance", () => {
    expect(after("lead")).toEqual([...TOOL_NAMES]);
    expect(after("member")).toEqual(
      TOOL_NAMES.filter((tool) => tool !== "team_create" && tool !== "team_delete"),
    );
    expect(after("ordinary")).toEqual(["team_create", "team_list"]);
  });

  test("a tool that the agent denies stays denied", () => {
    const mute: readonly PermissionRule[] = [
      ...DEFAULTS,
      { permission: "team_send_message", pattern: "*", action: "deny" },
    ];
    expect(after("lead", mute)).not.toContain("team_send_message");
    const closed: readonly PermissionRule[] = [{ permission: "*", pattern: "*", action: "deny" }];
    expect(after("member", closed)).toEqual([]);
  });

  test("a denial of only some patterns does not take a tool away", () => {
    const partly: readonly PermissionRule[] = [{ permission: "team_status", pattern: "x", action: "deny" }];
    expect(after("lead", partly)).toContain("team_status");
  });

  test.each(["lead", "member"] as const)("the subagents of a %s are offered none", (role) => {
    // The host gives a subagent its parent session's denials, and only these.
    const inherited = toolRules(role, deniedTools(DEFAULTS)).filter((rule) => rule.action === "deny");
    expect(offered([...withheld(), ...inherited])).toEqual([]);
  });
});
