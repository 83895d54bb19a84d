import { describe, expect, test } from "bun:test";
import type { ToolName } from "../../src/core/tool-names.ts";
import { TOOL_NAMES } from "../../src/core/tool-names.ts";
import { FlotillaError } from "../../src/errors.ts";
import { teamTools } from "../../src/tools/index.ts";
import { CALL, NOW, recordingVerbs } from "./recording-verbs.ts";

type Written = Readonly<Record<string, unknown>>;

/** What the verb is asked for when the model writes this. */
async function understood(tool: ToolName, args: unknown): Promise<unknown> {
  const { verbs, asked } = recordingVerbs();
  await teamTools(verbs, () => NOW)[tool].execute(args, CALL);
  expect(asked).toHaveLength(1);
  return asked[0]?.input;
}

/** `code: message | hint` of the refusal, which must come before any verb is asked. */
async function refused(tool: ToolName, args: unknown): Promise<string> {
  const { verbs, asked } = recordingVerbs();
  const outcome = await teamTools(verbs, () => NOW)
    [tool].execute(args, CALL)
    .then((said) => `answered ${said}`)
    .catch((fault: unknown) => fault);
  expect(asked).toEqual([]);
  if (!(outcome instanceof FlotillaError)) throw new Error(`not refused: ${outcome}`);
  return `${outcome.code}: ${outcome.message} | ${outcome.hint}`;
}

/** The least that each tool takes, and what it understands by it. */
const LEAST: Readonly<Record<ToolName, readonly [Written, unknown]>> = {
  team_create: [
    { inline_spec: { members: [{ name: "ada" }] } },
    { inlineSpec: { members: [{ name: "ada" }] }, timeoutMs: 60_000 },
  ],
  team_delete: [{}, { force: false }],
  team_shutdown_request: [{ targetMemberName: "ada" }, { member: "ada" }],
  team_approve_shutdown: [{ memberName: "ada" }, { member: "ada" }],
  team_reject_shutdown: [
    { memberName: "ada", reason: "busy" },
    { member: "ada", reason: "busy" },
  ],
  team_send_message: [
    { to: "ada", body: "hi" },
    { to: "ada", body: "hi", kind: "message" },
  ],
  team_task_create: [
    { subject: "s", description: "d" },
    { subject: "s", description: "d", blockedBy: [] },
  ],
  team_task_list: [{}, {}],
  team_task_update: [{ taskId: 3 }, { taskId: 3 }],
  team_task_get: [{ taskId: 3 }, { taskId: 3 }],
  team_status: [{}, { timeoutMs: 60_000 }],
  team_list: [{}, { scope: "all" }],
};

describe("what every tool understands", () => {
  for (const tool of TOOL_NAMES) {
    const [least, input] = LEAST[tool];

    test(`${tool} takes the least that it needs`, async () => {
      expect(await understood(tool, least)).toEqual(input);
    });

    test(`${tool} takes null, blank text, "null" and {} for an optional argument as left out`, async () => {
      const { args } = teamTools(recordingVerbs().verbs)[tool];
      for (const nothing of [null, "", "  ", "null", {}, undefined]) {
        const others = Object.keys(args).filter((key) => !(key in least));
        const blanks = Object.fromEntries(others.map((key) => [key, nothing]));
        expect(await understood(tool, { ...blanks, ...least })).toEqual(input);
      }
    });

    test(`${tool} takes snake_case for its arguments`, async () => {
      const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const written = Object.fromEntries(Object.entries(least).map(([key, value]) => [snake(key), value]));
      expect(await understood(tool, written)).toEqual(input);
    });

    test(`${tool} hands on a run that the model names, and does not judge it`, async () => {
      for (const key of ["teamRunId", "team_run_id", "run_id"]) {
        const { verbs, asked } = recordingVerbs();
        await teamTools(verbs)[tool].execute({ ...least, [key]: "run_9" }, CALL);
        expect(asked[0]).toEqual({ verb: asked[0]!.verb, call: { ...CALL, teamRunId: "run_9" }, input });
      }
    });

    test(`${tool} refuses an argument that it does not have, and lists those it has`, async () => {
      const refusal = await refused(tool, { ...least, colour: "red" });
      expect(refusal).toStartWith(
        `argument_invalid: ${tool}: unknown argument colour | Arguments of ${tool}: `,
      );
      for (const key of Object.keys(teamTools(recordingVerbs().verbs)[tool].args)) {
        expect(refusal).toContain(key);
      }
    });
  }

  test("an argument that says nothing is no mistake, whatever its name", async () => {
    expect(await understood("team_task_get", { taskId: 3, colour: null, size: "" })).toEqual({ taskId: 3 });
  });

  test("all mistakes are told at once, with what was received", async () => {
    expect(await refused("team_send_message", { body: ["a"], kind: "anouncement", recipent: "ada" })).toBe(
      "argument_invalid: team_send_message: unknown argument recipent (did you mean to?); to is missing; " +
        'body must be text, received ["a"]; ' +
        'kind must be one of message, announcement, received "anouncement"; did you mean announcement? | ' +
        "Arguments of team_send_message: to, body, summary?, kind?, correlationId?, references?.",
    );
  });

  test("a model cannot say who it is", async () => {
    for (const key of ["from", "sender", "sessionID", "lead_session_id"]) {
      expect(await refused("team_send_message", { to: "ada", body: "hi", [key]: "cy" })).toContain(
        `unknown argument ${key} (leave it out: who calls is known from the session)`,
      );
    }
  });

  test("two names for one argument are fine as long as they agree", async () => {
    const twice = { to: "ada", recipient: "ada", body: "hi" };
    expect(await understood("team_send_message", twice)).toMatchObject({ to: "ada" });
    expect(await refused("team_send_message", { ...twice, recipient: "cy" })).toContain(
      "to and recipient are one argument and say different things",
    );
  });

  test("arguments that are no object are read as none", async () => {
    expect(await refused("team_task_get", "3")).toContain("taskId is missing");
    expect(await refused("team_task_get", undefined)).toContain("taskId is missing");
  });
});

describe("team_create", () => {
  const members = [{ name: "ada", subagent_type: "general" }];
  const spec = { name: "explorers", members };

  test("an inline spec may come as an object, as JSON text, in a code fence, or as its members alone", async () => {
    const fenced = `\`\`\`json\n${JSON.stringify(spec)}\n\`\`\``;
    for (const inline_spec of [spec, JSON.stringify(spec), fenced]) {
      expect(await understood("team_create", { inline_spec })).toMatchObject({ inlineSpec: spec });
    }
    for (const inline_spec of [members, JSON.stringify(members)]) {
      expect(await understood("team_create", { inline_spec })).toMatchObject({ inlineSpec: { members } });
    }
  });

  test("an inline spec is found under the names that models give it", async () => {
    for (const key of ["inline_spec", "inlineSpec", "spec", "team"]) {
      expect(await understood("team_create", { [key]: spec })).toMatchObject({ inlineSpec: spec });
    }
  });

  test("a team spread over the arguments is gathered", async () => {
    const spread = { name: "explorers", description: "Map.", members: JSON.stringify(members), lead: null };
    expect(await understood("team_create", spread)).toEqual({
      inlineSpec: { name: "explorers", description: "Map.", lead: null, members },
      timeoutMs: 60_000,
    });
  });

  test("a spec without a name takes teamName as its name; two different names go on to be refused", async () => {
    expect(await understood("team_create", { teamName: "explorers", inline_spec: { members } })).toEqual({
      inlineSpec: { members, name: "explorers" },
      timeoutMs: 60_000,
    });
    expect(await understood("team_create", { teamName: "other", inline_spec: spec })).toEqual({
      teamName: "other",
      inlineSpec: spec,
      timeoutMs: 60_000,
    });
  });

  test("what is wrong inside a spec is left to who understands it, broken JSON included", async () => {
    const odd = { members: 5, colour: "red" };
    expect(await understood("team_create", { inline_spec: odd })).toMatchObject({ inlineSpec: odd });
    expect(await understood("team_create", { inline_spec: '{"members": [' })).toMatchObject({
      inlineSpec: '{"members": [',
    });
    expect(await refused("team_create", { inline_spec: "two members please" })).toContain(
      'inline_spec must be an object with name and members, received "two members please"',
    );
  });

  test("members beside a spec are not silently dropped", async () => {
    expect(await refused("team_create", { inline_spec: spec, members })).toContain(
      "unknown argument members",
    );
  });

  test("a declared team goes by teamName, name or team", async () => {
    for (const key of ["teamName", "team_name", "name", "team"]) {
      expect(await understood("team_create", { [key]: "Explorers" })).toEqual({
        teamName: "explorers",
        timeoutMs: 60_000,
      });
    }
  });

  test("first tasks come as a list, as JSON text or as one, with blockers by position", async () => {
    const read = [{ subject: "a", description: "b", blockedBy: [1, 2], owner: "ada" }];
    const written = { title: "a", description: "b", blocked_by: "#1, 2", assignee: "@Ada" };
    for (const tasks of [[written], JSON.stringify([written]), written, JSON.stringify(written)]) {
      expect(await understood("team_create", { teamName: "x", tasks })).toMatchObject({ tasks: read });
    }
  });

  test("a fault in a task names its place", async () => {
    const tasks = [
      { subject: "a", description: "b" },
      { subject: "", priority: 1, descripton: "c" },
    ];
    expect(await refused("team_create", { teamName: "x", tasks })).toStartWith(
      "argument_invalid: team_create: " +
        "unknown argument tasks[1].priority (known: subject, description, blockedBy, owner); " +
        "unknown argument tasks[1].descripton (did you mean description?); " +
        "tasks[1].subject is missing; tasks[1].description is missing |",
    );
    expect(await refused("team_create", { teamName: "x", tasks: ["do it"] })).toContain(
      'tasks[0] must be an object with subject, description, blockedBy, owner, received "do it"',
    );
    expect(await refused("team_create", { teamName: "x", tasks: "[{" })).toContain(
      'tasks begins like a JSON array but is none, received "[{"',
    );
  });

  test("a wait and its length are handed on", async () => {
    expect(await understood("team_create", { teamName: "x", wait_for: "Idle", timeoutMs: "5000" })).toEqual({
      teamName: "x",
      waitFor: "idle",
      timeoutMs: 5000,
    });
  });
});

describe("members and messages", () => {
  test("force is a truth value however it is written", async () => {
    for (const force of [true, "true", "True", "yes", 1, "1"]) {
      expect(await understood("team_delete", { force })).toEqual({ force: true });
    }
    for (const force of [false, "false", "no", 0, "0"]) {
      expect(await understood("team_delete", { force })).toEqual({ force: false });
    }
    expect(await refused("team_delete", { force: "perhaps" })).toContain(
      'force must be true or false, received "perhaps"',
    );
  });

  test("a member goes by each name that models give the argument, and by @Ada", async () => {
    for (const tool of ["team_shutdown_request", "team_approve_shutdown"] as const) {
      for (const key of ["memberName", "member_name", "targetMemberName", "member", "name", "target"]) {
        expect(await understood(tool, { [key]: "@Ada" })).toEqual({ member: "ada" });
      }
    }
    expect(await understood("team_reject_shutdown", { member: "ada", message: "busy" })).toEqual({
      member: "ada",
      reason: "busy",
    });
    expect(await refused("team_reject_shutdown", { member: "ada", reason: " " })).toContain(
      "reason is missing",
    );
  });

  test("a letter goes by the names that models give its parts", async () => {
    const letter = { to: "ada", body: "hi", kind: "message" };
    for (const to of ["to", "recipient", "member", "memberName", "target"]) {
      for (const body of ["body", "message", "text", "content"]) {
        expect(await understood("team_send_message", { [to]: "ada", [body]: "hi" })).toEqual(letter);
      }
    }
  });

  test("a body stays as it was written, also if it is JSON, a number or the word null", async () => {
    for (const body of ["  two\nlines ", '{"a": 1}', "null"]) {
      expect(await understood("team_send_message", { to: "*", body })).toMatchObject({ to: "*", body });
    }
    expect(await understood("team_send_message", { to: "*", body: 42 })).toMatchObject({ body: "42" });
    expect(await refused("team_send_message", { to: "*", body: { a: 1 } })).toContain(
      'body must be text, received {"a":1}',
    );
  });

  test("references come as objects, paths, JSON text or one alone", async () => {
    const one = [{ path: "a.ts" }];
    for (const references of [one, ["a.ts"], "a.ts", '["a.ts"]', '[{"path":"a.ts"}]', { path: "a.ts" }]) {
      expect(await understood("team_send_message", { to: "ada", body: "hi", references })).toMatchObject({
        references: one,
      });
    }
    const described = [{ file: "a, b.ts", description: "both" }, null];
    expect(await understood("team_send_message", { to: "ada", body: "hi", refs: described })).toMatchObject({
      references: [{ path: "a, b.ts", description: "both" }],
    });
    expect(await refused("team_send_message", { to: "ada", body: "hi", references: [7] })).toContain(
      "references[0] must be an object with path, description, received 7",
    );
  });

  test("kind takes only what a tool may send", async () => {
    expect(
      await understood("team_send_message", { to: "ada", body: "x", type: "ANNOUNCEMENT" }),
    ).toMatchObject({ kind: "announcement" });
    expect(await refused("team_send_message", { to: "ada", body: "x", kind: "shutdown_request" })).toContain(
      'kind must be one of message, announcement, received "shutdown_request"',
    );
  });

  test("a long value is quoted in part", async () => {
    const kind = "x".repeat(500);
    const refusal = await refused("team_send_message", { to: "ada", body: "x", kind });
    expect(refusal).toContain(`received "${"x".repeat(59)}…`);
    expect(refusal.length).toBeLessThan(300);
  });
});

describe("tasks", () => {
  test("a task's number may be text, and written with #", async () => {
    for (const taskId of [3, "3", "#3", " 3 ", "3.0"]) {
      expect(await understood("team_task_get", { taskId })).toEqual({ taskId: 3 });
    }
    for (const key of ["id", "task_id", "task", "TaskID"]) {
      expect(await understood("team_task_get", { [key]: 3 })).toEqual({ taskId: 3 });
    }
    for (const taskId of [0, -1, 1.5, "three", "../3", true, [3], "1e400", "#"]) {
      expect(await refused("team_task_get", { taskId })).toBe(
        `argument_invalid: team_task_get: taskId must be a whole number from 1 up, received ${JSON.stringify(taskId)} | Arguments of team_task_get: taskId.`,
      );
    }
  });

  test("blockers come as a list, JSON text, text with commas or one alone; an empty list is kept", async () => {
    const forms: readonly [unknown, readonly number[]][] = [
      [
        [1, 2],
        [1, 2],
      ],
      [
        ["#1", "2"],
        [1, 2],
      ],
      ["[1, 2]", [1, 2]],
      ["1, #2", [1, 2]],
      ["2", [2]],
      [2, [2]],
      [[], []],
      ["[]", []],
    ];
    for (const [blockedBy, read] of forms) {
      expect(await understood("team_task_update", { taskId: 1, blockedBy })).toEqual({
        taskId: 1,
        blockedBy: read,
      });
    }
    expect(await refused("team_task_update", { taskId: 1, blocked_by: [1, "x"] })).toContain(
      'blockedBy[1] must be a whole number from 1 up, received "x"',
    );
  });

  test("a status is one of five words, in any spelling of theirs", async () => {
    for (const status of ["in_progress", "in-progress", "In Progress"]) {
      expect(await understood("team_task_update", { taskId: 1, status })).toEqual({
        taskId: 1,
        status: "in_progress",
      });
    }
    expect(await refused("team_task_update", { taskId: 1, status: "complete" })).toContain(
      'status must be one of pending, claimed, in_progress, completed, deleted, received "complete"; did you mean completed?',
    );
  });

  test('the owner "none" takes an assignment back; a blank one is none given', async () => {
    expect(await understood("team_task_update", { taskId: 1, owner: "none" })).toEqual({
      taskId: 1,
      owner: "",
    });
    expect(await understood("team_task_update", { taskId: 1, owner: "" })).toEqual({ taskId: 1 });
    expect(await understood("team_task_update", { taskId: 1, owner: "Lead" })).toEqual({
      taskId: 1,
      owner: "lead",
    });
  });

  test("a result comes as an object, its JSON text, or plain text", async () => {
    const plain = { text: "done", artifacts: [] };
    for (const result of ["done", { text: "done" }, { summary: "done" }, '{"text":"done"}']) {
      expect(await understood("team_task_update", { taskId: 1, result })).toEqual({
        taskId: 1,
        result: plain,
      });
    }
    const made = { text: "done", artifacts: ["a.md", "b, c.md"] };
    expect(await understood("team_task_update", { taskId: 1, result: made })).toMatchObject({ result: made });
    expect(
      await understood("team_task_update", { taskId: 1, result: { text: "done", files: "a.md" } }),
    ).toMatchObject({ result: { artifacts: ["a.md"] } });
    expect(await refused("team_task_update", { taskId: 1, result: { artifacts: ["a"] } })).toContain(
      "result.text is missing",
    );
  });

  test("a new task and a filter go by their natural names", async () => {
    expect(
      await understood("team_task_create", { title: "s", content: "d", dependsOn: 1, assignee: "Ada" }),
    ).toEqual({ subject: "s", description: "d", blockedBy: [1], owner: "ada" });
    expect(await understood("team_task_list", { status: "pending", owner: "ada", ready: "true" })).toEqual({
      status: "pending",
      owner: "ada",
      ready: true,
    });
  });
});

describe("status and list", () => {
  test("a wait is bounded", async () => {
    expect(await understood("team_status", { waitFor: "message", timeout_ms: "60000" })).toEqual({
      waitFor: "message",
      timeoutMs: 60_000,
    });
    expect(await understood("team_status", { waitFor: "change", timeoutMs: 0 })).toEqual({
      waitFor: "change",
      timeoutMs: 0,
    });
    expect(await refused("team_status", { waitFor: "idle", timeoutMs: 60_001 })).toContain(
      "timeoutMs must be a whole number from 0 to 60000, received 60001",
    );
    expect(await refused("team_status", { waitFor: "mail" })).toContain(
      'waitFor must be one of change, idle, message, received "mail"',
    );
  });

  test("the scope of a list is one of three", async () => {
    expect(await understood("team_list", { scope: "USER" })).toEqual({ scope: "user" });
    expect(await refused("team_list", { scope: "users" })).toContain("did you mean user?");
  });
});
