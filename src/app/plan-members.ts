import type { Rejection, Sites } from "../core/commands.ts";
import { judgeAgent } from "../core/eligibility.ts";
import type { RunId } from "../core/ids.ts";
import { type ModelProfile, modelFault } from "../core/model-choice.ts";
import { deniedTools, memberRules } from "../core/permission-rules.ts";
import {
  isLive,
  type MemberPlan,
  type ModelChoice,
  memberOf,
  type PermissionRule,
  type RunState,
} from "../core/run.ts";
import type { MemberSpec, TeamSpec } from "../core/spec.ts";
import type { ToolName } from "../core/tool-names.ts";
import { branchFor, type Site, standing } from "../core/worktree.ts";
import { FlotillaError } from "../errors.ts";
import type { AgentProfile, Category, Settings } from "../ports.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Call } from "./verbs.ts";

/** A team's members, each either planned or with the reason why it cannot be. */
export interface Muster {
  /** Tools of ours that the lead's own agent is denied. */
  readonly deniedToLead: readonly ToolName[];
  readonly plans: readonly MemberPlan[];
  /** Where new worktrees are to be; a name that has one already goes on in it. */
  readonly sites: Sites;
  readonly rejected: readonly Rejection[];
}

/** The run that the members are for, which may not have begun. */
export interface Enlistment {
  readonly runId: RunId;
  /** What its branches are named after. */
  readonly name: string;
  readonly state?: RunState;
}

/** Resolves what a spec leaves to the host, to the configuration and to git: agents, categories, permissions, worktrees. */
export async function planMembers(
  context: VerbContext,
  call: Call,
  spec: TeamSpec,
  run: Enlistment,
): Promise<Muster> {
  const { host } = context.fleet.world;
  const settings = context.settingsOf(call.directory);
  const agents = await host.agents(call.directory);
  const lead = await leadStyle(context, call, agents);
  let models: Promise<readonly ModelProfile[]> | undefined;
  const plans: MemberPlan[] = [];
  const sites: Record<string, Site> = {};
  const rejected: Rejection[] = [];
  for (const member of spec.members) {
    const planned = nameTaken(member, run) ?? planMember(member, settings, agents, lead);
    const outcome = "error" in planned ? planned : await withModel(planned);
    const site = "error" in outcome ? undefined : await planSite(context, call, member, run, sites);
    if ("error" in outcome) rejected.push({ name: member.name, ...outcome });
    else if (site && "error" in site) rejected.push({ name: member.name, agent: outcome.agent, ...site });
    else plans.push(outcome);
    if (site && !("error" in site)) sites[member.name] = site;
  }
  return { plans, sites, rejected, deniedToLead: deniedTools(lead.agent) };

  /** A pinned model is asked for, and one that is not is the lead's, as it would be for a subagent. */
  async function withModel(plan: MemberPlan): Promise<MemberPlan | Reason> {
    const { model, agent } = plan;
    if (model === undefined) return lead.model === undefined ? plan : { ...plan, model: lead.model };
    models ??= host.models(call.directory);
    const error = modelFault(model, await models);
    return error === undefined ? plan : { agent, error };
  }
}

/** Why a member cannot be planned. */
export type Reason = Omit<Rejection, "name">;

/** A name that lives is not given twice; the others of the call are not held up by it. */
function nameTaken({ name, agent = "" }: MemberSpec, { runId, state }: Enlistment): Reason | undefined {
  const present = state && memberOf(state, name);
  if (!present || !isLive(present)) return undefined;
  return {
    agent,
    error: `"${name}" is in run ${runId}, which you lead, and ${present.status}. Choose another name, or shut that member down first; for a run beside it, end it with team_delete.`,
  };
}

/** Names for the member's worktree, if it needs a new one; one that cannot be had is the member's fault alone. */
async function planSite(
  { fleet }: VerbContext,
  { directory }: Call,
  { name, worktree }: MemberSpec,
  { runId, name: runName, state }: Enlistment,
  taken: Sites,
): Promise<Site | { readonly error: string } | undefined> {
  if (worktree === false || standing(state && memberOf(state, name)?.worktree)) return undefined;
  try {
    const site = await fleet.world.worktrees.plan({
      runId,
      member: name,
      directory,
      branch: branchFor(runName, name),
      ...(worktree === true ? {} : { path: worktree }),
    });
    const other = Object.keys(taken).find((one) => taken[one]?.path === site.path);
    if (other === undefined) return site;
    return {
      error: `${site.path} is to be the worktree of ${other} already. Give each a path of its own, or true.`,
    };
  } catch (fault) {
    if (!(fault instanceof FlotillaError)) throw fault;
    return { error: fault.said().message };
  }
}

/** What the lead runs under at this moment; rules in the host's order: its agent's, then its session's. */
interface LeadStyle {
  readonly agent: readonly PermissionRule[];
  readonly session: readonly PermissionRule[];
  /** Without its variant, which the person has chosen for the lead's own work. */
  readonly model?: ModelChoice;
}

async function leadStyle(
  { fleet }: VerbContext,
  call: Call,
  agents: readonly AgentProfile[],
): Promise<LeadStyle> {
  const { host } = fleet.world;
  const [style, session] = await Promise.all([
    host.promptStyle(call.sessionId),
    host.session(call.sessionId),
  ]);
  const agent = agents.find((one) => one.name === (style?.agent ?? session?.agent));
  const { providerId, modelId } = style?.model ?? {};
  return {
    agent: agent?.rules ?? [],
    session: session?.rules ?? [],
    ...(providerId === undefined || modelId === undefined ? {} : { model: { providerId, modelId } }),
  };
}

/** The agent that is to serve a member, with its category if it has one; or why it cannot. */
export function agentFor(
  { agent, category: named }: MemberSpec,
  { categories, agentEligibility }: Settings,
  agents: readonly AgentProfile[],
): { readonly agent: AgentProfile; readonly category?: Category } | Reason {
  const category = named === undefined || !Object.hasOwn(categories, named) ? undefined : categories[named];
  const wanted = category?.agent ?? agent;
  if (wanted === undefined) {
    const known = Object.keys(categories).join(", ") || "none are configured";
    return { agent: "", error: `category "${named}" is not in team_mode.categories (${known}).` };
  }
  const verdict = judgeAgent(wanted, agents, agentEligibility);
  if (verdict.kind === "refused") return { agent: wanted, error: `${verdict.reason} ${verdict.wayOut}` };
  return { agent: verdict.agent, ...(category === undefined ? {} : { category }) };
}

function planMember(
  member: MemberSpec,
  settings: Settings,
  agents: readonly AgentProfile[],
  lead: LeadStyle,
): MemberPlan | Reason {
  const served = agentFor(member, settings, agents);
  if ("error" in served) return served;
  const { agent, category } = served;
  const model = member.model ?? category?.model ?? agent.model;
  const prompt = [category?.prompt, member.prompt].filter((part) => part !== undefined).join("\n\n");
  return {
    name: member.name,
    kind: member.kind,
    agent: agent.name,
    ...(member.category === undefined ? {} : { category: member.category }),
    ...(model === undefined ? {} : { model }),
    ...(prompt === "" ? {} : { prompt }),
    worktree: member.worktree,
    // No member ever has more than its lead.
    rules: memberRules({ lead: [...lead.agent, ...lead.session], agent: agent.rules }),
  };
}
