import type { Instant, Participant } from "./ids.ts";
import { LEAD } from "./ids.ts";
import type { Limits, MemberStatus, RunState, RunStatus } from "./run.ts";
import { isLive, memberOf } from "./run.ts";
import type { ToolName } from "./tool-names.ts";

/**
 * Who may call which tool, as one total table. The check inside the tool is the authority; what a session is *offered*
 * follows from the same table, and is only a convenience.
 *
 * - `stranger`: a session in no run.
 * - `subagent`: a session below a participant's session: it has no voice in the team.
 * - `lead`, `member`: participants of a run.
 * - `ended`: a member that is done, failed or lost, in whatever turn it may still have.
 * - `former`: a member of a run that is over, or of a generation that another has followed.
 */
export type Role = "stranger" | "subagent" | "lead" | "member" | "ended" | "former";
export const ROLES: readonly Role[] = ["stranger", "subagent", "lead", "member", "ended", "former"];

/** Run statuses in which the tool works for the role; one who has no run gets a yes or a no. */
export type Permit = "always" | "live" | "open" | "never";

const NOBODY = {
  stranger: "never",
  subagent: "never",
  lead: "never",
  member: "never",
  ended: "never",
  former: "never",
} as const;
const TEAM = { ...NOBODY, lead: "live", member: "live" } as const;
const READ = { ...NOBODY, lead: "open", member: "open", ended: "open" } as const;

export const toolMatrix: Readonly<Record<ToolName, Readonly<Record<Role, Permit>>>> = {
  team_create: { ...NOBODY, stranger: "always", lead: "live" },
  team_delete: { ...NOBODY, lead: "open" },
  team_shutdown_request: TEAM,
  team_approve_shutdown: TEAM,
  team_reject_shutdown: TEAM,
  team_send_message: TEAM,
  team_task_create: TEAM,
  team_task_list: READ,
  team_task_update: TEAM,
  team_task_get: READ,
  team_status: READ,
  team_list: {
    ...NOBODY,
    stranger: "always",
    lead: "always",
    member: "always",
    ended: "always",
    former: "always",
  },
};

const LIVE: ReadonlySet<RunStatus> = new Set<RunStatus>(["active", "orphaned"]);
const OPEN: ReadonlySet<RunStatus> = new Set<RunStatus>(["creating", "active", "orphaned", "closing"]);

/** Whether the role may call the tool in a run of that status; `status` is undefined for a session in no run. */
export function mayCall(tool: ToolName, role: Role, status: RunStatus | undefined): boolean {
  const permit = toolMatrix[tool][role];
  if (permit === "always") return true;
  if (permit === "never" || status === undefined) return false;
  return permit === "live" ? LIVE.has(status) : OPEN.has(status);
}

/**
 * What holds a recipient's mail now, by name, or undefined if nothing does. `starts`: the post would start a turn; mail
 * for a busy session joins the running one and needs neither slot nor budget, as long as nobody has waited for long.
 *
 * Every gate is visible in status: held mail is never silent.
 */
export type HoldReason =
  | "run_not_active"
  | "starting"
  | "ended"
  | "approval"
  | "shutdown"
  | "stopped_by_person"
  | "backoff"
  | "budget"
  | "slot"
  | "rate"
  | "undo_staged"
  | "held_elsewhere";

/**
 * Which members mail may wake, by their status: nobody is woken who has no session yet, who waits for a person's answer, or
 * whose generation has ended. `interrupted` is woken with back-off after a crash or an error; after a person's Esc only by
 * new mail of lead or person. A status that this version does not know reads as `lost` (`records/run.ts`).
 */
export const wakeTable: Readonly<Record<MemberStatus, HoldReason | "woken">> = {
  starting: "starting",
  waiting: "woken",
  working: "woken",
  needs_approval: "approval",
  interrupted: "woken",
  failed: "ended",
  lost: "ended",
  done: "ended",
};

export function holdOf(
  state: RunState,
  recipient: Participant,
  starts: boolean,
  slotsFree: number,
  now: Instant,
): HoldReason | undefined {
  if (state.status !== "active") return "run_not_active";
  if (recipient === LEAD) {
    if (state.lead.gates.length > 0) return "approval";
    if (state.lead.heldByPerson) return "stopped_by_person";
    return undefined;
  }
  const member = memberOf(state, recipient);
  if (!member) return "ended";
  const verdict = wakeTable[member.status];
  if (verdict !== "woken") return verdict;
  if (member.gates.length > 0) return "approval";
  if (member.shutdown.status === "approved") return "shutdown";
  // Also while it is busy: what works then is no turn that a prompt began, but a compaction or a command of the person's.
  if (member.heldByPerson) return "stopped_by_person";
  if (!starts) return undefined;
  if (member.backoff !== undefined && member.backoff.until > now) return "backoff";
  if (isBudgetSpent(state, recipient)) return "budget";
  if (slotsFree <= 0) return "slot";
  return undefined;
}

/** Whether a limit forbids the member a new turn. */
export function isBudgetSpent(state: RunState, recipient: Participant): boolean {
  const member = memberOf(state, recipient);
  if (!member) return false;
  if (member.usage.turns >= state.limits.maxMemberTurns) return true;
  return state.spent.includes("wall_clock") || state.spent.includes("tokens") || state.spent.includes("cost");
}

/** When the time of the run is used up. */
export function timeIsUpAt({ createdAt, limits }: RunState): Instant {
  return createdAt + limits.maxWallClockMs;
}

/** What counts against `max_messages_per_run`: what participants and persons have sent. */
export function sentMessages(state: RunState): number {
  return state.messages - (state.notices ?? 0);
}

/** Members that work at the moment; one that waits for an approval has given its slot up. */
export function workingMembers(state: RunState): number {
  return Object.values(state.members).filter((member) => member.status === "working").length;
}

/** What is used of each limit that something is counted against; of turns, by the member that has had most. */
export function usedOf(state: RunState, now: Instant): Readonly<Partial<Record<keyof Limits, number>>> {
  const live = Object.values(state.members).filter(isLive);
  const { tokens, cost } = usageOf(state);
  return {
    maxMembers: live.length,
    maxParallelMembers: workingMembers(state),
    maxMessages: sentMessages(state),
    maxWallClockMs: now - state.createdAt,
    maxMemberTurns: Math.max(0, ...live.map((member) => member.usage.turns)),
    maxTokens: tokens,
    maxCost: cost,
  };
}

/** What all members together have used. */
export function usageOf(state: RunState): { readonly tokens: number; readonly cost: number } {
  let tokens = 0;
  let cost = 0;
  for (const member of Object.values(state.members)) {
    tokens += member.usage.tokens;
    cost += member.usage.cost;
  }
  return { tokens, cost };
}
