import { LEAD } from "../core/ids.ts";
import { type Member, memberOf, type RunState } from "../core/run.ts";
import type { ParticipantSurvey } from "../core/survey.ts";
import { stillTrying } from "../core/wording.ts";
import { authorizeParticipant } from "./identify.ts";
import { taskRows } from "./read-tasks.ts";
import { interruptedMembers, subagentRow } from "./report-interrupted.ts";
import { holdingsReport, worktreeReport } from "./report-worktrees.ts";
import { surveyRun } from "./survey.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Call, MailReport, MemberReport, StatusReport, WaitFor } from "./verbs.ts";
import { waitForTeam } from "./wait-for-team.ts";

/** How the run stands, after the wait that was asked for. */
export async function reportStatus(
  context: VerbContext,
  call: Call,
  input: { readonly waitFor?: WaitFor; readonly timeoutMs: number },
): Promise<StatusReport> {
  const { fleet } = context;
  const caller = await authorizeParticipant(fleet, "team_status", call);
  const { runId } = caller.state;
  const { waitFor, timeoutMs } = input;
  const waited =
    waitFor === undefined ? undefined : await waitForTeam(context, call, runId, waitFor, timeoutMs);
  const state = fleet.index.state(runId) ?? caller.state;
  const rows = await taskRows(fleet.world, state);
  const survey = await surveyRun(fleet, state, rows);
  const { team, label, status: activity, attention, lead, tasks, budgets, spent, stuck } = survey;
  return {
    runId,
    team,
    ...(label === undefined ? {} : { label }),
    status: state.status,
    activity,
    attention,
    you: caller.participant,
    lead: { sessionId: state.lead.sessionId, ...mailReport(context, state, lead) },
    members: await Promise.all(
      survey.members.flatMap((one) => {
        const member = memberOf(state, one.participant);
        return member ? [memberReport(context, state, member, one)] : [];
      }),
    ),
    tasks: { ...tasks, ready: rows.filter((row) => row.ready).map((row) => row.taskId) },
    budgets,
    spent,
    shutdowns: shutdownsOf(state),
    interrupted:
      caller.participant === LEAD ? await interruptedMembers(fleet.world, state, survey.members) : [],
    subagents: (await context.subagentsOf(call.sessionId)).map(subagentRow),
    ...(stuck === undefined ? {} : { stuck }),
    ...(waited === undefined ? {} : { waited }),
  };
}

/** What the survey says of a member, and what is for the team's own eyes: why in full, and what its worktree holds. */
async function memberReport(
  context: VerbContext,
  state: RunState,
  { plan, status: noted, reason: told, worktree, shutdown }: Member,
  survey: ParticipantSurvey,
): Promise<MemberReport> {
  const { participant: name, status, since, model, sessionId, pane, turns, tokens, cost, tasks } = survey;
  const inFull = status === noted ? told : undefined;
  // What holds mail stands beside the mail.
  const reason = inFull ?? (survey.reason === survey.hold ? undefined : survey.reason);
  return {
    name,
    status,
    ...(reason === undefined ? {} : { reason }),
    since,
    agent: plan.agent,
    ...(model === undefined ? {} : { model }),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...worktreeReport(plan, worktree),
    ...(pane === undefined ? {} : { pane }),
    ...(await holdingsReport(context.fleet.world, state, worktree)),
    ...mailReport(context, state, survey),
    turns,
    tokens,
    cost,
    tasks,
    ...(shutdown.status === "none" ? {} : { shutdown: shutdown.status }),
  };
}

function mailReport(
  { fleet }: VerbContext,
  { runId }: RunState,
  { participant, unread, hold, dead }: ParticipantSurvey,
): MailReport {
  const trouble = fleet.courier(runId)?.standing.report(participant).trouble;
  return {
    unread,
    ...(hold === undefined ? {} : { hold }),
    ...(trouble === undefined ? {} : { trouble: stillTrying(trouble.attempts, trouble.error) }),
    ...(dead === undefined ? {} : { dead }),
  };
}

function shutdownsOf(state: RunState): StatusReport["shutdowns"] {
  return Object.values(state.members).flatMap(({ plan, shutdown: { status, requestedBy, reason } }) =>
    status === "requested" || status === "approved"
      ? [
          {
            member: plan.name,
            status,
            ...(requestedBy === undefined ? {} : { requestedBy }),
            ...(reason === undefined ? {} : { reason }),
          },
        ]
      : [],
  );
}
