import { z } from "zod";
import { type Argument, fromJson, isObject, shown } from "./reading.ts";

/** A team as `team_create` describes it to a model; what a declared team's file may say besides is accepted as well. */
const published = z
  .object({
    name: z.string().describe("Lower case, digits and dashes"),
    description: z.string().describe("The team's purpose, told to all members").optional(),
    lead: z.object({ prompt: z.string() }).describe("Extra instructions for you").optional(),
    allow_member_broadcast: z.boolean().describe('Members too may send to "*"').optional(),
    members: z
      .array(
        z.object({
          name: z.string().describe("Short and unique; others address it by this"),
          kind: z.enum(["subagent_type", "category"]).describe("Inferred if absent").optional(),
          subagent_type: z
            .string()
            .describe("An agent that exists here and may edit, e.g. general")
            .optional(),
          category: z
            .string()
            .describe("Instead of subagent_type: a category of the configuration")
            .optional(),
          prompt: z
            .string()
            .describe("Its assignment, complete: it does not see this conversation")
            .optional(),
          model: z.string().describe("provider/model; the agent's own if absent").optional(),
          worktree: z
            .boolean()
            .describe("Own git worktree and branch, to edit files beside the others")
            .optional(),
        }),
      )
      .min(1),
  })
  .describe("A team described here and now");

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
