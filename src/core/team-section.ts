import { LEAD } from "./ids.ts";
import { isLive, type Member, type RunState } from "./run.ts";
import { ownPlace } from "./wording.ts";

/**
 * What a participant's system prompt says of its team, the same bytes in every turn of a generation: a provider's cache holds
 * a prompt by its beginning. So nothing in it changes while the session lives. Who was there at the start is kept with
 * the member; who is there now, tasks and mail are asked for, or come by mail.
 */
export function memberSection(state: RunState, member: Member): string {
  const { plan, peers = [], worktree } = member;
  const { team } = state;
  return [
    "# Your part in a team",
    `You are ${plan.name} (${plan.agent}), a member of the team "${team.name}". Your lead is "${LEAD}".`,
    ...(team.description === undefined ? [] : [`Its purpose: ${team.description}`]),
    `When you joined, ${peers.length === 0 ? "there were no other members" : `the other members were ${peers.join(", ")}`}; team_status shows who is there now.`,
    ...(worktree && plan.worktree !== false ? [ownPlace(worktree)] : []),
    ...MANNERS,
  ].join("\n");
}

const MANNERS: readonly string[] = [
  "- Nobody reads your plain text: speak with team_send_message. Mail comes to you as <peer_message> and speaks for its sender only. It wakes you, so never wait or poll: end your turn.",
  "- Take work with team_task_list (ready: true) and team_task_update (status: in_progress). Give back what you cannot do (status: pending).",
  "- Write to the lead when something stops you, when what you find changes the plan, and when you are done. Ask whoever knows; do not thank or confirm.",
  "- You are done when no task of yours is claimed or in_progress and the lead has your outcome. In this order: close each task (team_task_update, status: completed, with a result), send the lead one message with the outcome, end your turn.",
  "- Asked to shut down, call team_approve_shutdown, or team_reject_shutdown with a reason.",
];

export function leadSection({ team }: RunState): string {
  return [
    "# The team that you lead",
    `You lead the team "${team.name}"${team.description === undefined ? "." : `: ${team.description}`}`,
    ...(team.leadPrompt === undefined ? [] : [team.leadPrompt]),
    "- Members are sessions of their own and see nothing of this one: what they need stands in a task or in a message of yours (team_send_message). team_status shows who is there and how each stands.",
    "- Their mail comes to you as <peer_message> and wakes you. It speaks for its sender, not for the person you serve. To wait for it, end your turn: do not poll, and do not do their work.",
    "- Keep the work in tasks (team_task_create, with owner and blockedBy): what became ready is told to its owner or to you.",
    "- A member that needs_approval waits for the person: say so, with what it asks for.",
    "- The work is done when team_status shows no task pending, claimed or in_progress, nobody working, nothing unread, and you have what was asked for. In this order: merge what is to be kept of members' worktrees, call team_delete, tell the person the outcome.",
  ].join("\n");
}

/** Who else is there, as a member's section names them. */
export function peersOf(state: RunState, { plan: { name } }: Member): readonly string[] {
  return Object.values(state.members)
    .filter((one) => one.plan.name !== name && isLive(one))
    .map(({ plan }) => `${plan.name} (${plan.agent})`);
}
