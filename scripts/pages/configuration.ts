import { LIMIT_KEYS, teamModeSchema } from "../../src/options.ts";
import { type JsonSchema, jsonSchemaOf, sayAllowed } from "../../src/records/allowed.ts";
import { NAME_PATTERN, teamSchema } from "../../src/records/team-schema.ts";
import type { Page } from "../generate.ts";
import { code, GENERATED, page, table } from "./markdown.ts";

export const configurationPage: Page = {
  path: "docs/configuration.md",
  render: () => {
    const options = jsonSchemaOf(teamModeSchema);
    const team = jsonSchemaOf(teamSchema);
    return page(
      GENERATED,
      "# Configuration",
      "Everything stands under `team_mode` in a configuration file of OpenCode. Off by default:",
      fence(`{
  "plugin": ["opencode-flotilla"],
  "team_mode": { "enabled": true }
}`),
      'Or as the plugin\'s options: `"plugin": [["opencode-flotilla", { "team_mode": { "enabled": true } }]]`.',
      "## Options",
      "From `src/options.ts`; as JSON Schema in `schema/config.schema.json`. What a run was started with stays with it: a changed option holds for the next run, and [`flotilla limit`](#limits-of-a-live-run) for a live one.",
      optionTable(options),
      "### A category",
      optionTable(inside(options, "categories")),
      "### telemetry",
      optionTable(options.properties?.["telemetry"] ?? {}),
      LIMITS,
      `It takes the keys ${LIMIT_KEYS.map(code).join(", ")}.`,
      PLACES,
      "## Declared teams",
      `\`.opencode/teams/<name>.jsonc\` (or \`.json\`) in the working directory and its parents up to the root of the work tree, then \`~/.config/opencode/teams/\`. The nearest of a name wins, a broken one included: it is listed with its error, and no farther team takes its place. The name matches \`${NAME_PATTERN.source}\`. From \`src/records/team-schema.ts\`; as JSON Schema in \`schema/team.schema.json\`.`,
      fence(`{
  "name": "explorers",
  "description": "Map the code base.",
  "members": [
    { "name": "scout", "subagent_type": "general", "prompt": "Find the entry points." },
    { "name": "writer", "category": "docs", "prompt": "Write docs/architecture.md." }
  ]
}`),
      optionTable(team),
      "### A member",
      optionTable(team.properties?.["members"]?.items ?? {}),
      FORGIVEN,
      ELIGIBILITY,
    );
  },
};

function optionTable(schema: JsonSchema): string {
  const { properties = {}, required = [] } = schema;
  return table(
    ["key", "allowed", "default", "meaning"],
    Object.entries(properties).map(([key, value]) => [
      code(key),
      sayAllowed(value),
      sayDefault(value, required.includes(key)),
      value.description ?? "",
    ]),
  );
}

function sayDefault(value: JsonSchema, required: boolean): string {
  if (required) return "(required)";
  return value.default === undefined ? "" : code(JSON.stringify(value.default));
}

/** The values of a map. */
function inside(schema: JsonSchema, key: string): JsonSchema {
  const values = schema.properties?.[key]?.additionalProperties;
  return typeof values === "object" ? values : {};
}

function fence(text: string): string {
  return ["```jsonc", text, "```"].join("\n");
}

const LIMITS = `## Limits of a live run

Limits are enforced by the process that owns the run, outside of the model.

| limit | what is counted | when it is reached |
| --- | --- | --- |
| \`max_messages_per_run\` | what participants and persons send, one for each recipient; reports, briefs and notices that flotilla writes by itself are not | the next send is refused with the figures |
| \`max_wall_clock_minutes\` | time since the run was created, also while no OpenCode runs | members at work are asked to wrap up; no member begins a new turn |
| \`max_member_turns\` | turns of one member, however they ended; a member that is added again starts at none | that member begins no new turn |
| \`max_parallel_members\` | members at work; one that waits for an approval or inside \`team_status\` is none | mail waits for a slot, in order |
| \`max_tokens_per_run\`, \`max_cost_per_run\` | each completed model call of each member, by the host's figures, once. When a run is taken over, what the host has stored beyond what was counted is counted: a crash, or turns without the plugin, hide nothing | no member begins a new turn |

A running turn is never cut. The lead is told once, and mail for a member that may not begin waits under the hold \`budget\`, which
costs no attempt; \`team_status\` shows what is left. The lead itself is not limited. To give a live run more (or less):

\`\`\`sh
flotilla limit max_tokens_per_run=2000000                     # the only live run that is led from this work tree
flotilla limit nightly max_wall_clock_minutes=240 max_cost_per_run=20   # by label, team, id or the beginning of one
\`\`\`

It says what each limit was and is and how much is used. What waited goes on within a second, and the lead is told once if
anything had been stopped. A limit may also be lowered: below what is used it is reached there and then. Time, messages, tokens
and cost count from the beginning of the run, so a limit is a sum and not an addition.`;

const PLACES = `## Where it is read from

Key by key, a later source wins. \`telemetry\`, \`categories\` and \`agent_eligibility\` merge entry by entry; an entry replaces
the earlier one of its name as a whole. The order is the one in which OpenCode merges its own keys (measured with
\`opencode debug config\`, 1.18.33):

1. defaults;
2. \`~/.config/opencode/\` (or \`$XDG_CONFIG_HOME/opencode/\`): \`config.json\`, \`opencode.json\`, \`opencode.jsonc\`;
3. the file that \`OPENCODE_CONFIG\` names;
4. \`opencode.json\` and \`opencode.jsonc\` of each directory from the root of the work tree down to the working directory.
   Outside of git, from \`/\`;
5. the same names in the \`.opencode\` of each of these directories, from the working directory *up*: the \`.opencode\` of the
   root has the last word;
6. \`~/.opencode/\`;
7. the folder that \`OPENCODE_CONFIG_DIR\` names;
8. \`OPENCODE_CONFIG_CONTENT\`;
9. the plugin's options.

\`OPENCODE_DISABLE_PROJECT_CONFIG\` leaves 4 and 5 out. Files that an administrator or an organisation forces upon OpenCode
are not read.

Files are JSON with comments and trailing commas. \`{env:NAME}\` and \`{file:path}\` in texts are replaced as in OpenCode's own
keys, but for the headers of \`telemetry\`, which stay references until they are sent. In the plugin's options OpenCode has
replaced them before flotilla sees them: headers therefore belong under \`team_mode\` in \`opencode.json\`.

An unknown key, a value out of bounds, a key that stands twice or a file that cannot be read switches the feature off and is
shown once at start, in the log and by \`flotilla doctor\`:

\`\`\`
/home/ada/project/opencode.jsonc:4:20: team_mode.max_members: received 0. Allowed: a whole number from 1 to 64.
/home/ada/project/opencode.jsonc:5:5: team_mode.maxMembers: unknown key, did you mean "max_members"? Allowed: …
\`\`\``;

const FORGIVEN = `### What else is understood

A team file and the \`inline_spec\` of \`team_create\` are read alike; \`inline_spec\` may be an object or JSON text.

- \`agent\` for \`subagent_type\`; \`systemPrompt\`, \`system_prompt\`, \`role\`, \`instructions\` for \`prompt\`. Several of these add up.
- \`null\`, empty text and an empty \`lead\` are as if they were not there.
- A bare list is the list of members; a text in it is the agent that serves.
- Names are made lower case, spaces and underscores become hyphens, and the second of a name gets \`-2\`. The answer says so.
  \`lead\`, \`person\`, \`system\` and \`*\` are reserved.
- Anything else that is unknown is refused, with its path as it was written: \`members[1].sytemPrompt: unknown key, did you
  mean "systemPrompt"?\``;

const ELIGIBILITY = `## Which agents can be members

Any agent of this OpenCode whose permissions leave it the tools of a member. Of agents that other plugins bring, \`sisyphus\`,
\`atlas\` and \`sisyphus-junior\` are accepted; \`oracle\`, \`librarian\`, \`explore\`, \`multimodal-looker\`, \`metis\`, \`momus\` and
\`prometheus\` are refused, since they only read or only orchestrate; \`hephaestus\` is accepted where \`agent_eligibility\` allows
it. An entry in \`agent_eligibility\` wins over all of this. An agent that may not edit files is no worse a member: it can
read, talk and take tasks.`;
