import { z } from "zod";
import type { Limits } from "./core/run.ts";

/**
 * What a user may set under `team_mode`: one schema for the parser, the JSON Schema of editors and the table in
 * `docs/configuration.md`. Every key is optional; a key that is not here is an error.
 */
export interface TeamModeOptions {
  readonly enabled: boolean;
  readonly tmux_visualization: boolean;
  readonly max_members: number;
  readonly max_parallel_members: number;
  readonly max_messages_per_run: number;
  readonly max_wall_clock_minutes: number;
  readonly max_member_turns: number;
  readonly max_tokens_per_run?: number;
  readonly max_cost_per_run?: number;
  readonly message_payload_max_bytes: number;
  readonly recipient_unread_max_bytes: number;
  readonly mailbox_poll_interval_ms: number;
  /** Absolute once the configuration has been read. */
  readonly base_dir: string;
  readonly categories: Readonly<Record<string, CategoryOptions>>;
  readonly agent_eligibility: Readonly<Record<string, "allow" | "deny">>;
  readonly offer_tools: "on_request" | "always";
  readonly task_recovery: boolean;
  readonly telemetry: TelemetryOptions;
}

export interface CategoryOptions {
  readonly agent: string;
  /** `provider/model`. */
  readonly model?: string;
  readonly variant?: string;
  readonly prompt?: string;
  readonly description?: string;
}

export interface TelemetryOptions {
  readonly enabled: boolean;
  readonly endpoint?: string;
  readonly protocol?: "http/json" | "http/protobuf";
  /** Values are references, `{env:NAME}`: what they stand for is read when it is sent and never kept. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly captureContent: boolean;
  readonly label?: string;
}

type Fields<T> = { readonly [K in keyof T]-?: z.ZodType<T[K]> };

/** A field that the type has and the schema lacks, or the other way round, does not compile. */
function objectOf<T extends object>(fields: Fields<T>): z.ZodType<T> {
  return z.strictObject(fields as z.ZodRawShape) as unknown as z.ZodType<T>;
}

const atLeast = (least: number): z.ZodInt => z.int().min(least);
const text = z.string().min(1);

/** Text of a form that its title names, as the end of the sentence "Allowed: …". */
const formed = (pattern: RegExp, title: string): z.ZodString => z.string().regex(pattern).meta({ title });

const model = formed(/^[^/\s]+\/\S+$/, 'text of the form "provider/model"');
const category = objectOf<CategoryOptions>({
  agent: text.describe("The agent that serves members of this category."),
  model: model
    .optional()
    .describe("Model of these members, `provider/model`. Left out, the agent's own, else the lead's."),
  variant: text.optional().describe("Variant of that model. Needs `model`."),
  prompt: z.string().optional().describe("Stands before each member's own prompt."),
  description: z.string().optional().describe("For people who read the file."),
})
  .refine(({ model, variant }) => variant === undefined || model !== undefined, {
    path: ["variant"],
    error: "a variant only together with model, whose variant it is",
  })
  .meta({ dependencies: { variant: ["model"] } });

const headerValue = formed(
  /^\{env:[A-Za-z_][A-Za-z0-9_]*\}$/,
  "a reference to an environment variable, {env:NAME}",
);

const endpoint = z
  .url({ protocol: /^https?$/, error: "an http or https URL" })
  .refine((url) => !/^https?:\/\/[^/?#]*@/i.test(url), "a URL without user name and password");

const telemetry = objectOf<TelemetryOptions>({
  enabled: z
    .boolean()
    .default(false)
    .describe("Export a trace of each run. Off, no telemetry code is loaded and nothing is sent."),
  endpoint: endpoint
    .optional()
    .describe(
      "Base URL of an OTLP/HTTP collector. Wins over `OTEL_EXPORTER_OTLP_ENDPOINT`, which is used if this is left out.",
    ),
  protocol: z
    .enum(["http/json", "http/protobuf"])
    .optional()
    .describe(
      "Encoding. Wins over `OTEL_EXPORTER_OTLP_PROTOCOL`. JSON can be read on the wire, protobuf is smaller.",
    ),
  headers: z
    .record(text, headerValue)
    .optional()
    .describe(
      "Headers of each export. Values name environment variables, `{env:NAME}`: a secret is never written into a configuration.",
    ),
  captureContent: z
    .boolean()
    .default(false)
    .describe(
      "Put message texts, tool arguments and tool results into the trace. Price: they leave this machine.",
    ),
  label: text.optional().describe("A label on every trace, to tell installations apart."),
});

const fields: Fields<TeamModeOptions> = {
  enabled: z
    .boolean()
    .default(false)
    .describe(
      "The gate. Off, flotilla registers no tool, writes no file, starts no timer and makes no request.",
    ),
  tmux_visualization: z
    .boolean()
    .default(false)
    .describe(
      "Inside tmux, show each member in a pane of its own (docs/panes.md). Price: one attached terminal program a member, some 200 MB each, and a listener on 127.0.0.1 while there are panes.",
    ),
  max_members: atLeast(1)
    .max(64)
    .default(8)
    .describe("Members of one run, the lead not counted. Further ones are refused."),
  max_parallel_members: atLeast(1)
    .max(64)
    .default(4)
    .describe(
      "Members that work at the same time; the rest wait for a slot, in order. Higher is faster until the provider's rate limit or the machine is reached.",
    ),
  max_messages_per_run: atLeast(1)
    .default(10_000)
    .describe(
      "Messages that are sent in one run, what flotilla itself reports not counted. Beyond it, sending is refused: the stop for members that talk in circles.",
    ),
  max_wall_clock_minutes: atLeast(1)
    .default(120)
    .describe(
      "Life time of a run in minutes. Then members are asked to wrap up, the lead is told, and no new turn is started.",
    ),
  max_member_turns: atLeast(1)
    .default(500)
    .describe("Turns of one member. Beyond it, no new turn of that member is started and the lead is told."),
  max_tokens_per_run: atLeast(1)
    .optional()
    .describe(
      "Tokens of all members together (not the lead), by the host's own figures. At the limit no new turn is started; running turns are never cut, so the overshoot is at most those.",
    ),
  max_cost_per_run: z
    .number()
    .gt(0)
    .optional()
    .describe(
      "Cost of all members together (not the lead), in the host's currency. At the limit no new turn is started; running turns are never cut, so the overshoot is at most those.",
    ),
  message_payload_max_bytes: atLeast(1024)
    .default(32_768)
    .describe(
      "UTF-8 bytes of one message's body. Longer ones are refused: whatever is sent fills the reader's context; files are better sent as references.",
    ),
  recipient_unread_max_bytes: atLeast(1024)
    .default(262_144)
    .describe(
      "UTF-8 bytes that may wait for one recipient, those on their way included. Beyond it, sending to it is refused until it has read.",
    ),
  mailbox_poll_interval_ms: atLeast(500)
    .default(3000)
    .describe(
      "How often, in milliseconds, unconfirmed deliveries of a live run are checked again. Events come first and this is the safety net: a lower value finds a lost event sooner and asks the host more often.",
    ),
  base_dir: text
    .default("~/.local/share/opencode-flotilla")
    .describe(
      "Folder of all run data. `~` is the home directory; a relative path starts at the file that says it. Left out: `$XDG_DATA_HOME/opencode-flotilla` if that variable is set. Must be on a local disk, and the same for all processes that are to see a run.",
    ),
  categories: z
    .record(text, category)
    .default({})
    .describe(
      'What a member of `kind: "category"` refers to: a name for an agent with a model and a prompt.',
    ),
  agent_eligibility: z
    .record(text, z.enum(["allow", "deny"]))
    .default({})
    .describe(
      "Which agents may serve as members, where flotilla's own verdict is not wanted. An agent that is allowed here gets the tools of a member even if its permissions deny them.",
    ),
  offer_tools: z
    .enum(["on_request", "always"])
    .default("on_request")
    .describe(
      "When a root session is offered the tools of a lead: once a message asks for a team, or always. Price of always: twelve tool descriptions in every request of every root session.",
    ),
  task_recovery: z
    .boolean()
    .default(true)
    .describe(
      "Tell a session, team or not, of its subagents (the `task` tool) that were interrupted and how to resume them, and refuse a `task_id` that cannot be resumed. Price: some lines in its context, its system prompt changes when an entry comes or goes, and two small files are written for each call of `task`. Off, nothing is noted, refused or written.",
    ),
  telemetry: telemetry.prefault({}).describe("Traces by OpenTelemetry. Off unless `enabled`."),
};

/** `team_mode` as a user writes it; what is left out has its default in the result. */
export const teamModeSchema: z.ZodType<TeamModeOptions> = objectOf<TeamModeOptions>(fields);

/** The settings that a run keeps for its life, so that a person changes them run by run: its limit, and the unit. */
export const RUN_LIMITS = {
  max_members: { limit: "maxMembers", unit: 1 },
  max_parallel_members: { limit: "maxParallelMembers", unit: 1 },
  max_messages_per_run: { limit: "maxMessages", unit: 1 },
  max_wall_clock_minutes: { limit: "maxWallClockMs", unit: 60_000 },
  max_member_turns: { limit: "maxMemberTurns", unit: 1 },
  max_tokens_per_run: { limit: "maxTokens", unit: 1 },
  max_cost_per_run: { limit: "maxCost", unit: 1 },
  message_payload_max_bytes: { limit: "messageMaxBytes", unit: 1 },
  recipient_unread_max_bytes: { limit: "unreadMaxBytes", unit: 1 },
  mailbox_poll_interval_ms: { limit: "pollIntervalMs", unit: 1 },
} as const;

export type LimitKey = keyof typeof RUN_LIMITS;
export const LIMIT_KEYS: readonly LimitKey[] = Object.keys(RUN_LIMITS) as LimitKey[];

/** Some of these settings, each with the bounds that it has in a configuration. */
export const runLimitsSchema: z.ZodType<Partial<Pick<TeamModeOptions, LimitKey>>> = z.strictObject(
  Object.fromEntries(LIMIT_KEYS.map((key) => [key, withoutDefault(fields[key])])),
);

function withoutDefault(field: z.ZodType): z.ZodType {
  return (field instanceof z.ZodDefault ? (field.unwrap() as z.ZodType) : field).optional();
}

/** The bounds that a new run starts with. */
export function toLimits(options: TeamModeOptions): Limits {
  return limitsIn(options) as Limits;
}

/** What of a run's limits the settings say. */
export function limitsIn(options: Partial<Pick<TeamModeOptions, LimitKey>>): Partial<Limits> {
  const given = LIMIT_KEYS.flatMap((key): readonly (readonly [keyof Limits, number])[] => {
    const value = options[key];
    return value === undefined ? [] : [[RUN_LIMITS[key].limit, value * RUN_LIMITS[key].unit]];
  });
  return Object.fromEntries(given) as Partial<Limits>;
}
