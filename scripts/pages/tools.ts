import { z } from "zod";
import type { Verbs } from "../../src/app/verbs.ts";
import { MEMBER_TOOLS, ORDINARY_TOOLS, TOOL_NAMES, type ToolName } from "../../src/core/tool-names.ts";
import { teamTools } from "../../src/tools/index.ts";
import type { Page } from "../generate.ts";
import { code, GENERATED, page, table } from "./markdown.ts";

/** What a model is told, as a person reads it. */
export const toolsPage: Page = {
  path: "docs/tools.md",
  render: () =>
    page(
      GENERATED,
      "# Tools",
      `What a model is told of the ${TOOL_NAMES.length} tools, from \`src/tools/\`. A session is offered those of its role; every tool checks the role once more when it is called.`,
      table(
        ["tool", "a session in no run", "a member", "the lead"],
        TOOL_NAMES.map((name) => [
          `[${name}](#${name})`,
          mark(ORDINARY_TOOLS.includes(name)),
          mark(MEMBER_TOOLS.includes(name)),
          mark(true),
        ]),
      ),
      FORMS,
      ...TOOL_NAMES.flatMap(section),
    ),
};

const FORMS = `Arguments are published as plain JSON Schema, and read with forgiveness: \`null\`, \`""\` and \`"null"\` mean that an optional argument is left out; numbers and truth values may be text, tasks are also written \`#3\`; lists and objects may be JSON text, and a list of one may lack its brackets; case, \`_\` and \`-\` in an argument's name make no difference, and its natural other names are known. Any tool takes a \`teamRunId\`; none needs it, and one that is not the caller's run is refused. What is not understood is refused as \`argument_invalid\`, all of it at once, and nothing is changed.

Answers are JSON text. \`next\` is the step that is most useful now. Errors read \`code: what is so. What to do.\`; the codes are in [errors.md](errors.md). A repeated call (same session, assistant message and call id) has the first one's outcome and no second effect.`;

interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

function section(name: ToolName): readonly string[] {
  // Describing a tool asks nothing of it.
  const { description, args } = teamTools({} as Verbs)[name];
  const rows = argumentRows(z.toJSONSchema(z.object(args), { io: "input" }) as JsonSchema, "");
  const takes = rows.length === 0 ? [] : [table(["argument", "type", "needed", "meaning"], rows)];
  return [`## ${name}`, description, ...takes];
}

function argumentRows({ properties = {}, required = [] }: JsonSchema, prefix: string): readonly string[][] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const path = `${prefix}${key}`;
    const own = [code(path), sayType(schema), mark(required.includes(key)), schema.description ?? ""];
    const inside = schema.items === undefined ? ([schema, "."] as const) : ([schema.items, "[]."] as const);
    return [own, ...argumentRows(inside[0], `${path}${inside[1]}`)];
  });
}

function sayType({ type = "anything", enum: words, items, minimum, maximum }: JsonSchema): string {
  if (words) return words.map(code).join(", ");
  if (items) return `list of ${sayType(items)}`;
  const bounds = [
    minimum === undefined ? "" : ` from ${minimum}`,
    maximum === undefined ? "" : ` to ${maximum}`,
  ];
  return `${type}${bounds.join("")}`;
}

function mark(holds: boolean): string {
  return holds ? "yes" : "";
}
