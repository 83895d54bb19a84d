import type { Participant, TaskId } from "../core/ids.ts";
import type { RunState } from "../core/run.ts";
import { sayRemains } from "../core/subagent-wording.ts";
import type { NamedSubagent } from "../core/subagents.ts";
import type { ParticipantSurvey } from "../core/survey.ts";
import type { Task } from "../core/task.ts";
import type { InterruptedMember, SubagentRow } from "./verbs.ts";
import type { World } from "./world.ts";

/** Members whose turn was cut off, each with the work that it has in hand. Mail wakes them; nothing else does. */
export async function interruptedMembers(
  world: World,
  state: RunState,
  members: readonly ParticipantSurvey[],
): Promise<readonly InterruptedMember[]> {
  const interrupted = members.filter(({ status }) => status === "interrupted");
  if (interrupted.length === 0) return [];
  const all = await world.tasks.list(state.runId);
  return interrupted.map(({ participant, tasks, unread }) => {
    const last = lastTaskOf(all, participant, tasks);
    return {
      member: participant,
      ...(last ? { lastTask: { taskId: last.taskId, subject: last.subject, status: last.status } } : {}),
      tasks,
      unread,
    };
  });
}

/** What it has in hand before what it has finished, of either the newest. */
function lastTaskOf(all: readonly Task[], member: Participant, inHand: readonly TaskId[]): Task | undefined {
  const own = all.filter(({ owner }) => owner === member);
  const open = own.filter(({ taskId }) => inHand.includes(taskId));
  return (open.length > 0 ? open : own).toSorted((one, other) => other.changedAt - one.changedAt)[0];
}

export function subagentRow({
  name,
  sessionId,
  agent,
  label,
  status,
  ending,
  remains,
}: NamedSubagent): SubagentRow {
  return {
    ...{ name, sessionId, agent, label, status },
    ...(ending === undefined ? {} : { ending }),
    ...(remains === undefined ? {} : { found: sayRemains(remains) }),
  };
}
