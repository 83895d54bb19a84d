import { described, type JsonSchema } from "./json-schema.ts";
import { type Argument, fromJson, isObject, shown } from "./reading.ts";

function text(description: string): JsonSchema {
  return described({ type: "string" }, description);
}

function flag(description: string): JsonSchema {
  return described({ type: "boolean" }, description);
}

const member: JsonSchema = {
  type: "object",
  properties: {
    name: text("Short and unique; others address it by this"),
    kind: described({ type: "string", enum: ["subagent_type", "category"] }, "Inferred if absent"),
    subagent_type: text("An agent that exists here and may edit, e.g. general"),
    category: text("Instead of subagent_type: a category of the configuration"),
    prompt: text("Its assignment, complete: it does not see this conversation"),
    model: text("provider/model; the agent's own if absent"),
    worktree: flag("Own git worktree and branch, to edit files beside the others"),
  },
  required: ["name"],
};

/** A team as `team_create` describes it to a model; what a declared team's file may say besides is accepted as well. */
const published: JsonSchema = {
  type: "object",
  properties: {
    name: text("Lower case, digits and dashes"),
    description: text("The team's purpose, told to all members"),
    lead: described(
      { type: "object", properties: { prompt: { type: "string" } }, required: ["prompt"] },
      "Extra instructions for you",
    ),
    allow_member_broadcast: flag('Members too may send to "*"'),
    members: { type: "array", items: member, minItems: 1 },
  },
  required: ["name", "members"],
  description: "A team described here and now",
};

/** Members alone make a spec too; what is wrong inside is told by who understands it, in the author's own words. */
export function teamSpec(): Argument<unknown> {
  return {
    schema: published,
    read(value, path, faults) {
      const written =
        typeof value === "string" ? (fromJson(value, "{") ?? fromJson(value, "[") ?? value) : value;
      if (Array.isArray(written)) return { members: written };
      // Text that is no JSON of ours goes on as it is: its reader can say where it breaks.
      if (isObject(written) || isJsonLike(written)) return written;
      faults.push(`${path} must be an object with name and members, received ${shown(value)}`);
      return undefined;
    },
  };
}

export function isJsonLike(value: unknown): value is string {
  return typeof value === "string" && /^\s*(```|[[{])/.test(value);
}
