import { judgeAgent } from "../core/eligibility.ts";
import { deniedTools, memberRules } from "../core/permission-rules.ts";
import type { MemberPlan, PermissionRule } from "../core/run.ts";
import type { MemberSpec, TeamSpec } from "../core/spec.ts";
import type { ToolName } from "../core/tool-names.ts";
import type { AgentProfile, Settings } from "../ports.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Call } from "./verbs.ts";

/** A team's members, each either planned or with the reason why it cannot be. */
export interface Muster {
  /** Tools of ours that the lead's own agent is denied. */
  readonly deniedToLead: readonly ToolName[];
  readonly plans: readonly MemberPlan[];
  readonly rejected: readonly { readonly name: string; readonly agent: string; readonly error: string }[];
}

/** Resolves what a spec leaves to the host and the configuration: agents, categories, permissions. */
export async function planMembers(context: VerbContext, call: Call, spec: TeamSpec): Promise<Muster> {
  const { host } = context.fleet.world;
  const settings = context.settingsOf(call.directory);
  const agents = await host.agents(call.directory);
  const lead = await leadRules(context, call, agents);
  const plans: MemberPlan[] = [];
  const rejected: { name: string; agent: string; error: string }[] = [];
  for (const member of spec.members) {
    const outcome = planMember(member, settings, agents, lead);
    if ("error" in outcome) rejected.push({ name: member.name, ...outcome });
    else plans.push(outcome);
  }
  return { plans, rejected, deniedToLead: deniedTools(lead.agent) };
}

/** What binds the lead at this moment, in the host's order: its agent's rules, then its session's. */
interface LeadRules {
  readonly agent: readonly PermissionRule[];
  readonly session: readonly PermissionRule[];
}

async function leadRules(
  { fleet }: VerbContext,
  call: Call,
  agents: readonly AgentProfile[],
): Promise<LeadRules> {
  const { host } = fleet.world;
  const [style, session] = await Promise.all([
    host.promptStyle(call.sessionId),
    host.session(call.sessionId),
  ]);
  const agent = agents.find((one) => one.name === (style?.agent ?? session?.agent));
  return { agent: agent?.rules ?? [], session: session?.rules ?? [] };
}

function planMember(
  member: MemberSpec,
  settings: Settings,
  agents: readonly AgentProfile[],
  lead: LeadRules,
): MemberPlan | { readonly agent: string; readonly error: string } {
  const category = member.category === undefined ? undefined : settings.categories[member.category];
  const wanted = category?.agent ?? member.agent;
  if (wanted === undefined) {
    const known = Object.keys(settings.categories);
    return {
      agent: "",
      error: `category "${member.category}" is not in team_mode.categories (${known.join(", ") || "none are configured"})`,
    };
  }
  const verdict = judgeAgent(wanted, agents, settings.agentEligibility);
  if (verdict.kind === "refused") return { agent: wanted, error: `${verdict.reason} ${verdict.wayOut}` };
  if (member.worktree !== false) {
    return {
      agent: wanted,
      error:
        "worktrees for members are not supported yet. Leave worktree out: the member then works in the lead's directory.",
    };
  }
  const model = member.model ?? category?.model ?? verdict.agent.model;
  const prompt = [category?.prompt, member.prompt].filter((part) => part !== undefined).join("\n\n");
  return {
    name: member.name,
    kind: member.kind,
    agent: wanted,
    ...(member.category === undefined ? {} : { category: member.category }),
    ...(model === undefined ? {} : { model }),
    ...(prompt === "" ? {} : { prompt }),
    worktree: member.worktree,
    // No member ever has more than its lead.
    rules: memberRules({ lead: [...lead.agent, ...lead.session], agent: verdict.agent.rules }),
  };
}
