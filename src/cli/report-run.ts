import type { ModelChoice } from "../core/run.ts";
import { countTasks, standingOf } from "./run-facts.ts";
import type { RunView } from "./world.ts";

/** A run for programs. Instants are epoch milliseconds; what is not known is left out. */
export function reportRun(view: RunView): object {
  const { state, owner, unread } = view;
  const { runId, team, label, status, reason, since, createdAt, lead, members, messages, spent } = state;
  return {
    runId,
    team: team.name,
    label,
    status,
    reason,
    since,
    createdAt,
    owner: owner ?? null,
    lead: { sessionId: lead.sessionId, directory: lead.directory, unread: unread["lead"] ?? 0 },
    members: Object.values(members).map((member) => ({
      name: member.plan.name,
      ...standingOf(view, member),
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
