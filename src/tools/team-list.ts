import type { ListReport, Verbs } from "../app/verbs.ts";
import type { Instant } from "../core/ids.ts";
import { age, row } from "./answer.ts";
import { choice } from "./argument.ts";
import { optional } from "./slots.ts";
import { type Tool, tool } from "./tool.ts";

const DESCRIPTION =
  "List the declared teams that team_create can start by name, and the live runs. A broken file is a row with its error.";

export function teamList(verbs: Verbs, now: () => Instant): Tool {
  return tool({
    name: "team_list",
    description: DESCRIPTION,
    slots: {
      scope: optional(
        choice({ project: true, user: true, all: true }, "Where teams are declared; default all"),
      ),
    },
    async answer({ scope = "all" }, call) {
      const report = await verbs.listTeams(call, { scope });
      const at = now();
      return {
        teams: report.teams.map(({ path, ...team }) => row({ ...team, path: team.error && path })),
        runs: report.runs.map(({ createdAt, ...run }) => row({ ...run, age: age(createdAt, at) })),
        next: next(report),
      };
    },
  });
}

function next({ teams, runs }: ListReport): string {
  const own = runs.find((run) => run.you !== undefined);
  if (own) return "You are in a run already; team_status shows how it stands.";
  const usable = teams.find(
    ({ error, members = [], refused = [] }) => error === undefined && refused.length < members.length,
  );
  return usable
    ? `Start one with team_create, e.g. teamName "${usable.name}", or describe another with inline_spec.`
    : "No declared team can be used: describe one with team_create, inline_spec.";
}
