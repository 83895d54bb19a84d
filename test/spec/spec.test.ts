import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { TeamSpec } from "../../src/core/spec.ts";
import { sayProblem } from "../../src/records/problem.ts";
import { parseTeam } from "../../src/records/spec.ts";

const SCOUT = { name: "scout", subagent_type: "general" };
const SCOUT_SPEC = { name: "scout", kind: "subagent_type", agent: "general", worktree: false } as const;

function understood(written: unknown): { readonly spec: TeamSpec; readonly notes: readonly string[] } {
  const reading = parseTeam(written, "team");
  if (!reading.ok) throw new Error(reading.problems.map(sayProblem).join("\n"));
  return { spec: reading.spec, notes: reading.notes };
}

function refused(written: unknown): readonly string[] {
  const reading = parseTeam(written, "team");
  return reading.ok ? [] : reading.problems.map(sayProblem);
}

describe("a team that is spelled plainly", () => {
  test("is understood as written, every field of it", () => {
    const { spec, notes } = understood({
      $schema: "team.schema.json",
      version: 1,
      name: "explorers",
      description: "Map the code base.",
      lead: { prompt: "Be brief." },
      members: [
        {
          name: "scout",
          kind: "subagent_type",
          subagent_type: "general",
          prompt: "Look around.",
          model: "router/vendor/model-1",
          variant: "high",
          worktree: true,
        },
        { name: "writer", kind: "category", category: "docs", prompt: "Write it down.", worktree: "~/wt" },
      ],
      allow_member_broadcast: true,
    });
    expect(notes).toEqual([]);
    expect(spec).toEqual({
      name: "explorers",
      description: "Map the code base.",
      leadPrompt: "Be brief.",
      allowMemberBroadcast: true,
      members: [
        {
          name: "scout",
          kind: "subagent_type",
          agent: "general",
          prompt: "Look around.",
          model: { providerId: "router", modelId: "vendor/model-1", variant: "high" },
          worktree: true,
        },
        { name: "writer", kind: "category", category: "docs", prompt: "Write it down.", worktree: "~/wt" },
      ],
    });
  });

  test("gets the name of its file, or of any inline team, if it has none", () => {
    expect(understood({ members: [SCOUT] }).spec.name).toBe("team");
  });
});

describe("what is forgiven", () => {
  const one = (spec: object): object => ({ ...SCOUT_SPEC, ...spec });
  const cases: readonly (readonly [title: string, written: unknown, members: readonly object[]])[] = [
    ["JSON text", JSON.stringify({ members: [SCOUT] }), [SCOUT_SPEC]],
    ["JSON text with space around it", `\n ${JSON.stringify({ members: [SCOUT] })} `, [SCOUT_SPEC]],
    ["members as JSON text", { members: JSON.stringify([SCOUT]) }, [SCOUT_SPEC]],
    ["one member as JSON text", { members: [JSON.stringify(SCOUT)] }, [SCOUT_SPEC]],
    ["a bare list of members", [SCOUT], [SCOUT_SPEC]],
    ["a bare list as JSON text", JSON.stringify([SCOUT]), [SCOUT_SPEC]],
    ["agent for subagent_type", { members: [{ name: "scout", agent: "general" }] }, [SCOUT_SPEC]],
    ["space around a name", { members: [{ name: "scout", agent: " general " }] }, [SCOUT_SPEC]],
    ["both, if they say the same", { members: [{ ...SCOUT, agent: "general" }] }, [SCOUT_SPEC]],
    ["a missing kind", { members: [{ ...SCOUT, kind: null }] }, [SCOUT_SPEC]],
    [
      "a missing kind beside a category",
      { members: [{ name: "w", category: "docs", prompt: "Write docs." }] },
      [{ name: "w", kind: "category", category: "docs", prompt: "Write docs.", worktree: false }],
    ],
    ["systemPrompt", { members: [{ ...SCOUT, systemPrompt: "Look." }] }, [one({ prompt: "Look." })]],
    ["system_prompt", { members: [{ ...SCOUT, system_prompt: "Look." }] }, [one({ prompt: "Look." })]],
    ["role", { members: [{ ...SCOUT, role: "Look." }] }, [one({ prompt: "Look." })]],
    ["instructions", { members: [{ ...SCOUT, instructions: "Look." }] }, [one({ prompt: "Look." })]],
    [
      "a role and a prompt, which add up",
      { members: [{ ...SCOUT, role: "Reviewer", prompt: "Review." }] },
      [one({ prompt: "Reviewer\n\nReview." })],
    ],
    [
      "null, empty and blank texts, as absent",
      {
        description: "",
        lead: null,
        members: [{ ...SCOUT, prompt: " ", model: "", variant: null, odd: null }],
      },
      [SCOUT_SPEC],
    ],
    ["an empty lead, as absent", { lead: { prompt: "" }, members: [SCOUT] }, [SCOUT_SPEC]],
    ["empty entries among the members", { members: [null, SCOUT, ""] }, [SCOUT_SPEC]],
    ["a text for the agent that serves", { members: ["general"] }, [one({ name: "general" })]],
    ["true as a word", { members: [{ ...SCOUT, worktree: "true" }] }, [one({ worktree: true })]],
    ["false as a word", { members: [{ ...SCOUT, worktree: "false" }] }, [SCOUT_SPEC]],
    ["a missing name, which is the agent's", { members: [{ agent: "general" }] }, [one({ name: "general" })]],
    [
      "a missing name where the agent's is reserved",
      { members: ["system"] },
      [one({ name: "member", agent: "system" })],
    ],
  ];
  test.each(cases)("%s", (_title, written, members) => {
    const { spec } = understood(written);
    expect(spec.members as readonly object[]).toEqual([...members]);
    expect(spec.leadPrompt).toBeUndefined();
    expect(spec.description).toBeUndefined();
  });

  test("a lead with a synonym for its prompt", () => {
    expect(understood({ lead: { instructions: "Be brief." }, members: [SCOUT] }).spec.leadPrompt).toBe(
      "Be brief.",
    );
  });

  test("a prompt is kept to the letter", () => {
    const prompt = "  First line.\n\n  {not json}\n";
    expect(understood({ members: [{ ...SCOUT, prompt }] }).spec.members[0]?.prompt).toBe(prompt);
  });
});

describe("names", () => {
  const called = (...names: readonly string[]): readonly string[] =>
    understood({ members: names.map((name) => ({ name, agent: "general" })) }).spec.members.map(
      ({ name }) => name,
    );

  test.each([
    ["Ada", "ada"],
    [" Code Scout ", "code-scout"],
    ["code_scout", "code-scout"],
    ["__init__", "init"],
    ["a \t_ b", "a-b"],
    ["2nd", "2nd"],
    ["constructor", "constructor"],
    ["__proto__", "proto"],
    ["x".repeat(80), "x".repeat(64)],
  ])("%p is used as %p", (written, name) => {
    expect(called(written)).toEqual([name]);
  });

  test.each([
    [
      ["a", "a"],
      ["a", "a-2"],
    ],
    [
      ["a", "A", "a"],
      ["a", "a-2", "a-3"],
    ],
    [
      ["a", "a", "a-2"],
      ["a", "a-3", "a-2"],
    ],
    [
      ["x".repeat(64), "x".repeat(64)],
      ["x".repeat(64), `${"x".repeat(62)}-2`],
    ],
  ])("of %p the members are called %p", (written, names) => {
    expect(called(...written)).toEqual(names);
  });

  test("that were changed are told, with the path that the author knows", () => {
    const { notes } = understood({
      name: "My Team",
      members: [
        null,
        { name: "Ada", agent: "general" },
        { name: "ada", agent: "build" },
        { agent: "Code Guru" },
        "build",
      ],
    });
    expect(notes).toEqual([
      'members[1].name "Ada" is used as "ada".',
      'members[3] has no name and is called "code-guru".',
      'name "My Team" is used as "my-team".',
      'members[2] repeats the name "ada" and is called "ada-2".',
    ]);
  });

  test.each(["lead", "Lead", "person", "system", "*", " LEAD "])("%p is refused", (name) => {
    expect(refused({ members: [{ name, agent: "general" }] })).toEqual([
      `members[0].name: received ${JSON.stringify(name)}, which is reserved. Allowed: any name but lead, person, system, *.`,
    ]);
  });

  test.each(["a/b", "../x", "a.b", "josé", "?", "a:b"])("%p is refused", (name) => {
    expect(refused({ members: [{ name, agent: "general" }] })).toEqual([
      `members[0].name: received ${JSON.stringify(name)}. Allowed: letters a-z, digits and hyphens, beginning with a letter or digit, at most 64 characters.`,
    ]);
  });
});

const TEAM_KEYS = "$schema, version, name, description, lead, members, allow_member_broadcast";
const MEMBER_KEYS =
  "name, kind, subagent_type, agent, category, prompt, systemPrompt, system_prompt, role, instructions, model, variant, worktree";
const AN_AGENT = 'the name of an agent that exists in this OpenCode, e.g. "general" or "build"';
const A_MEMBER = "an object {name?, kind?, subagent_type?, category?, prompt?, model?, variant?, worktree?}";
const A_TEAM = "an object {$schema?, version?, name?, description?, lead?, members, allow_member_broadcast?}";

describe("what is refused, with the path as it was written", () => {
  const member = (fields: object): object => ({ members: [SCOUT, { ...SCOUT, name: "bo", ...fields }] });
  const cases: readonly (readonly [title: string, written: unknown, problems: readonly string[]])[] = [
    [
      "a slip in a key",
      member({ sytemPrompt: "x" }),
      [`members[1].sytemPrompt: unknown key, did you mean "systemPrompt"? Allowed: ${MEMBER_KEYS}.`],
    ],
    [
      "another spelling of a key",
      member({ subagentType: "x" }),
      [`members[1].subagentType: unknown key, did you mean "subagent_type"? Allowed: ${MEMBER_KEYS}.`],
    ],
    [
      "a key that resembles none",
      member({ tools: [] }),
      [`members[1].tools: unknown key. Allowed: ${MEMBER_KEYS}.`],
    ],
    [
      "a key that is no word",
      member({ "my key": 1 }),
      [`members[1]["my key"]: unknown key. Allowed: ${MEMBER_KEYS}.`],
    ],
    [
      "an unknown key of the team",
      { members: [SCOUT], leader: "x" },
      [`leader: unknown key, did you mean "lead"? Allowed: ${TEAM_KEYS}.`],
    ],
    [
      "an unknown key of the lead",
      { members: [SCOUT], lead: { name: "boss" } },
      ["lead.name: unknown key. Allowed: prompt, systemPrompt, system_prompt, role, instructions."],
    ],
    [
      "a lead that is a text",
      { members: [SCOUT], lead: "ada" },
      ['lead: received "ada". Allowed: an object {prompt?}.'],
    ],
    [
      "a path behind entries that count as absent",
      { members: [null, SCOUT, "", { ...SCOUT, model: "m" }] },
      ['members[3].model: received "m". Allowed: text of the form "provider/model".'],
    ],
    [
      "a path in a bare list",
      [SCOUT, { ...SCOUT, model: "m" }],
      ['[1].model: received "m". Allowed: text of the form "provider/model".'],
    ],
    [
      "a synonym, by the name that was used",
      { members: [{ name: "w", category: "docs", role: "short" }] },
      ['members[0].role: received "short". Allowed: text of at least 8 characters.'],
    ],
    [
      "agent, by the name that was used",
      { members: [{ name: "w", agent: 7 }] },
      ["members[0].agent: received 7. Allowed: text that is not empty."],
    ],
    [
      "a category without a prompt",
      { members: [{ name: "w", category: "docs" }] },
      [
        "members[0].prompt: missing, and a member of a category needs one. Allowed: text of at least 8 characters.",
      ],
    ],
    [
      "a prompt of blanks and too few letters",
      { members: [{ name: "w", category: "docs", prompt: "   abc   " }] },
      ['members[0].prompt: received "   abc   ". Allowed: text of at least 8 characters.'],
    ],
    [
      "agent and category",
      member({ category: "docs" }),
      ['members[1]: received both an agent ("general") and a category ("docs"). Allowed: one of the two.'],
    ],
    [
      "two agents",
      member({ agent: "build" }),
      [
        'members[1].agent: received "build", but "subagent_type" says the same thing differently. Allowed: one of "subagent_type" and "agent".',
      ],
    ],
    [
      "neither agent nor category",
      { members: [{ name: "bo", prompt: "Work." }] },
      [
        `members[0].subagent_type: missing. Allowed: ${AN_AGENT}; or category, a name in team_mode.categories.`,
      ],
    ],
    [
      "a kind that the rest contradicts",
      { members: [{ name: "bo", kind: "category", agent: "build" }] },
      ["members[0].category: missing. Allowed: a name in team_mode.categories."],
    ],
    [
      "the other contradiction",
      { members: [{ name: "bo", kind: "subagent_type", category: "docs", prompt: "Write docs." }] },
      [`members[0].subagent_type: missing. Allowed: ${AN_AGENT}.`],
    ],
    [
      "an unknown kind",
      member({ kind: "human" }),
      ['members[1].kind: received "human". Allowed: "subagent_type" or "category".'],
    ],
    [
      "a variant without its model",
      member({ variant: "high" }),
      [
        'members[1].variant: received "high" without model. Allowed: a variant only together with model, whose variant it is.',
      ],
    ],
    [
      "a model without its provider",
      member({ model: "/m" }),
      ['members[1].model: received "/m". Allowed: text of the form "provider/model".'],
    ],
    [
      "a worktree of another kind",
      member({ worktree: 1 }),
      ["members[1].worktree: received 1. Allowed: true or false, or text that is not empty."],
    ],
    ["a later version", { version: 2, members: [SCOUT] }, ["version: received 2. Allowed: 1."]],
    ["no members", {}, [`members: missing. Allowed: a list, each ${A_MEMBER}.`]],
    [
      "an empty list",
      { members: [] },
      [`members: received an empty list. Allowed: a list, each ${A_MEMBER}.`],
    ],
    [
      "members that are a map",
      { members: { a: 1 } },
      [`members: received an object. Allowed: a list, each ${A_MEMBER}.`],
    ],
    ["a member that is a number", { members: [7] }, [`members[0]: received 7. Allowed: ${A_MEMBER}.`]],
    ["a number", 7, [`received 7. Allowed: ${A_TEAM}.`]],
    ["nothing", undefined, [`missing. Allowed: ${A_TEAM}.`]],
    ["null", null, [`received null. Allowed: ${A_TEAM}.`]],
    ["prose", "a scout, please", [`received "a scout, please". Allowed: ${A_TEAM}.`]],
    [
      "a long text, shortened",
      member({ model: "m".repeat(100) }),
      [`members[1].model: received "${"m".repeat(59)}…. Allowed: text of the form "provider/model".`],
    ],
    [
      "all that is wrong, at once",
      { nam: "x", members: [{ name: "lead", agent: "a" }, { role: "Scout" }] },
      [
        `nam: unknown key, did you mean "name"? Allowed: ${TEAM_KEYS}.`,
        'members[0].name: received "lead", which is reserved. Allowed: any name but lead, person, system, *.',
        `members[1].subagent_type: missing. Allowed: ${AN_AGENT}; or category, a name in team_mode.categories.`,
      ],
    ],
  ];
  test.each(cases)("%s", (_title, written, problems) => {
    expect(refused(written)).toEqual([...problems]);
  });

  test.each(["{ broken", "[1, 2", '{"members": [}'])(
    "text that looks like JSON and is none: %p",
    (written) => {
      const [problem, ...more] = refused(written);
      expect(more).toEqual([]);
      expect(problem).toMatch(
        /^text that is not JSON \(.+\)\. Allowed: an object or a list, as it is or as JSON text\.$/,
      );
    },
  );

  test("a problem has its parts for programs", () => {
    const reading = parseTeam(member({ worktree: 1 }), "team");
    expect(reading).toEqual({
      ok: false,
      problems: [
        {
          path: ["members", 1, "worktree"],
          message: "received 1",
          received: "1",
          allowed: "true or false, or text that is not empty",
        },
      ],
    });
  });
});

describe("whatever is given", () => {
  const key = fc.constantFrom(
    "name",
    "kind",
    "subagent_type",
    "agent",
    "category",
    "prompt",
    "role",
    "model",
    "variant",
    "worktree",
    "members",
    "lead",
    "version",
    "__proto__",
    "constructor",
    "toString",
    "",
  );
  const leaf = fc.oneof(
    fc.string(),
    fc.constantFrom("general", "lead", "*", "category", "p/m", "true", "[", "{}", "[{}]"),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
  );
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("tree"), { maxLength: 4 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 5 }),
      fc.dictionary(key, tie("tree"), { maxKeys: 5 }).map((value) => JSON.stringify(value)),
    ),
  }));

  test("a team is understood with valid names or refused with reasons, and nothing is thrown", () => {
    fc.assert(
      fc.property(fc.oneof(tree, fc.jsonValue(), fc.anything()), (written) => {
        const reading = parseTeam(written, "team");
        if (!reading.ok) {
          expect(reading.problems.length).toBeGreaterThan(0);
          for (const problem of reading.problems) expect(sayProblem(problem)).toMatch(/Allowed: ./);
          return;
        }
        const names = reading.spec.members.map(({ name }) => name);
        expect(names.length).toBeGreaterThan(0);
        expect(new Set(names).size).toBe(names.length);
        for (const name of names) {
          expect(name).toMatch(/^[a-z0-9][a-z0-9-]{0,63}$/);
          expect(["lead", "person", "system"]).not.toContain(name);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("a team of plain members is understood, whatever the names", () => {
    const names = fc.array(fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9 _-]{0,80}$/), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(names, (written) => {
        const reading = parseTeam({ members: written.map((name) => ({ name, agent: "general" })) }, "team");
        const free = written.every((name) => !/^[\s_-]*(lead|person|system)[\s_-]*$/i.test(name));
        expect(reading.ok).toBe(free);
      }),
      { numRuns: 200 },
    );
  });

  test("a nesting that overflows the stack is refused", () => {
    expect(refused("[".repeat(200_000))[0]).toMatch(/^text that is not JSON/);
  });
});
