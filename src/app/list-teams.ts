import { FlotillaError } from "../errors.ts";
import type { AgentProfile } from "../ports.ts";
import { describe } from "./describe.ts";
import { authorize } from "./identify.ts";
import { agentFor } from "./plan-members.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Call, ListReport, RunRow, TeamRow } from "./verbs.ts";
import type { World } from "./world.ts";

/** Declared teams, a broken file as a row of its own, and the live runs this process knows of. */
export async function listTeams(
  { fleet, teams, settingsOf }: VerbContext,
  call: Call,
  { scope }: { readonly scope: "project" | "user" | "all" },
): Promise<ListReport> {
  await authorize(fleet, "team_list", call);
  const files = (await teams.list(call)).filter((file) => scope === "all" || file.source === scope);
  const settings = settingsOf(call.directory);
  const agents = files.some((file) => "team" in file) ? await knownAgents(fleet.world, call) : undefined;
  const rows = files.map((file): TeamRow => {
    const { name, source, path } = file;
    if ("error" in file) return { name, source, path, error: file.error };
    const { description, members } = file.team.spec;
    const refused = members.flatMap((member) => {
      const served = agents && agentFor(member, settings, agents);
      return served && "error" in served ? [`${member.name}: ${served.error}`] : [];
    });
    return {
      name,
      source,
      path,
      members: members.map((member) => member.name),
      ...(refused.length === 0 ? {} : { refused }),
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

/** A list of teams is one also where the host does not say which agents there are. */
async function knownAgents(
  { host }: World,
  { directory }: Call,
): Promise<readonly AgentProfile[] | undefined> {
  try {
    return await host.agents(directory);
  } catch (fault) {
    if (!(fault instanceof FlotillaError)) throw fault;
    host.log("warn", "teams are listed without a look at their agents", { fault: describe(fault) });
    return undefined;
  }
}
