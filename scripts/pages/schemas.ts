import { teamModeSchema } from "../../src/options.ts";
import { jsonSchemaOf } from "../../src/records/allowed.ts";
import { participantStatusSchema, teamStatusSchema } from "../../src/records/status.ts";
import { teamSchema } from "../../src/records/team-schema.ts";
import type { Page } from "../generate.ts";

const DIALECT = "http://json-schema.org/draft-07/schema#";

export const configSchemaPage: Page = {
  path: "schema/config.schema.json",
  render: () =>
    json({
      $schema: DIALECT,
      title: "opencode-flotilla: team_mode in opencode.json, and the plugin's options",
      type: "object",
      properties: { team_mode: withoutDialect(jsonSchemaOf(teamModeSchema)) },
    }),
};

export const teamSchemaPage: Page = {
  path: "schema/team.schema.json",
  render: () =>
    json({
      $schema: DIALECT,
      title: "opencode-flotilla: a declared team, .opencode/teams/<name>.jsonc",
      ...withoutDialect(jsonSchemaOf(teamSchema)),
      // These files are read with a parser that knows them.
      allowComments: true,
      allowTrailingCommas: true,
    }),
};

export const teamStatusSchemaPage: Page = {
  path: "schema/team-status.schema.json",
  render: () =>
    json({
      $schema: DIALECT,
      title: "opencode-flotilla: how a run stands, status.json",
      ...withoutDialect(jsonSchemaOf(teamStatusSchema)),
    }),
};

export const participantStatusSchemaPage: Page = {
  path: "schema/participant-status.schema.json",
  render: () =>
    json({
      $schema: DIALECT,
      title: "opencode-flotilla: how the lead or a member stands, status/<name>.json",
      ...withoutDialect(jsonSchemaOf(participantStatusSchema)),
    }),
};

function withoutDialect(schema: object): object {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== "$schema"));
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
