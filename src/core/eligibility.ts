import { hidesTool } from "./permission-rules.ts";
import type { RefusalCode } from "./refusal.ts";
import type { PermissionRule } from "./run.ts";
import { MEMBER_TOOLS } from "./tool-names.ts";

/**
 * What is said of agents that other plugins bring, since their rules do not show what they are for. `refuse`: made to read
 * or to orchestrate, they stall or loop as members. `accept`: known to work, whatever their own plugin's rules say of our
 * tools. `ask`: works, at a price that its owner should agree to.
 */
const WELL_KNOWN: ReadonlyMap<string, "accept" | "ask" | "refuse"> = new Map([
  ["sisyphus", "accept"],
  ["atlas", "accept"],
  ["sisyphus-junior", "accept"],
  ["hephaestus", "ask"],
  ["oracle", "refuse"],
  ["librarian", "refuse"],
  ["explore", "refuse"],
  ["multimodal-looker", "refuse"],
  ["metis", "refuse"],
  ["momus", "refuse"],
  ["prometheus", "refuse"],
]);

/** As much of an agent as the verdict needs. */
export interface Candidate {
  readonly name: string;
  /**
   * What the user and the agent say, in the order in which the host evaluates it. The denials by which our own config hook
   * withholds the team's tools from ordinary sessions are not among them: the host adapter takes exactly those out again,
   * or every agent would be refused.
   */
  readonly rules: readonly PermissionRule[];
}

export type Verdict<Agent extends Candidate> =
  | { readonly kind: "eligible"; readonly agent: Agent }
  | {
      readonly kind: "refused";
      readonly code: Extract<RefusalCode, "agent_unknown" | "agent_ineligible">;
      /** A sentence that names the agent. */
      readonly reason: string;
      /** A sentence with the next useful step. */
      readonly wayOut: string;
    };

/**
 * Whether an agent can serve as a member. Later answers are asked only if earlier ones are silent: does it exist; what
 * does the user say (`team_mode.agent_eligibility`); is it well known; do its rules leave it the tools of a member.
 *
 * An agent that may not edit is no worse a member: it can read, talk and take tasks.
 *
 * @param wanted the agent's name, exactly as the host has it.
 */
export function judgeAgent<Agent extends Candidate>(
  wanted: string,
  agents: readonly Agent[],
  eligibility: Readonly<Record<string, "allow" | "deny">>,
): Verdict<Agent> {
  const agent = agents.find((one) => one.name === wanted);
  if (!agent) return unknown(wanted, agents);
  // What a prototype has under such a name is neither of the two words.
  const override = eligibility[wanted];
  if (override === "allow") return { kind: "eligible", agent };
  if (override === "deny") return ineligible(`Agent "${wanted}" ${BY_USER}`, OTHER_AGENT);
  const known = WELL_KNOWN.get(wanted.toLowerCase());
  if (known === "accept") return { kind: "eligible", agent };
  if (known === "ask") return ineligible(`Agent "${wanted}" ${COSTLY}`, consent(wanted));
  if (known === "refuse")
    return ineligible(`Agent "${wanted}" ${READ_ONLY}`, `${USE_TASK} ${consent(wanted)}`);
  const denied = MEMBER_TOOLS.filter((tool) => hidesTool(agent.rules, tool));
  if (denied.length === 0) return { kind: "eligible", agent };
  return ineligible(
    `The permissions of agent "${wanted}" deny ${list(denied)}.`,
    `${USE_TASK} ${consent(wanted)}`,
  );
}

const BY_USER = 'is denied by team_mode.agent_eligibility ("deny").';
const COSTLY = "works alone for long and serves as a member only where the configuration says so.";
const READ_ONLY = "is made to read or to orchestrate and cannot serve as a member.";
const OTHER_AGENT = "Choose another agent, or change that entry.";
const USE_TASK = "For a read-only side job use the task tool instead.";

function consent(agent: string): string {
  return `To have it as a member all the same, set team_mode.agent_eligibility to {"${agent}": "allow"}.`;
}

function unknown(wanted: string, agents: readonly Candidate[]): Verdict<never> {
  const names = agents.map((agent) => agent.name).join(", ") || "none";
  return {
    kind: "refused",
    code: "agent_unknown",
    reason: `Agent "${wanted}" does not exist here.`,
    wayOut: `Agents are: ${names}.`,
  };
}

function ineligible(reason: string, wayOut: string): Verdict<never> {
  return { kind: "refused", code: "agent_ineligible", reason, wayOut };
}

/** All of the tools is worth a shorter word: the usual case is an agent that denies everything it does not need. */
function list(denied: readonly string[]): string {
  return denied.length === MEMBER_TOOLS.length ? "the tools of a member (team_*)" : denied.join(", ");
}
