import { glanceOf, goesOn, wantsAttention } from "../core/glance.ts";
import { type Instant, LEAD, type Participant, type SessionId } from "../core/ids.ts";
import { timeIsUpAt, usedOf } from "../core/policy.ts";
import { type Limits, type RunState, taskCountsOf } from "../core/run.ts";
import {
  type MailSurvey,
  type ParticipantSurvey,
  type Pulse,
  type RunSurvey,
  surveyLead,
  surveyMember,
} from "../core/survey.ts";
import { openTasks } from "../core/wording.ts";
import type { Fleet } from "./fleet.ts";
import type { TaskRow } from "./verbs.ts";

/**
 * How the run stands now, from its last commit and from what this process sees of it.
 *
 * @param rows every task of the run, where it is worth that to know which of them wait for what.
 */
export async function surveyRun(
  fleet: Fleet,
  state: RunState,
  rows: readonly TaskRow[] = [],
): Promise<RunSurvey> {
  const { runId, team, label, lead, createdAt, status: runStatus, spent } = state;
  const members = await Promise.all(
    Object.values(state.members).map(async (member) => {
      const { name } = member.plan;
      const pulse = pulseOf(fleet, state, name, member.sessionId);
      return surveyMember(state, member, pulse, await surveyMail(fleet, state, name));
    }),
  );
  const leadMail = await surveyMail(fleet, state, LEAD);
  const stuck = stuckReason(state, members, rows, leadMail.unread);
  const glance = glanceOf(members.map(({ status }) => status));
  const isStale = runStatus === "orphaned" && goesOn(glance.status);
  return {
    runId,
    team: team.name,
    ...(label === undefined ? {} : { label }),
    directory: lead.directory,
    createdAt,
    runStatus,
    ...glance,
    ...(isStale ? { reason: "stale" } : {}),
    since: sinceOf(glance.status, members, state.since),
    attention: members.filter(({ status }) => wantsAttention(status)).map(({ participant }) => participant),
    lead: surveyLead(state, pulseOf(fleet, state, LEAD, lead.sessionId), leadMail),
    members,
    tasks: taskCountsOf(state),
    budgets: budgetsOf(state, fleet.world.clock.now()),
    endsAt: timeIsUpAt(state),
    spent,
    ...(stuck === undefined ? {} : { stuck }),
  };
}

async function surveyMail(fleet: Fleet, { runId }: RunState, participant: Participant): Promise<MailSurvey> {
  const { mailbox } = fleet.world;
  const { hold, trouble } = fleet.courier(runId)?.standing.report(participant) ?? {};
  const dead = await mailbox.deadCount(runId, participant);
  return {
    unread: await mailbox.unreadCount(runId, participant),
    ...(hold === undefined ? {} : { hold }),
    ...(trouble === undefined ? {} : { attempts: trouble.attempts }),
    ...(dead === 0 ? {} : { dead }),
  };
}

function pulseOf(
  fleet: Fleet,
  { runId }: RunState,
  participant: Participant,
  sessionId: SessionId | undefined,
): Pulse {
  const watch = sessionId === undefined ? undefined : fleet.watch(sessionId);
  const postedSince = fleet.courier(runId)?.standing.report(participant).postedSince;
  const pane = fleet.panes.report(runId, participant, sessionId);
  const { tool, retry, lastActivityAt, hasSubagentAtWork = false } = watch?.pulse ?? {};
  return {
    ...(tool === undefined ? {} : { tool }),
    ...(retry === undefined ? {} : { retry }),
    ...(lastActivityAt === undefined ? {} : { lastActivityAt }),
    ...(postedSince === undefined ? {} : { wakingSince: postedSince }),
    ...(pane === undefined ? {} : { pane }),
    hasSubagentAtWork,
    abandoned: watch?.abandoned ?? false,
  };
}

/** Since when the first of those that make the run's status do so; nothing works since the last one stopped. */
function sinceOf(
  status: RunSurvey["status"],
  members: readonly ParticipantSurvey[],
  otherwise: Instant,
): Instant {
  const same = members.filter((member) => member.status === status).map(({ since }) => since);
  if (goesOn(status)) return same.length === 0 ? otherwise : Math.min(...same);
  return Math.max(otherwise, ...members.map(({ since }) => since));
}

const BUDGETS: readonly (readonly [name: string, limit: keyof Limits])[] = [
  ["members", "maxMembers"],
  ["parallel", "maxParallelMembers"],
  ["messages", "maxMessages"],
  ["minutes", "maxWallClockMs"],
  ["memberTurns", "maxMemberTurns"],
  ["tokens", "maxTokens"],
  ["cost", "maxCost"],
];

/** As they are shown: the time in minutes, money to a hundredth of a cent. */
function budgetsOf(state: RunState, now: Instant): RunSurvey["budgets"] {
  const usage = usedOf(state, now);
  const said = (key: keyof Limits, amount: number): number =>
    key === "maxWallClockMs" ? Math.floor(amount / 60_000) : Number(amount.toFixed(4));
  return Object.fromEntries(
    BUDGETS.flatMap(([name, key]) => {
      const amount = state.limits[key];
      if (amount === undefined) return [];
      const [used, limit] = [said(key, usage[key] ?? 0), said(key, amount)];
      return [[name, { used, limit, left: Math.max(0, Number((limit - used).toFixed(4))) }]];
    }),
  );
}

/** Why nothing moves, when members and mail are at rest and work is left; undefined while anything still moves. */
function stuckReason(
  state: RunState,
  members: readonly ParticipantSurvey[],
  tasks: readonly TaskRow[],
  leadUnread: number,
): string | undefined {
  const moving = members.some(
    ({ status, unread, hold }) =>
      status === "working" || status === "starting" || (unread > 0 && hold === undefined),
  );
  if (state.status !== "active" || moving || (leadUnread > 0 && !state.lead.heldByPerson)) return undefined;
  const held = members.filter((member) => member.hold !== undefined && member.unread > 0);
  if (held.length > 0)
    return held.map((one) => `${one.participant} has ${one.unread} unread, held by ${one.hold}`).join("; ");
  const open = tasks.filter((task) => task.status !== "completed" && task.status !== "deleted");
  if (open.length === 0) return undefined;
  return `nobody works and ${openTasks(open.length)}: ${open.slice(0, 5).map(openTask).join("; ")}`;
}

function openTask({ taskId, status, owner, blockedBy, ready }: TaskRow): string {
  if (ready) return `#${taskId} is ready${owner === undefined ? " and nobody's" : ` for ${owner}`}`;
  if (blockedBy.length > 0) return `#${taskId} waits for ${blockedBy.map((one) => `#${one}`).join(", ")}`;
  return `#${taskId} is ${status}${owner === undefined ? "" : ` by ${owner}`}`;
}
