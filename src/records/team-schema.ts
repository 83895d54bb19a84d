import { z } from "zod";

/** Names of teams and members, of files and branches as well: nothing that a path or a shell takes for its own. */
export const NAME_PATTERN: RegExp = /^[a-z0-9][a-z0-9-]{0,63}$/;

/** The fewest characters that can say what a member of a category is to do. */
const PROMPT_MIN_CHARS = 8;

const text = z.string().min(1);

/** Text of a form that its title names, as the end of the sentence "Allowed: …". */
const formed = (pattern: RegExp, title: string): z.ZodString => z.string().regex(pattern).meta({ title });

const name = formed(
  NAME_PATTERN,
  "letters a-z, digits and hyphens, beginning with a letter or digit, at most 64 characters",
);

/** A member in its plain spelling; what else is understood is in `team-draft.ts`. */
export interface MemberText {
  readonly name?: string;
  readonly kind?: "subagent_type" | "category";
  readonly subagent_type?: string;
  readonly category?: string;
  readonly prompt?: string;
  readonly model?: string;
  readonly variant?: string;
  readonly worktree?: boolean | string;
}

/** A team in its plain spelling. */
export interface TeamText {
  readonly $schema?: string;
  readonly version?: 1;
  readonly name?: string;
  readonly description?: string;
  readonly lead?: { readonly prompt?: string };
  readonly members: readonly MemberText[];
  readonly allow_member_broadcast?: boolean;
}

type Fields<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? z.ZodExactOptional<z.ZodType<T[K]>>
    : z.ZodType<T[K]>;
};

/** A field that the type has and the schema lacks, or the other way round, does not compile. */
function objectOf<T extends object>(fields: Fields<T>): z.ZodType<T> {
  return z.strictObject(fields as z.ZodRawShape) as unknown as z.ZodType<T>;
}

const member = objectOf<MemberText>({
  name: name
    .describe("How the others address it. Left out: the name of its agent or category.")
    .exactOptional(),
  kind: z
    .enum(["subagent_type", "category"])
    .describe("May be left out: it follows from which of the next two is given.")
    .exactOptional(),
  subagent_type: text
    .describe("The agent that serves: any that exists in this OpenCode, e.g. general or build.")
    .exactOptional(),
  category: text.describe("Instead of an agent: an entry of team_mode.categories.").exactOptional(),
  prompt: text
    .describe(
      `What this member is for. Required with a category (${PROMPT_MIN_CHARS} characters or more); otherwise it may be left out and work assigned by tasks and mail.`,
    )
    .exactOptional(),
  model: formed(/^[^/\s]+\/\S+$/, 'text of the form "provider/model"')
    .describe("provider/model. Left out: the category's, else the agent's, else the lead's.")
    .exactOptional(),
  variant: text.describe("Variant of that model. Needs model.").exactOptional(),
  worktree: z
    .union([z.boolean(), text])
    .describe(
      "true: works in a git worktree and branch of its own. Text: at this path, which must not exist yet.",
    )
    .exactOptional(),
}).meta({
  anyOf: [{ required: ["subagent_type"] }, { required: ["category"] }],
  dependencies: { category: ["prompt"], variant: ["model"] },
});

/** A team file and an `inline_spec`, in the spelling that is recommended. */
export const teamSchema: z.ZodType<TeamText> = objectOf<TeamText>({
  $schema: z.string().describe("This schema, for editors.").exactOptional(),
  version: z.literal(1).describe("Version of this format. Left out: 1.").exactOptional(),
  name: name.describe("Left out: the name of the file.").exactOptional(),
  description: text
    .describe("What the team is for. Members read it, and team_list shows it.")
    .exactOptional(),
  lead: objectOf<NonNullable<TeamText["lead"]>>({
    prompt: text.describe("Extra instructions for the lead.").exactOptional(),
  })
    .describe("The lead is whoever calls team_create; it is not listed among the members.")
    .exactOptional(),
  members: z.array(member).min(1).describe("The team without its lead."),
  allow_member_broadcast: z
    .boolean()
    .describe("Let members, and not only the lead, send one message to everybody. Default: false.")
    .exactOptional(),
});

/** The schema of a category member's prompt. */
export const categoryPromptSchema: z.ZodType<string> = z.string().min(PROMPT_MIN_CHARS);
