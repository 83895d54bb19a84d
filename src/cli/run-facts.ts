import type { Instant } from "../core/ids.ts";
import type { Member, MemberStatus } from "../core/run.ts";
import type { ParticipantSurvey, RunningTool } from "../core/survey.ts";
import type { TaskStatus } from "../core/task.ts";
import { timeOfDay } from "./time.ts";
import type { RunView, World } from "./world.ts";

/** What follows from a run's files and does not stand in one of them. */

export function countTasks({ tasks }: RunView): Readonly<Record<TaskStatus, number>> {
  const counts = { pending: 0, claimed: 0, in_progress: 0, completed: 0, deleted: 0 };
  for (const task of tasks) counts[task.status] += 1;
  return counts;
}

/** How a participant stands for a reader. */
export interface Standing {
  readonly status: MemberStatus;
  readonly since: Instant;
  readonly reason?: string;
  readonly tool?: RunningTool;
}

/** A member with how it stands, in the order in which they joined. */
export interface MemberStanding {
  readonly member: Member;
  readonly standing: Standing;
}

export function leadStanding({ surveyOf }: World, view: RunView): Standing {
  return standingOf(view, surveyOf(view).lead);
}

export function memberStandings({ surveyOf }: World, view: RunView): readonly MemberStanding[] {
  const { members } = surveyOf(view);
  return Object.values(view.state.members).flatMap((member) => {
    const survey = members.find(({ participant }) => participant === member.plan.name);
    return survey ? [{ member, standing: standingOf(view, survey, member) }] : [];
  });
}

/** What a process kept up ended with it, whatever the files say; after one that ended in good order the word is from before. */
function standingOf(
  { owner }: RunView,
  { status, reason, since, tool, retry, hold, shutdown }: ParticipantSurvey,
  committed?: Member,
): Standing {
  const isMoving = GOES_ON.has(status);
  const isLost = isMoving && owner?.alive === false;
  const inFull = status === committed?.status ? committed.reason : undefined;
  // Those two are said beside it, with what belongs to them.
  const inShort = reason === hold || reason === "retry" ? undefined : reason?.replaceAll("_", " ");
  const all = [
    ...(isLost ? [`was ${status.replace("_", " ")}`] : []),
    ...(isMoving && !owner ? ["stale"] : []),
    ...(retry ? [`the provider failed ${retry.attempt} times, next at ${timeOfDay(retry.nextAt)}`] : []),
    ...(inFull === undefined ? [] : [inFull]),
    ...(inFull === undefined && inShort !== undefined ? [inShort] : []),
    ...(hold === undefined ? [] : [`mail held: ${hold.replaceAll("_", " ")}`]),
    ...(shutdown === undefined ? [] : [`shutdown ${shutdown}`]),
  ];
  return {
    status: isLost ? "lost" : status,
    since,
    ...(all.length === 0 ? {} : { reason: [...new Set(all)].join(", ") }),
    ...(tool === undefined ? {} : { tool }),
  };
}

const GOES_ON: ReadonlySet<MemberStatus> = new Set<MemberStatus>(["starting", "working", "needs_approval"]);
