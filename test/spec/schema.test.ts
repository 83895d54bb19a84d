import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: unknown;
  readonly required?: readonly string[];
  readonly [keyword: string]: unknown;
}

function schema(name: string): Schema {
  return JSON.parse(readFileSync(join(import.meta.dir, "../../schema", name), "utf8")) as Schema;
}

/** Every place of a schema that has properties, with the path to it. */
function objectsOf(at: Schema, path: string): readonly (readonly [path: string, object: Schema])[] {
  const inside = Object.entries(at.properties ?? {}).flatMap(([key, value]) =>
    objectsOf(value, `${path}.${key}`),
  );
  const entries =
    typeof at.additionalProperties === "object" ? (at.additionalProperties as Schema) : undefined;
  return [
    ...(at.properties ? [[path, at] as const] : []),
    ...inside,
    ...(at.items ? objectsOf(at.items, `${path}[]`) : []),
    ...(entries ? objectsOf(entries, `${path}.*`) : []),
  ];
}

describe("the schemas for editors", () => {
  const team = schema("team.schema.json");
  const options = schema("config.schema.json").properties?.["team_mode"] ?? {};

  test.each([...objectsOf(team, "team"), ...objectsOf(options, "team_mode")])(
    "%s: unknown keys are marked and every key is described",
    (_path, object) => {
      expect(object.additionalProperties).toBe(false);
      for (const [key, value] of Object.entries(object.properties ?? {})) {
        expect({ key, described: (value.description ?? "").length > 10 }).toEqual({ key, described: true });
      }
    },
  );

  test("every option may be left out, and of a team only its members may not", () => {
    expect(options.required).toBeUndefined();
    expect(team.required).toEqual(["members"]);
    expect(team.properties?.["members"]?.items?.required).toBeUndefined();
  });

  test("bounds and defaults are there for the editor", () => {
    expect(options.properties?.["max_members"]).toMatchObject({
      type: "integer",
      minimum: 1,
      maximum: 64,
      default: 8,
    });
    expect(options.properties?.["max_cost_per_run"]).toMatchObject({ type: "number", exclusiveMinimum: 0 });
    expect(options.properties?.["max_wall_clock_minutes"]).not.toHaveProperty("maximum");
    expect(options.properties?.["offer_tools"]).toMatchObject({
      enum: ["on_request", "always"],
      default: "on_request",
    });
  });

  test("a member needs an agent or a category, and a category a prompt", () => {
    expect(team.properties?.["members"]?.items).toMatchObject({
      anyOf: [{ required: ["subagent_type"] }, { required: ["category"] }],
      dependencies: { category: ["prompt"], variant: ["model"] },
    });
  });
});
