import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Action, evaluate, hidesTool, memberRules, stricter } from "../../src/core/permission-rules.ts";
import type { PermissionRule } from "../../src/core/run.ts";
import { MEMBER_TOOLS, TOOL_NAMES } from "../../src/core/tool-names.ts";
import { toolRules } from "../../src/core/tool-rules.ts";

type Spec = Readonly<Record<string, Action | Readonly<Record<string, Action>>>>;

/** Rules in the order and in the form in which the host makes them of a config. */
function rules(spec: Spec): PermissionRule[] {
  return Object.entries(spec).flatMap(([permission, value]) =>
    typeof value === "string"
      ? [{ permission, pattern: "*", action: value }]
      : Object.entries(value).map(([pattern, action]) => ({ permission, pattern, action })),
  );
}

function lines(list: readonly PermissionRule[]): string[] {
  return list.map(({ permission, pattern, action }) => `${permission} ${pattern}: ${action}`);
}

const RANK = { allow: 0, ask: 1, deny: 2 } as const;

/** What OpenCode gives every agent before the user's own rules; the three directories stand for those of a machine. */
const DEFAULTS = rules({
  "*": "allow",
  doom_loop: "ask",
  external_directory: { "*": "ask", "/share/tool-output/*": "allow", "/tmp/opencode/*": "allow" },
  question: "deny",
  plan_enter: "deny",
  plan_exit: "deny",
  read: { "*": "allow", "*.env": "ask", "*.env.*": "ask", "*.env.example": "allow" },
});
const BUILD = [...DEFAULTS, ...rules({ question: "allow", plan_enter: "allow" })];
const GENERAL = [...DEFAULTS, ...rules({ todowrite: "deny" })];
const PLAN = [
  ...DEFAULTS,
  ...rules({
    question: "allow",
    plan_exit: "allow",
    task: { general: "deny" },
    edit: { "*": "deny", ".opencode/plans/*.md": "allow" },
  }),
];

describe("evaluate", () => {
  test("lets the last matching rule decide", () => {
    const list = rules({ "*": "allow", bash: { "*": "ask", "git *": "allow", "git push *": "deny" } });
    expect(evaluate(list, "bash", "ls")).toBe("ask");
    expect(evaluate(list, "bash", "git status")).toBe("allow");
    expect(evaluate(list, "bash", "git push origin")).toBe("deny");
    expect(evaluate(list, "edit", "src/a.ts")).toBe("allow");
    expect(evaluate([...list, ...rules({ "*": "ask" })], "bash", "git push")).toBe("ask");
  });

  test("asks where no rule matches, as the host does", () => {
    expect(evaluate([], "bash", "ls")).toBe("ask");
    expect(evaluate(rules({ edit: "allow" }), "bash", "ls")).toBe("ask");
  });

  test.each([
    ["git *", "git", true],
    ["git *", "git log", true],
    ["git *", "gitlog", false],
    ["git*", "gitlog", true],
    ["*", "", true],
    ["", "", true],
    ["", "x", false],
    ["?", "", false],
    ["a?c", "abc", true],
    ["a.c", "abc", false],
    ["a+(b)[c]{d}^$|", "a+(b)[c]{d}^$|", true],
    ["src/**/*.ts", "src/a/b.ts", true],
    ["src/**/*.ts", "src/b.ts", false],
    ["*.env", "config\\.env", true],
    ["config\\*", "config/x", true],
    ["echo *", "echo a\nrm b", true],
    ["ls", "LS", false],
    ["a **", "a", false],
    ["* *", "", true],
  ])("matches %j to %j: %p", (pattern, text, expected) => {
    const action = expected ? "allow" : "ask";
    expect(evaluate([{ permission: "bash", pattern, action: "allow" }], "bash", text)).toBe(action);
    expect(evaluate([{ permission: pattern, pattern: "*", action: "allow" }], text, "x")).toBe(action);
  });
});

describe("what the host hides from a model", () => {
  test("is a tool whose last rule denies everything, whatever the rules before it say", () => {
    const list = rules({
      "*": "allow",
      "team_*": "deny",
      team_list: "allow",
      bash: { "*": "deny", "ls *": "allow" },
    });
    expect(hidesTool(list, "team_create")).toBe(true);
    expect(hidesTool(list, "team_list")).toBe(false);
    expect(hidesTool(list, "bash")).toBe(false);
    expect(hidesTool([...list, ...rules({ "*": "deny" })], "team_list")).toBe(true);
  });
});

describe("the rules of a member", () => {
  const between = (lead: readonly PermissionRule[], agent: readonly PermissionRule[]): string[] =>
    lines(stricter(lead, agent));

  test("are none where lead and agent are bound alike", () => {
    expect(between(BUILD, BUILD)).toEqual([]);
    expect(between(GENERAL, GENERAL)).toEqual([]);
    expect(between(PLAN, PLAN)).toEqual([]);
  });

  test("are none where the agent is the stricter one: its own rules hold anyway", () => {
    expect(between(BUILD, GENERAL)).toEqual([]);
    expect(between(rules({ "*": "allow" }), rules({ "*": "ask", "mcp_*": "deny" }))).toEqual([]);
  });

  test("carry over what the lead is asked about and keep the exceptions that both make", () => {
    const lead = rules({ "*": "allow", bash: { "*": "ask", "git *": "allow" } });
    expect(between(lead, rules({ "*": "allow" }))).toEqual(["bash *: ask", "bash git *: allow"]);
  });

  test("drop an exception that only one of both makes", () => {
    const lead = rules({ "*": "allow", bash: { "*": "deny", "git *": "allow" } });
    const agent = rules({ "*": "allow", bash: { "*": "ask", "npm *": "allow" } });
    expect(between(lead, agent)).toEqual(["bash *: deny", "bash git *: ask"]);
  });

  test("narrow an exception to what both allow", () => {
    const lead = rules({ bash: { "*": "ask", "git *": "allow" } });
    const agent = rules({ bash: { "*": "ask", "git log*": "allow" } });
    expect(between(lead, agent)).toEqual([]);
    expect(between(agent, lead)).toEqual(["bash git *: ask", "bash git log*: allow"]);
  });

  test("keep the denials of a lead in plan mode", () => {
    expect(between(PLAN, BUILD)).toEqual([
      "plan_enter *: deny",
      "task general: deny",
      "edit *: deny",
      "edit .opencode/plans/*.md: allow",
    ]);
  });

  test("keep a denial of the agent above what the lead is asked about", () => {
    const agent = rules({ "*": "allow", edit: { "*": "allow", "*.lock": "deny" } });
    expect(between(rules({ "*": "ask" }), agent)).toEqual(["* *: ask", "edit *.lock: deny"]);
  });

  test("bind directories outside the project to those that both may use", () => {
    const lead = rules({ external_directory: { "*": "ask", "/a/*": "allow", "/b/*": "allow" } });
    const agent = rules({ external_directory: { "*": "deny", "/b/*": "allow", "/c/*": "allow" } });
    expect(between(lead, agent)).toEqual(["external_directory /c/*: ask"]);
    const both = [...agent, ...stricter(lead, agent)];
    expect(evaluate(both, "external_directory", "/a/x")).toBe("deny");
    expect(evaluate(both, "external_directory", "/b/x")).toBe("allow");
    expect(evaluate(both, "external_directory", "/c/x")).toBe("ask");
  });

  test("spell out where patterns cross that contain neither the other", () => {
    const lead = rules({ "*": "allow", edit: { "src/*": "deny" } });
    const agent = rules({ "*": "allow", edit: { "*.gen.ts": "ask" } });
    const both = [...agent, ...stricter(lead, agent)];
    expect(evaluate(both, "edit", "src/a.gen.ts")).toBe("deny");
    expect(evaluate(both, "edit", "lib/a.gen.ts")).toBe("ask");
    expect(evaluate(both, "edit", "lib/a.ts")).toBe("allow");
  });

  test("hold for tools of other servers by their wildcard", () => {
    const lead = rules({ "*": "allow", "mcp_*": "ask", mcp_docs_search: "allow" });
    expect(between(lead, rules({ "*": "allow" }))).toEqual(["mcp_* *: ask", "mcp_docs_search *: allow"]);
  });

  test("take a member the question tool and give it its own team tools", () => {
    const list = [...BUILD, ...memberRules({ lead: BUILD, agent: BUILD })];
    expect(hidesTool(list, "question")).toBe(true);
    for (const tool of TOOL_NAMES) {
      const lacks = tool === "team_create" || tool === "team_delete";
      expect(hidesTool(list, tool)).toBe(lacks);
    }
  });

  test("keep question denied and the team tools allowed whatever the lead is bound by", () => {
    for (const action of ["allow", "ask", "deny"] as const) {
      const lead = rules({ "*": action, question: action });
      const list = [...DEFAULTS, ...memberRules({ lead, agent: DEFAULTS })];
      expect(hidesTool(list, "question")).toBe(true);
      expect(evaluate(list, "question", "*")).toBe("deny");
      expect(evaluate(list, "team_status", "*")).toBe("allow");
      expect(evaluate(list, "team_delete", "*")).toBe("deny");
    }
  });

  test("say nothing about doom_loop: the host asks by the agent's rules alone", () => {
    expect(
      lines(memberRules({ lead: BUILD, agent: GENERAL })).filter((line) => line.includes("doom")),
    ).toEqual([]);
  });
});

describe("the team tools of a role", () => {
  const offered = (list: readonly PermissionRule[]): string[] => {
    const before = rules({ "*": "allow", "team_*": "deny", team_create: "allow", team_list: "allow" });
    return TOOL_NAMES.filter((tool) => !hidesTool([...before, ...list], tool));
  };

  test("are all for the lead, all but two for a member, two for anybody else", () => {
    expect(offered(toolRules("lead"))).toEqual([...TOOL_NAMES]);
    expect(offered(toolRules("member"))).toEqual([...MEMBER_TOOLS]);
    expect(offered(toolRules("ordinary"))).toEqual(["team_create", "team_list"]);
    expect(MEMBER_TOOLS).toHaveLength(10);
  });

  test("replace those of the role before: rules are only ever appended", () => {
    expect(offered([...toolRules("lead"), ...toolRules("ordinary")])).toEqual(["team_create", "team_list"]);
    expect(offered([...toolRules("ordinary"), ...toolRules("lead")])).toEqual([...TOOL_NAMES]);
  });

  test("are none for a participant's own subagents, which inherit the denials and nothing else", () => {
    for (const role of [toolRules("lead"), toolRules("member")]) {
      expect(offered(role.filter((rule) => rule.action === "deny"))).toEqual([]);
    }
  });
});

/** The host's own way to match, written down from its behaviour, to compare ours with. */
function hostMatches(text: string, pattern: string): boolean {
  let source = pattern
    .replaceAll("\\", "/")
    .replace(/[.+^${}()|[\]]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  if (source.endsWith(" .*")) source = `${source.slice(0, -3)}( .*)?`;
  return new RegExp(`^${source}$`, "s").test(text.replaceAll("\\", "/"));
}

function hostEvaluate(list: readonly PermissionRule[], permission: string, pattern: string): Action {
  const last = list.findLast(
    (rule) => hostMatches(permission, rule.permission) && hostMatches(pattern, rule.pattern),
  );
  return last?.action ?? "ask";
}

/** Few letters and short patterns, so that they meet in every way there is. */
const letter = fc.constantFrom("a", "b", " ", "/", ".", "\n");
const token = fc.oneof(
  { weight: 5, arbitrary: letter },
  { weight: 3, arbitrary: fc.constant("*") },
  { weight: 1, arbitrary: fc.constantFrom("?", "\\") },
);
const wildcard = (maxLength: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 1, arbitrary: fc.constant("*") },
    { weight: 4, arbitrary: fc.array(token, { maxLength }).map((parts) => parts.join("")) },
  );
const rule = (maxLength: number): fc.Arbitrary<PermissionRule> =>
  fc.record({
    permission: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom("*", "bash", "edit", "b*", "?ash") },
      { weight: 1, arbitrary: wildcard(3) },
    ),
    pattern: wildcard(maxLength),
    action: fc.constantFrom<Action>("allow", "ask", "deny"),
  });
const ruleList = (maxLength: number): fc.Arbitrary<PermissionRule[]> =>
  fc.array(rule(maxLength), { maxLength: 6 });

/** A call that the rules have something to say about: texts made by filling in their wildcards. */
const fillings = fc.array(
  fc.array(letter, { maxLength: 3 }).map((parts) => parts.join("")),
  {
    minLength: 1,
    maxLength: 4,
  },
);

function filled(pattern: string, texts: readonly string[]): string {
  let at = 0;
  return pattern.replace(/[*?]/g, (found) => {
    const text = texts[at++ % texts.length] ?? "";
    return found === "*" ? text : (text[0] ?? "a");
  });
}

function calls(list: readonly PermissionRule[], texts: readonly string[]): [string, string][] {
  const permissions = ["bash", "edit", ...list.map((one) => filled(one.permission, texts))];
  const patterns = [
    "",
    "a b",
    ...list.flatMap((one) => [filled(one.pattern, texts), filled(one.pattern, [""])]),
  ];
  return permissions.flatMap((permission) =>
    patterns.map((pattern): [string, string] => [permission, pattern]),
  );
}

describe("whatever the rules", () => {
  test("evaluate says what the host says", () => {
    fc.assert(
      fc.property(ruleList(6), fillings, (list, texts) => {
        for (const [permission, pattern] of calls(list, texts)) {
          expect(evaluate(list, permission, pattern)).toBe(hostEvaluate(list, permission, pattern));
        }
      }),
      { numRuns: 400 },
    );
  });

  test("a member is never freer than its lead nor than its agent, and no more bound than by the stricter of both", () => {
    fc.assert(
      fc.property(ruleList(5), ruleList(5), fillings, (lead, agent, texts) => {
        const member = [...agent, ...stricter(lead, agent)];
        for (const [permission, pattern] of calls([...lead, ...agent], texts)) {
          const own = hostEvaluate(member, permission, pattern);
          const bound = [lead, agent].map((list) => RANK[hostEvaluate(list, permission, pattern)]);
          expect(RANK[own]).toBe(Math.max(...bound) as 0 | 1 | 2);
        }
      }),
      { numRuns: 1_500 },
    );
  });

  test("all of a member's session rules keep that promise, but for the team's own tools; and it never has a question", () => {
    fc.assert(
      fc.property(ruleList(4), ruleList(4), fillings, (lead, agent, texts) => {
        const member = [...agent, ...memberRules({ lead, agent })];
        for (const [permission, pattern] of calls([...lead, ...agent], texts)) {
          if (TOOL_NAMES.some((tool) => tool === permission)) continue;
          const own = RANK[hostEvaluate(member, permission, pattern)];
          for (const list of [lead, agent])
            expect(own).toBeGreaterThanOrEqual(RANK[hostEvaluate(list, permission, pattern)]);
        }
        expect(hidesTool(member, "question")).toBe(true);
        // Rules are appended when a member comes back, or is opened again: once more is as once.
        const again = [...member, ...memberRules({ lead, agent })];
        for (const [permission, pattern] of calls([...lead, ...agent], texts))
          expect(hostEvaluate(again, permission, pattern)).toBe(hostEvaluate(member, permission, pattern));
      }),
      { numRuns: 300 },
    );
  });

  test("a catch-all that comes last says all there is to say, whoever wrote it", () => {
    const last = fc.constantFrom<Action>("allow", "ask", "deny");
    fc.assert(
      fc.property(
        ruleList(4),
        last,
        ruleList(4),
        last,
        fillings,
        (lead, leadLast, agent, agentLast, texts) => {
          const closed = (list: readonly PermissionRule[], action: Action): PermissionRule[] => [
            ...list,
            { permission: "*", pattern: "*", action },
          ];
          const [above, own] = [closed(lead, leadLast), closed(agent, agentLast)];
          const member = [...own, ...stricter(above, own)];
          for (const [permission, pattern] of calls([...lead, ...agent], texts))
            expect(RANK[hostEvaluate(member, permission, pattern)]).toBe(
              Math.max(RANK[leadLast], RANK[agentLast]) as 0 | 1 | 2,
            );
        },
      ),
      { numRuns: 200 },
    );
  });

  test("a member is never freer even where patterns cross too often to be spelled out", () => {
    const tangle = (letters: string): string => `*${[...letters].join("*")}*`;
    const lead = rules({ "*": "allow", bash: { [tangle("abcdefgh")]: "ask" } });
    const agent = rules({ "*": "allow", bash: { [tangle("stuvwxyz")]: "deny" } });
    const member = [...agent, ...stricter(lead, agent)];
    expect(member.length).toBeLessThan(20);
    const call = (text: string): Action => evaluate(member, "bash", text);
    expect(call("abcdefghstuvwxyz")).toBe("deny");
    expect(call("asbtcudvewfxgyhz")).toBe("deny");
    expect(RANK[call("abcdefgh")]).toBeGreaterThanOrEqual(RANK.ask);
    expect(call("ls")).toBe("allow");
  });

  test("tools that lead or agent lack altogether are not offered to the member", () => {
    const tools = ["bash", "edit", "team_list", "mcp_a"] as const;
    const plain = fc.record({
      permission: fc.constantFrom("*", ...tools, "mcp_*"),
      pattern: fc.constant("*"),
      action: fc.constantFrom<Action>("allow", "ask", "deny"),
    });
    fc.assert(
      fc.property(fc.array(plain, { maxLength: 6 }), fc.array(plain, { maxLength: 6 }), (lead, agent) => {
        const member = [...agent, ...stricter(lead, agent)];
        for (const tool of tools) {
          expect(hidesTool(member, tool)).toBe(hidesTool(lead, tool) || hidesTool(agent, tool));
        }
      }),
    );
  });

  test("an agent that lists what it may do keeps its short list under any ordinary lead", () => {
    const reader = [...DEFAULTS, ...rules({ "*": "deny", grep: "allow", read: "allow", bash: "allow" })];
    const asking = [...BUILD, ...rules({ "*": "ask", bash: { "*": "ask", "git *": "allow" } })];
    for (const lead of [BUILD, PLAN, asking]) {
      const member = [...reader, ...stricter(lead, reader)];
      for (const tool of ["edit", "task", "webfetch", "question"]) expect(hidesTool(member, tool)).toBe(true);
      for (const tool of ["grep", "read", "bash"]) expect(hidesTool(member, tool)).toBe(false);
    }
  });
});
