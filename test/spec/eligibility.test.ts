import { describe, expect, test } from "bun:test";
import { type Candidate, judgeAgent } from "../../src/core/eligibility.ts";
import type { PermissionRule } from "../../src/core/run.ts";
import { MEMBER_TOOLS } from "../../src/core/tool-names.ts";

function rule(permission: string, action: PermissionRule["action"], pattern = "*"): PermissionRule {
  return { permission, pattern, action };
}

const FREE: readonly PermissionRule[] = [rule("*", "allow")];

function verdict(
  name: string,
  rules: readonly PermissionRule[] = FREE,
  eligibility: Readonly<Record<string, "allow" | "deny">> = {},
): string {
  const agents: readonly Candidate[] = [
    { name: "build", rules: FREE },
    { name, rules },
  ];
  const result = judgeAgent(name, agents, eligibility);
  if (result.kind === "eligible") return "eligible";
  return `${result.code}: ${result.reason} ${result.wayOut}`;
}

const CONSENT = (name: string): string =>
  `To have it as a member all the same, set team_mode.agent_eligibility to {"${name}": "allow"}.`;
const TASK = "For a read-only side job use the task tool instead.";

describe("an agent", () => {
  test("that exists and may use the tools of a member is eligible, and is handed back", () => {
    const agents = [{ name: "general", rules: FREE, mode: "subagent" }];
    expect(judgeAgent("general", agents, {})).toEqual({
      kind: "eligible",
      agent: { name: "general", rules: FREE, mode: "subagent" },
    });
  });

  test("that does not exist is refused with those that do, even if the configuration allows it", () => {
    const agents = [
      { name: "build", rules: FREE },
      { name: "general", rules: FREE },
    ];
    for (const eligibility of [{}, { ada: "allow" as const }]) {
      expect(judgeAgent("ada", agents, eligibility)).toEqual({
        kind: "refused",
        code: "agent_unknown",
        reason: 'Agent "ada" does not exist here.',
        wayOut: "Agents are: build, general.",
      });
    }
  });

  test.each(["constructor", "__proto__", "toString"])("called %p is judged by its rules alone", (name) => {
    expect(verdict(name)).toBe("eligible");
    expect(verdict(name, [rule("*", "deny")])).toStartWith("agent_ineligible: The permissions of agent");
  });

  test.each([
    "oracle",
    "librarian",
    "explore",
    "multimodal-looker",
    "metis",
    "momus",
    "prometheus",
    "Oracle",
  ])("%p is refused for what it is made for", (name) => {
    expect(verdict(name)).toBe(
      `agent_ineligible: Agent "${name}" is made to read or to orchestrate and cannot serve as a member. ${TASK} ${CONSENT(name)}`,
    );
  });

  test.each(["sisyphus", "atlas", "sisyphus-junior"])("%p is accepted, whatever its rules say", (name) => {
    expect(verdict(name, [rule("*", "deny")])).toBe("eligible");
  });

  test("hephaestus is accepted only where the configuration allows it", () => {
    expect(verdict("hephaestus")).toBe(
      `agent_ineligible: Agent "hephaestus" works alone for long and serves as a member only where the configuration says so. ${CONSENT("hephaestus")}`,
    );
    expect(verdict("hephaestus", FREE, { hephaestus: "allow" })).toBe("eligible");
  });
});

describe("agent_eligibility", () => {
  test.each(["oracle", "general"])("allows %p against the table and against its rules", (name) => {
    expect(verdict(name, [rule("*", "deny")], { [name]: "allow" })).toBe("eligible");
  });

  test.each(["sisyphus", "general"])("denies %p, which is eligible otherwise", (name) => {
    expect(verdict(name)).toBe("eligible");
    expect(verdict(name, FREE, { [name]: "deny" })).toBe(
      `agent_ineligible: Agent "${name}" is denied by team_mode.agent_eligibility ("deny"). Choose another agent, or change that entry.`,
    );
  });
});

describe("rules", () => {
  test("that deny everything deny the tools of a member", () => {
    expect(verdict("reader", [rule("*", "deny"), rule("read", "allow")])).toBe(
      `agent_ineligible: The permissions of agent "reader" deny the tools of a member (team_*). ${TASK} ${CONSENT("reader")}`,
    );
  });

  test("that deny team_* make an agent ineligible", () => {
    expect(verdict("quiet", [...FREE, rule("team_*", "deny")])).toContain(
      "deny the tools of a member (team_*).",
    );
  });

  test.each([...MEMBER_TOOLS])("that deny %p alone are named", (tool) => {
    expect(verdict("odd", [...FREE, rule(tool, "deny")])).toContain(
      `The permissions of agent "odd" deny ${tool}. `,
    );
  });

  test.each([
    ["that deny the tools of a lead", [...FREE, rule("team_create", "deny"), rule("team_delete", "deny")]],
    ["that deny editing, as the agent plan has them", [...FREE, rule("edit", "deny"), rule("bash", "ask")]],
    ["that deny everything but the team's tools", [rule("*", "deny"), rule("team_*", "allow")]],
    ["that ask before the team's tools", [rule("*", "allow"), rule("team_*", "ask")]],
    [
      "that deny a pattern only, which does not take the tool away",
      [...FREE, rule("team_status", "deny", "secret*")],
    ],
    ["that say nothing", []],
  ])("%s leave an agent eligible", (_title, rules) => {
    expect(verdict("odd", rules)).toBe("eligible");
  });
});
