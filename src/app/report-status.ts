import { LEAD, type Participant, type RunId } from "../core/ids.ts";
import { usedOf } from "../core/policy.ts";
import type { Limits, Member, MemberStatus, ModelChoice, RunState } from "../core/run.ts";
import { stillTrying } from "../core/wording.ts";
import { authorizeParticipant } from "./identify.ts";
import { countTasks, taskRows } from "./read-tasks.ts";
import { holdingsReport, worktreeReport } from "./report-worktrees.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Call, MailReport, MemberReport, StatusReport, TaskRow, WaitFor } from "./verbs.ts";
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
  const members = await Promise.all(
    Object.values(state.members).map((member) => memberReport(context, state, member)),
  );
  const tasks = await taskRows(fleet.world, state);
  const leadMail = await mailReport(context, runId, LEAD);
  const stuck = stuckReason(state, members, tasks, leadMail.unread);
  return {
    runId,
    team: state.team.name,
    ...(state.label === undefined ? {} : { label: state.label }),
    status: state.status,
    activity: activityOf(members.map((member) => member.status)),
    attention: members.filter((member) => ATTENTION.has(member.status)).map((member) => member.name),
    you: caller.participant,
    lead: { sessionId: state.lead.sessionId, ...leadMail },
    members,
    tasks: { ...countTasks(tasks), ready: tasks.filter((row) => row.ready).map((row) => row.taskId) },
    budgets: budgetsOf(state, fleet.world.clock.now()),
    spent: state.spent,
    shutdowns: shutdownsOf(state),
    ...(stuck === undefined ? {} : { stuck }),
    ...(waited === undefined ? {} : { waited }),
  };
}

async function memberReport(context: VerbContext, state: RunState, member: Member): Promise<MemberReport> {
  const { plan, status, reason, since, sessionId, worktree, usage, tasks, shutdown } = member;
  return {
    name: plan.name,
    status,
    ...(reason === undefined ? {} : { reason }),
    since,
    agent: plan.agent,
    ...(plan.model === undefined ? {} : { model: modelName(plan.model) }),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...worktreeReport(plan, worktree),
    ...(await holdingsReport(context.fleet.world, state, worktree)),
    ...(await mailReport(context, state.runId, plan.name)),
    ...usage,
    tasks,
    ...(shutdown.status === "none" ? {} : { shutdown: shutdown.status }),
  };
}

async function mailReport(
  { fleet }: VerbContext,
  runId: RunId,
  participant: Participant,
): Promise<MailReport> {
  const { mailbox } = fleet.world;
  const { hold, trouble } = fleet.courier(runId)?.standing.report(participant) ?? {};
  const dead = await mailbox.deadCount(runId, participant);
  return {
    unread: await mailbox.unreadCount(runId, participant),
    ...(hold === undefined ? {} : { hold }),
    ...(trouble === undefined ? {} : { trouble: stillTrying(trouble.attempts, trouble.error) }),
    ...(dead === 0 ? {} : { dead }),
  };
}

function modelName({ providerId, modelId, variant }: ModelChoice): string {
  return `${providerId}/${modelId}${variant === undefined ? "" : ` (${variant})`}`;
}

/** Members in these states change nothing for the glance; they are counted as wanting attention. */
const ATTENTION: ReadonlySet<MemberStatus> = new Set<MemberStatus>(["failed", "lost", "interrupted"]);
const GLANCE: readonly MemberStatus[] = ["needs_approval", "working", "starting", "waiting", "done"];

/** The highest of the members' statuses; `waiting` when only members remain that want attention. */
function activityOf(statuses: readonly MemberStatus[]): MemberStatus {
  return GLANCE.find((status) => statuses.includes(status)) ?? "waiting";
}

/** Budgets as a model is told of them; turns are of the member that has had most. */
const BUDGETS: readonly (readonly [name: string, limit: keyof Limits])[] = [
  ["members", "maxMembers"],
  ["parallel", "maxParallelMembers"],
  ["messages", "maxMessages"],
  ["minutes", "maxWallClockMs"],
  ["memberTurns", "maxMemberTurns"],
  ["tokens", "maxTokens"],
  ["cost", "maxCost"],
];

function budgetsOf(state: RunState, now: number): StatusReport["budgets"] {
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

/** Why nothing moves, when members and mail are at rest and work is left; undefined while anything still moves. */
function stuckReason(
  state: RunState,
  members: readonly MemberReport[],
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
    return held.map((one) => `${one.name} has ${one.unread} unread, held by ${one.hold}`).join("; ");
  const open = tasks.filter((task) => task.status !== "completed" && task.status !== "deleted");
  if (open.length === 0) return undefined;
  return `nobody works and ${open.length} tasks are open: ${open.slice(0, 5).map(openTask).join("; ")}`;
}

function openTask({ taskId, status, owner, blockedBy, ready }: TaskRow): string {
  if (ready) return `#${taskId} is ready${owner === undefined ? " and nobody's" : ` for ${owner}`}`;
  if (blockedBy.length > 0) return `#${taskId} waits for ${blockedBy.map((one) => `#${one}`).join(", ")}`;
  return `#${taskId} is ${status}${owner === undefined ? "" : ` by ${owner}`}`;
}
