import { authorize } from "./identify.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Call, ListReport, RunRow, TeamRow } from "./verbs.ts";

/** Declared teams, a broken file as a row of its own, and the live runs this process knows of. */
export async function listTeams(
  { fleet, teams }: VerbContext,
  call: Call,
  { scope }: { readonly scope: "project" | "user" | "all" },
): Promise<ListReport> {
  await authorize(fleet, "team_list", call);
  const files = await teams.list(call);
  const rows = files
    .filter((file) => scope === "all" || file.source === scope)
    .map((file): TeamRow => {
      const { name, source, path } = file;
      if ("error" in file) return { name, source, path, error: file.error };
      const { description, members } = file.team.spec;
      return {
        name,
        source,
        path,
        members: members.map((member) => member.name),
        ...(description === undefined ? {} : { description }),
      };
    });
  const own = fleet.index.seat(call.sessionId);
  const runs = fleet.index.runs().map(
    (state): RunRow => ({
      runId: state.runId,
      team: state.team.name,
      status: state.status,
      createdAt: state.createdAt,
      members: Object.keys(state.members),
      ...(state.label === undefined ? {} : { label: state.label }),
      ...(own?.runId === state.runId ? { you: own.participant } : {}),
    }),
  );
  return { teams: rows, runs };
}
