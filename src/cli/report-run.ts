import type { ModelChoice } from "../core/run.ts";
import { countTasks, leadStanding, memberStandings } from "./run-facts.ts";
import type { RunView, World } from "./world.ts";

/** A run for programs. Instants are epoch milliseconds; what is not known is left out. */
export function reportRun(world: World, view: RunView): object {
  const { state, owner, unread } = view;
  const { runId, team, label, status, reason, since, createdAt, lead, messages, spent } = state;
  return {
    runId,
    team: team.name,
    label,
    status,
    reason,
    since,
    createdAt,
    owner: owner ?? null,
    lead: {
      ...leadStanding(world, view),
      sessionId: lead.sessionId,
      directory: lead.directory,
      unread: unread["lead"] ?? 0,
    },
    members: memberStandings(world, view).map(({ member, standing }) => ({
      name: member.plan.name,
      ...standing,
      agent: member.plan.agent,
      model: member.plan.model && modelName(member.plan.model),
      sessionId: member.sessionId,
      directory: member.directory,
      unread: unread[member.plan.name] ?? 0,
      ...member.usage,
      tasks: member.tasks,
    })),
    tasks: countTasks(view),
    messages,
    spent,
  };
}

function modelName({ providerId, modelId, variant }: ModelChoice): string {
  return `${providerId}/${modelId}${variant === undefined ? "" : ` (${variant})`}`;
}
