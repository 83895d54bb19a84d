import { z } from "zod";
import type { Call } from "../app/verbs.ts";
import type { ToolName } from "../core/tool-names.ts";
import { FlotillaError } from "../errors.ts";
import { text } from "./argument.ts";
import { isObject } from "./reading.ts";
import { type Input, parseSlots, type Slots, schemaOf, unpublished } from "./slots.ts";

/** A tool as a model sees it, free of the host. */
export interface Tool {
  readonly description: string;
  /** The arguments for the model's eyes; what is accepted is wider, and is decided in `execute`. */
  readonly args: z.ZodRawShape;
  /** JSON text. Refuses with a `FlotillaError`. */
  execute(args: unknown, call: Call): Promise<string>;
}

export interface Declaration<S extends Slots> {
  readonly name: ToolName;
  /** When to use it, what comes back, what to do next: in every request of a session, so in few words. */
  readonly description: string;
  readonly slots: S;
  /** Spells the arguments that one tool alone has a looser form of. */
  readonly rewrite?: (written: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>;
  /** What the model reads; keys without a value are left out. */
  answer(input: Input<S>, call: Call): Promise<Answer>;
}

export type Answer = Readonly<Record<string, unknown>> & { readonly next?: string | undefined };

/** Every tool takes it and nobody needs it: a session is in at most one run. */
const TEAM_RUN: Slots = { teamRunId: unpublished(text(), "runId") };

export function tool<S extends Slots>({ name, description, slots, rewrite, answer }: Declaration<S>): Tool {
  const all = "teamRunId" in slots ? slots : { ...slots, ...TEAM_RUN };
  return {
    description,
    args: publishedShape(all),
    async execute(args, call) {
      const faults: string[] = [];
      const written = isObject(args) ? args : {};
      const read: Input<Slots> = parseSlots(all, rewrite ? rewrite(written) : written, faults);
      if (faults.length > 0) throw refusal(name, slots, faults);
      const { teamRunId, ...input } = read as { readonly teamRunId?: string };
      const said = await answer(
        input as unknown as Input<S>,
        teamRunId === undefined ? call : { ...call, teamRunId },
      );
      return JSON.stringify(said);
    },
  };
}

/**
 * The host reads JSON Schema off these objects with its own copy of zod, an older one, which loses bounds and what a
 * preprocessed value looks like. So each carries its finished JSON Schema as metadata, which any version copies as it is,
 * and checks no value itself: the host of today validates nothing, and one that does must not refuse what `execute`
 * understands.
 */
function publishedShape(slots: Slots): z.ZodRawShape {
  const { properties, required } = schemaOf(slots);
  return Object.fromEntries(
    Object.entries(properties).map(([key, schema]) => {
      const open = z.unknown().meta({ ...schema });
      return [key, required.includes(key) ? open : open.optional()];
    }),
  );
}

function refusal(name: ToolName, slots: Slots, faults: readonly string[]): FlotillaError {
  const names = Object.entries(slots)
    .filter(([, slot]) => slot.unpublished !== true)
    .map(([key, slot]) => (slot.required ? key : `${key}?`));
  return new FlotillaError({
    code: "argument_invalid",
    message: `${name}: ${faults.join("; ")}`,
    hint: names.length === 0 ? `${name} takes no arguments.` : `Arguments of ${name}: ${names.join(", ")}.`,
    details: { tool: name, faults },
  });
}
