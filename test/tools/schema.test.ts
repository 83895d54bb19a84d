import { describe, expect, test } from "bun:test";
import { z } from "zod";
import { MEMBER_TOOLS, ORDINARY_TOOLS, TOOL_NAMES, type ToolName } from "../../src/core/tool-names.ts";
import { parseTeam } from "../../src/records/spec.ts";
import { teamTools } from "../../src/tools/index.ts";
import { recordingVerbs } from "./recording-verbs.ts";

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly required?: readonly string[];
}

const TOOLS = teamTools(recordingVerbs().verbs);

/** What the model is sent of a tool's arguments; `on-the-host.test.ts` sees that the host sends the same. */
function schemaOf(tool: ToolName): Schema {
  const { $schema: _, ...schema } = z.toJSONSchema(z.object(TOOLS[tool].args), { io: "input" });
  return schema as Schema;
}

function argumentsOf(tool: ToolName): Readonly<Record<string, Schema>> {
  return schemaOf(tool).properties ?? {};
}

function size(tools: readonly ToolName[]): number {
  const sent = tools.map((name) => ({
    name,
    description: TOOLS[name].description,
    parameters: schemaOf(name),
  }));
  return JSON.stringify(sent).length;
}

/** A value that fits a schema. */
function sample({ type, enum: words, properties = {}, items }: Schema): unknown {
  if (words) return words[0];
  if (type === "object")
    return Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, sample(one)]));
  if (type === "array") return items ? [sample(items)] : [];
  if (type === "integer") return 1;
  return type === "boolean" ? false : "general";
}

describe("what a model is told of the arguments", () => {
  const expected: Readonly<
    Record<ToolName, readonly [required: readonly string[], others: readonly string[]]>
  > = {
    team_create: [[], ["teamName", "inline_spec", "tasks", "label", "waitFor", "teamRunId"]],
    team_delete: [[], ["force"]],
    team_shutdown_request: [["targetMemberName"], ["reason"]],
    team_approve_shutdown: [["memberName"], []],
    team_reject_shutdown: [["memberName", "reason"], []],
    team_send_message: [
      ["to", "body"],
      ["summary", "kind", "correlationId", "references"],
    ],
    team_task_create: [
      ["subject", "description"],
      ["blockedBy", "owner"],
    ],
    team_task_list: [[], ["status", "owner", "ready"]],
    team_task_update: [["taskId"], ["status", "owner", "subject", "description", "blockedBy", "result"]],
    team_task_get: [["taskId"], []],
    team_status: [[], ["waitFor", "timeoutMs"]],
    team_list: [[], ["scope"]],
  };

  for (const tool of TOOL_NAMES) {
    test(`${tool}: the contract's arguments, each with its type and a description`, () => {
      const [required, others] = expected[tool];
      expect(Object.keys(argumentsOf(tool))).toEqual([...required, ...others]);
      expect(schemaOf(tool).required ?? []).toEqual([...required]);
      for (const argument of Object.values(argumentsOf(tool))) {
        expect(argument.description).toBeTruthy();
        expect(argument.type).toBeOneOf(["string", "integer", "boolean", "array", "object"]);
      }
    });

    test(`${tool}: what is written by the schema is understood`, async () => {
      const { verbs, asked } = recordingVerbs();
      const args = Object.fromEntries(
        Object.entries(argumentsOf(tool)).map(([key, schema]) => [key, sample(schema)]),
      );
      await teamTools(verbs)[tool].execute(args, {
        sessionId: "s",
        messageId: "m",
        callId: "c",
        directory: "/",
        worktree: "/",
        signal: new AbortController().signal,
      });
      expect(asked).toHaveLength(1);
    });
  }

  test("no schema says what some providers cannot read: references, unions, untyped items", () => {
    const all = JSON.stringify(TOOL_NAMES.map(schemaOf));
    for (const word of ["$ref", "anyOf", "oneOf", "allOf", "$defs", "9007199254740991", '"items":{}']) {
      expect(all).not.toContain(word);
    }
  });

  test("bounds and words are said in the schema", () => {
    expect(argumentsOf("team_status")["timeoutMs"]).toMatchObject({
      type: "integer",
      minimum: 0,
      maximum: 60_000,
    });
    expect(argumentsOf("team_task_get")["taskId"]).toMatchObject({ type: "integer", minimum: 1 });
    expect(argumentsOf("team_status")["waitFor"]!.enum).toEqual(["change", "idle", "message"]);
    expect(argumentsOf("team_task_update")["status"]!.enum).toEqual([
      "pending",
      "claimed",
      "in_progress",
      "completed",
      "deleted",
    ]);
  });

  test("the inline spec is spelled out, and every key of it is one that a team may have", () => {
    const spec = argumentsOf("team_create")["inline_spec"]!;
    expect(Object.keys(spec.properties ?? {})).toEqual([
      "name",
      "description",
      "lead",
      "allow_member_broadcast",
      "members",
    ]);
    const member = spec.properties!["members"]!.items!;
    expect(member.required).toEqual(["name"]);
    const { category, ...served } = member.properties!;
    const { subagent_type: _, kind: __, ...others } = member.properties!;
    const members = [sample({ type: "object", properties: served })];
    const filed = sample({ type: "object", properties: others }) as object;
    const team = sample(spec) as object;
    const model = "provider/model";
    const reading = parseTeam(
      {
        ...team,
        members: [
          { ...(members[0] as object), model },
          { ...filed, name: "filed", model, prompt: "long enough to say" },
        ],
      },
      "team",
    );
    expect(category).toBeDefined();
    expect(reading).toMatchObject({ ok: true });
  });
});

describe("what the tools cost in every request", () => {
  test("an ordinary session pays less than 3,500 characters", () => {
    expect(size(ORDINARY_TOOLS)).toBeLessThan(3_500);
  });

  test("a member pays less than 6,000, a lead less than 9,000", () => {
    expect(size(MEMBER_TOOLS)).toBeLessThan(6_000);
    expect(size(TOOL_NAMES)).toBeLessThan(9_000);
  });
});
