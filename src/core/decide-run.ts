import { unrestOf, waysOut } from "./at-rest.ts";
import {
  alert,
  begin,
  type Change,
  type Decision,
  mail,
  patchMember,
  patchRun,
  seal,
  tell,
  wish,
} from "./change.ts";
import type { Command, Rejection, Sites, TaskDraft } from "./commands.ts";
import { addTasks, handOn, releaseOwned } from "./decide-tasks.ts";
import type { Wish } from "./effects.ts";
import { type Instant, LEAD, type RunId, SYSTEM } from "./ids.ts";
import { type Refusal, refuse } from "./refusal.ts";
import type { LeadSeat, Limits, Member, MemberPlan, RunState, TeamIdentity } from "./run.ts";
import { isLive, memberOf, runTable } from "./run.ts";
import { step } from "./table.ts";
import { NO_TASKS } from "./task.ts";
import { toolRules } from "./tool-rules.ts";
import { failedForGood, spawnFailed } from "./wording.ts";
import { type Site, standing, type WorktreeEnd } from "./worktree.ts";

type Outcome =
  | Change
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "unchanged" };

export interface RunPlan {
  readonly runId: RunId;
  readonly team: TeamIdentity;
  readonly label?: string;
  readonly limits: Limits;
  readonly lead: Pick<LeadSeat, "sessionId" | "directory" | "deniedTools" | "toolsPending">;
  readonly members: readonly MemberPlan[];
  readonly rejected?: readonly Rejection[];
  readonly sites?: Sites;
  readonly tasks: readonly TaskDraft[];
}

/** The first commit of a run: everything planned, nothing done yet. */
export function openRun(plan: RunPlan, now: Instant): Exclude<Decision, { kind: "unchanged" }> {
  const crowded = tooMany(plan.limits, 0, plan.members.length);
  if (crowded) return crowded;
  const nothing: RunState = {
    version: 1,
    revision: 0,
    runId: plan.runId,
    team: plan.team,
    ...(plan.label === undefined ? {} : { label: plan.label }),
    status: "creating",
    since: now,
    createdAt: now,
    limits: plan.limits,
    lead: { ...plan.lead, tasks: [], gates: [], heldByPerson: false },
    members: {},
    messages: 0,
    tasks: 0,
    taskCounts: NO_TASKS,
    spent: [],
    outbox: [],
  };
  let change = tell(begin(nothing), {
    event: "run_created",
    team: plan.team.name,
    label: plan.label,
    sessionId: plan.lead.sessionId,
  });
  change = wish(change, leadTools(nothing, "lead"));
  for (const member of plan.members) change = seat(change, member, plan.sites?.[member.name], now);
  change = tellRejected(change, plan.rejected);
  const planned = addTasks(change, LEAD, plan.tasks, new Map(), now);
  return "kind" in planned ? planned : seal(planned, now);
}

/** Adds members to a live run: new names, and names whose last generation has ended. */
export function addMembers(
  state: RunState,
  command: Extract<Command, { type: "add_members" }>,
  now: Instant,
): Outcome {
  const taken = command.plans.find((plan) => {
    const present = memberOf(state, plan.name);
    return present !== undefined && isLive(present);
  });
  if (taken) {
    return refuse(
      "member_exists",
      `member "${taken.name}" is in the run and ${memberOf(state, taken.name)?.status}`,
      "Choose another name, or shut that member down first.",
      { member: taken.name },
    );
  }
  const live = Object.values(state.members).filter(isLive).length;
  const crowded = tooMany(state.limits, live, command.plans.length);
  if (crowded) return crowded;
  const { sites = {}, drafts = [], book = new Map() } = command;
  let change = begin(state);
  for (const plan of command.plans) {
    const left = memberOf(state, plan.name)?.left ?? [];
    change = handOn(seat(change, plan, sites[plan.name], now), plan.name, left, book, now);
  }
  return addTasks(tellRejected(change, command.rejected), command.by, drafts, book, now);
}

/** They leave nothing else behind: whoever reads what happened would not know that they were wanted. */
function tellRejected(change: Change, rejected: readonly Rejection[] = []): Change {
  return rejected.reduce(
    (next, { name, agent, error }) =>
      tell(next, { event: "member_rejected", member: name, agent, reason: error }),
    change,
  );
}

/** A run has room for so many members at a time, those of its first call included. */
function tooMany({ maxMembers }: Limits, live: number, more: number): ReturnType<typeof refuse> | undefined {
  const wanted = live + more;
  if (wanted <= maxMembers) return undefined;
  const details = { live, wanted, limit: maxMembers };
  return live === 0
    ? refuse(
        "too_many_members",
        `${more} members are more than max_members = ${maxMembers}`,
        "Begin with fewer members and give each more to do, or ask the person to raise team_mode.max_members.",
        details,
      )
    : refuse(
        "too_many_members",
        `${live} members are live and ${more} more would exceed max_members = ${maxMembers}`,
        "Shut a member down first, or ask the person to raise max_members with `flotilla limit`.",
        details,
      );
}

/**
 * Gives a plan its seat and wants a session for it. A name that comes back is the next generation, and goes on in the
 * worktree that it has.
 */
function seat(change: Change, plan: MemberPlan, site: Site | undefined, now: Instant): Change {
  const former = memberOf(change.state, plan.name);
  const generation = (former?.generation ?? 0) + 1;
  const worktree = standing(former?.worktree) ?? (site && { ...site, made: false });
  const member: Member = {
    plan,
    generation,
    ...(worktree === undefined ? {} : { worktree }),
    status: "starting",
    since: now,
    gates: [],
    heldByPerson: false,
    shutdown: { status: "none", changedAt: now },
    // What a name has used stays the run's; turns are each generation's own.
    usage: { tokens: 0, cost: 0, ...former?.usage, turns: 0 },
    countedTo: now,
    tasks: [],
  };
  const seated = patchRun(change, {
    members: { ...change.state.members, [plan.name]: member },
    spent: change.state.spent.filter((key) => key !== `turns:${plan.name}`),
  });
  const { agent, model } = plan;
  return wish(tell(seated, { event: "member_added", member: plan.name, agent, model, generation }), {
    type: "open_session",
    member: plan.name,
    generation,
  });
}

/** A run that was being created is active as soon as nobody is left without an answer, or failed if nobody is left. */
export function settleCreation(change: Change, now: Instant): Change {
  const { state } = change;
  const members = Object.values(state.members);
  if (state.status !== "creating" || members.some((member) => member.status === "starting")) return change;
  const command = members.some(isLive) ? "activate" : "fail";
  const next = step(runTable, state.status, command);
  const moved = patchRun(change, { status: next.state, since: now });
  if (next.state === "active") return tell(moved, { event: "run_active" });
  return wish(tell(moved, { event: "run_failed" }), leadTools(state, "ordinary"), { type: "archive_run" });
}

export function noteSpawnFailed(
  state: RunState,
  command: Extract<Command, { type: "note_spawn_failed" }>,
  now: Instant,
): Outcome {
  const member = memberOf(state, command.member);
  if (!member || member.generation !== command.generation || member.status !== "starting") {
    return { kind: "unchanged" };
  }
  let change = patchMember(begin(dropSpawn(state, command)), command.member, (one) => ({
    ...(command.worktree === undefined ? one : withEnd(one, command.worktree)),
    status: "failed",
    reason: command.reason,
    since: now,
  }));
  const { generation, reason } = command;
  change = tell(change, { event: "member_failed", member: command.member, generation, reason });
  change = alert(change, "error", failedForGood(state.team.name, command.member, command.reason));
  change = releaseOwned(change, command.member, command.book, now);
  if (state.status !== "creating") {
    change = mail(change, {
      from: SYSTEM,
      to: LEAD,
      kind: "member_error",
      body: spawnFailed(command.member, command.reason),
    });
  }
  return settleCreation(change, now);
}

/** What became of a member's worktree is known. */
export function noteWorktreeEnded(
  state: RunState,
  { member: name, end }: Extract<Command, { type: "note_worktree_ended" }>,
): Outcome {
  const worktree = memberOf(state, name)?.worktree;
  // Looked at again after a crash, it is found as it was left.
  const known = worktree?.end?.outcome === end.outcome && worktree.end.reason === end.reason;
  if (!worktree || known) return { kind: "unchanged" };
  const change = patchMember(begin(state), name, (member) => withEnd(member, end));
  const { path, branch } = worktree;
  return tell(change, { event: `worktree_${end.outcome}`, member: name, path, branch, reason: end.reason });
}

function withEnd(member: Member, end: WorktreeEnd): Member {
  return member.worktree ? { ...member, worktree: { ...member.worktree, end } } : member;
}

/** Nobody waits for the session any more: the answer has come and is recorded by this commit, or the member has ended. */
export function dropSpawn(
  state: RunState,
  spawn: { readonly member: string; readonly generation: number },
): RunState {
  return {
    ...state,
    outbox: state.outbox.filter(
      (effect) =>
        !(
          effect.type === "open_session" &&
          effect.member === spawn.member &&
          effect.generation === spawn.generation
        ),
    ),
  };
}

/**
 * Ends a run. Gracefully only when no member has anything left to do; by force from every state. Members end first, in
 * this commit, so that whatever their sessions still do is late; sessions are stopped as deeds of it.
 */
export function closeRun(
  state: RunState,
  command: Extract<Command, { type: "close_run" }>,
  now: Instant,
): Outcome {
  const next = step(runTable, state.status, "close");
  if (next.outcome !== "moved") return { kind: "unchanged" };
  const unrest = unrestOf(state, command.unread);
  if (!command.force && (unrest.length > 0 || state.status === "creating")) {
    const list = unrest.map(({ member, standing }) => `${member} is ${standing}`).join("; ");
    return refuse(
      "run_busy",
      `run ${state.runId} cannot be closed gracefully: ${list === "" ? "it is still being created" : list}`,
      `${waysOut(unrest)} Or call team_delete with force: true, which stops members in the middle of their work.`.trimStart(),
      { busy: unrest.map(({ member }) => member) },
    );
  }
  let change = patchRun(begin(state), { status: next.state, reason: command.reason, since: now });
  change = tell(change, { event: "run_closing", force: command.force, reason: command.reason });
  for (const member of Object.values(state.members)) {
    if (member.sessionId !== undefined && isLive(member)) {
      change = wish(change, {
        type: "abort_session",
        sessionId: member.sessionId,
        directory: member.directory ?? state.lead.directory,
      });
    }
    if (isLive(member)) change = retire(change, member.plan.name, "run closed", now);
    if (standing(member.worktree)) {
      change = wish(change, { type: "remove_worktree", member: member.plan.name });
    }
  }
  return wish(change, leadTools(state, "ordinary"));
}

/** The owner goes: mail and sessions are nobody's to move until the next one comes. */
export function orphanRun(state: RunState, now: Instant): Outcome {
  const next = step(runTable, state.status, "orphan");
  if (next.outcome !== "moved") return { kind: "unchanged" };
  return tell(patchRun(begin(state), { status: next.state, since: now }), { event: "run_orphaned" });
}

/**
 * A new owner has come. A restart ends every person's Esc: whoever stopped a turn then is not there to let it go on, and
 * a host that goes down stops its turns in the same way.
 */
export function adoptRun(state: RunState, now: Instant): Outcome {
  const next = step(runTable, state.status, "adopt");
  const held = state.lead.heldByPerson || Object.values(state.members).some((member) => member.heldByPerson);
  if (next.state !== "active" || (next.outcome !== "moved" && !held)) return { kind: "unchanged" };
  const members = Object.fromEntries(
    Object.entries(state.members).map(([name, member]) => [name, { ...member, heldByPerson: false }]),
  );
  const lead = { ...state.lead, heldByPerson: false };
  const since = next.outcome === "moved" ? now : state.since;
  return tell(patchRun(begin(state), { status: next.state, since, lead, members }), {
    event: "run_adopted",
  });
}

export function finishRun(state: RunState, now: Instant): Outcome {
  const next = step(runTable, state.status, "finish");
  if (next.outcome !== "moved") return { kind: "unchanged" };
  const change = patchRun(begin(state), { status: next.state, since: now });
  const told = alert(tell(change, { event: "run_closed" }), "info", `${state.team.name}: the team has ended`);
  return wish(told, { type: "archive_run" });
}

/** Ends a generation for good. Its tasks are released by the caller, who has them at hand. */
export function retire(change: Change, name: string, reason: string, now: Instant): Change {
  const generation = memberOf(change.state, name)?.generation ?? 0;
  // One that is still starting needs no session any more.
  const unwanted = { ...change, state: dropSpawn(change.state, { member: name, generation }) };
  const ended = patchMember(unwanted, name, ({ turn: _turn, backoff: _backoff, ...member }) => ({
    ...member,
    status: "done",
    reason,
    since: now,
    gates: [],
    heldByPerson: false,
    shutdown:
      member.shutdown.status === "none" ? member.shutdown : { ...member.shutdown, status: "complete" },
  }));
  return tell(ended, { event: "member_done", member: name, generation, reason });
}

/** Offers the lead's session the tools of a lead, or of an ordinary session again. */
function leadTools({ lead }: RunState, role: "lead" | "ordinary"): Wish {
  return { type: "add_rules", sessionId: lead.sessionId, rules: toolRules(role, lead.deniedTools) };
}
