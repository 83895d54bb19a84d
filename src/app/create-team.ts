import type { TaskDraft } from "../core/commands.ts";
import type { RunId } from "../core/ids.ts";
import { memberOf, type RunState } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import type { ParsedTeam } from "../ports.ts";
import { authorize } from "./identify.ts";
import { type Muster, planMembers } from "./plan-members.ts";
import { worktreeReport } from "./report-worktrees.ts";
import { loadLeft } from "./task-books.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Call, CreateReport, CreateTeam, FirstTask, WaitReport } from "./verbs.ts";
import { waitForTeam } from "./wait-for-team.ts";

/** Every host call behind a spawn has its own, shorter deadline; this bounds the sum of them. */
const CREATION_DEADLINE_MS = 60_000;

/** Begins a run with the caller as its lead, or adds members to the run that the caller leads. */
export async function createTeam(context: VerbContext, call: Call, input: CreateTeam): Promise<CreateReport> {
  const { fleet } = context;
  const caller = await authorize(fleet, "team_create", call);
  const parsed = await describedTeam(context, call, input);
  const present = caller.role === "lead" ? caller.state : undefined;
  const runId = present?.runId ?? fleet.world.ids.fresh("run");
  const name = present ? (present.label ?? present.team.name) : (input.label ?? parsed.spec.name);
  const muster = await planMembers(context, call, parsed.spec, {
    runId,
    name,
    ...(present === undefined ? {} : { state: present }),
  });
  if (muster.plans.length === 0) throw nobodyLeft(muster);
  const { tasks: firstTasks, notes } = withoutAbsent(input.tasks ?? [], muster, present);
  const state = present
    ? await addMembers(context, present, muster, firstTasks)
    : await beginRun(context, call, runId, parsed, muster, { ...input, tasks: firstTasks });
  const { waitFor, timeoutMs } = input;
  const started = await spawned(context, call, runId);
  const waited =
    waitFor === undefined ? undefined : await waitForTeam(context, call, runId, waitFor, timeoutMs);
  const told = { ...parsed, notes: [...parsed.notes, ...notes] };
  const tasks = numbered(firstTasks, state);
  return report(fleet.index.state(runId) ?? started ?? state, muster, told, tasks, waited);
}

/** Tasks meant for members that cannot be had are nobody's: the others begin all the same. */
function withoutAbsent(
  tasks: readonly FirstTask[],
  { rejected }: Muster,
  present: RunState | undefined,
): { readonly tasks: readonly FirstTask[]; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const kept = tasks.map(({ owner, ...task }): FirstTask => {
    const isAbsent =
      rejected.some(({ name }) => name === owner) && !(present && memberOf(present, owner ?? ""));
    if (owner === undefined) return task;
    if (!isAbsent) return { ...task, owner };
    notes.push(`The task "${task.subject}" was for ${owner}, which cannot be had, and is nobody's.`);
    return task;
  });
  return { tasks: kept, notes };
}

async function describedTeam(context: VerbContext, call: Call, input: CreateTeam): Promise<ParsedTeam> {
  if (input.inlineSpec !== undefined) {
    if (input.teamName === undefined) return context.teams.parse(input.inlineSpec);
    throw new FlotillaError({
      code: "argument_invalid",
      message: `both teamName ("${input.teamName}") and inline_spec were given`,
      hint: "Give one: teamName for a declared team (team_list shows them), or inline_spec.",
    });
  }
  const files = await context.teams.list(call);
  const names = files.map((file) => file.name).join(", ") || "none";
  if (input.teamName === undefined) {
    throw new FlotillaError({
      code: "argument_invalid",
      message: `neither teamName nor inline_spec was given; declared teams: ${names}`,
      hint: 'Pass inline_spec, e.g. {"name":"explorers","members":[{"name":"scout","subagent_type":"general","prompt":"…"}]}.',
    });
  }
  const file = files.find((one) => one.name === input.teamName);
  if (!file) {
    throw new FlotillaError({
      code: "team_not_found",
      message: `no team "${input.teamName}" is declared; declared teams: ${names}`,
      hint: "Use a declared name, or pass inline_spec.",
      details: { teamName: input.teamName },
    });
  }
  if ("team" in file) return file.team;
  throw new FlotillaError({
    code: "spec_invalid",
    message: `team "${file.name}" cannot be used: ${file.error}`,
    hint: "Mend the file, or pass inline_spec.",
    details: { path: file.path },
  });
}

function nobodyLeft(muster: Muster): FlotillaError {
  const reasons = muster.rejected.map(({ name, error }) => `${name}: ${error}`);
  return new FlotillaError({
    code: "spec_invalid",
    message: `no member could be planned: ${reasons.join(" ")}`,
    hint: "Correct the members and call team_create again. Nothing was created.",
    details: { rejected: muster.rejected },
  });
}

async function beginRun(
  context: VerbContext,
  call: Call,
  runId: RunId,
  { spec, source }: ParsedTeam,
  { plans, sites, deniedToLead, rejected }: Muster,
  input: CreateTeam,
): Promise<RunState> {
  const { fleet, offers } = context;
  const { limits } = context.settingsOf(call.directory);
  return fleet.openRun({
    runId,
    team: {
      name: spec.name,
      source,
      allowMemberBroadcast: spec.allowMemberBroadcast,
      ...(spec.description === undefined ? {} : { description: spec.description }),
      ...(spec.leadPrompt === undefined ? {} : { leadPrompt: spec.leadPrompt }),
    },
    ...(input.label === undefined ? {} : { label: input.label }),
    limits,
    lead: {
      sessionId: call.sessionId,
      directory: call.directory,
      deniedTools: deniedToLead,
      toolsPending: !(await offers.isOffered(call.sessionId)),
    },
    members: plans,
    rejected,
    sites,
    tasks: drafts(input.tasks ?? []),
  });
}

async function addMembers(
  { fleet }: VerbContext,
  { runId }: RunState,
  { plans, sites, rejected }: Muster,
  tasks: readonly FirstTask[],
): Promise<RunState> {
  const added = await fleet.transact(runId, async (now) => ({
    type: "add_members",
    by: "lead",
    plans,
    rejected,
    sites,
    drafts: drafts(tasks),
    book: await loadLeft(
      fleet.world,
      now,
      plans.map(({ name }) => name),
    ),
  }));
  return added.state;
}

/** Positions count from 1 for a model, and from 0 in a decision. */
function drafts(tasks: readonly FirstTask[]): readonly TaskDraft[] {
  return tasks.map(({ blockedBy, ...task }) => ({
    ...task,
    blockedBy: [],
    blockedByDraft: blockedBy.map((position) => position - 1),
  }));
}

/** The tasks of the call by the numbers they got: the last ones given out by the commit that made them. */
function numbered(tasks: readonly FirstTask[], created: RunState): CreateReport["tasks"] {
  const before = created.tasks - tasks.length;
  return tasks.map(({ subject }, position) => ({ taskId: before + position + 1, subject }));
}

/** The first state in which every member has its answer; a run in which nobody got a session is a refusal. */
async function spawned({ fleet }: VerbContext, call: Call, runId: RunId): Promise<RunState | undefined> {
  let last: RunState | undefined;
  const state = await fleet.waiters.until(runId, CREATION_DEADLINE_MS, call.signal, async () => {
    const now = fleet.index.state(runId);
    // A run that failed is archived at once: what was last seen of it has the reasons.
    if (!now) return last;
    last = now;
    const starting = Object.values(now.members).some((member) => member.status === "starting");
    return starting || now.status === "creating" ? undefined : now;
  });
  if (state?.status !== "failed") return state;
  const reasons = Object.values(state.members).map(
    ({ plan, reason }) => `${plan.name}: ${reason ?? "unknown"}`,
  );
  throw new FlotillaError({
    code: "host_refused",
    message: `no member could be started: ${reasons.join("; ")}`,
    hint: "The run is closed again. Mend the cause and call team_create once more.",
    details: { runId },
  });
}

function report(
  state: RunState,
  muster: Muster,
  parsed: ParsedTeam,
  tasks: CreateReport["tasks"],
  waited: WaitReport | undefined,
): CreateReport {
  const planned = muster.plans.flatMap(({ name }) => memberOf(state, name) ?? []);
  return {
    runId: state.runId,
    status: state.status,
    members: [
      ...planned.map(({ plan, status, sessionId, reason, worktree }) => ({
        name: plan.name,
        agent: plan.agent,
        status,
        ...(sessionId === undefined ? {} : { sessionId }),
        ...worktreeReport(plan, worktree),
        ...(status === "failed" && reason !== undefined ? { error: reason } : {}),
      })),
      ...muster.rejected.map((one) => ({ ...one, status: "failed" as const })),
    ],
    tasks,
    notes: parsed.notes,
    toolsNextTurn: state.lead.toolsPending,
    ...(waited === undefined ? {} : { waited }),
  };
}
