import { MAX_ATTEMPTS } from "./delivery.ts";
import type { Gate, HostFault } from "./facts.ts";
import type { Instant, Participant } from "./ids.ts";
import { type Member, participantsOf, type RunState } from "./run.ts";
import type { Task } from "./task.ts";
import type { Worktree } from "./worktree.ts";

/** Everything the plugin says to a model in its own voice. Short, in the imperative, with the tool to call next. */

/** A member's first message: what it is to do. How the team works stands in its system prompt. */
export function brief(
  state: RunState,
  { plan, generation, tasks }: Pick<Member, "plan" | "generation" | "tasks">,
): string {
  return [
    `You are ${plan.name}, a member of the team "${state.team.name}".`,
    ...(generation === 1 ? [] : [inherited(plan.name)]),
    plan.prompt === undefined
      ? "Your assignment comes from the task list and by mail."
      : `Your assignment:\n${plan.prompt}`,
    ...(tasks.length === 0 ? [] : [`Tasks assigned to you: ${tasks.map((task) => `#${task}`).join(", ")}.`]),
  ].join("\n\n");
}

/** Mail that nobody has read is the next generation's; what was said of the former one's own life in it is over. */
function inherited(name: string): string {
  return `You follow an earlier ${name}, which has ended. Mail that stands before this was for it and is yours now, except its own briefs and requests to shut down: take no notice of those.`;
}

/** To a member with a worktree. */
export function ownPlace({ path, branch, base, baseBranch }: Worktree): string {
  const start = baseBranch ?? base.slice(0, SHORT_COMMIT);
  return `You work in a git worktree of your own, ${path}, on branch ${branch}, which starts from ${start}. Stay in it, and commit what you do there: the lead merges that branch, and nobody gets what is not committed.`;
}
/** As long as git itself shows a commit in a larger repository. */
const SHORT_COMMIT = 10;

/** To a lead that created its run in a turn in which its tools were not offered. */
export function toolsArrived(state: RunState): string {
  return `The run of team "${state.team.name}" is live and you lead it. Your team tools are available from this turn on: team_send_message, team_task_create, team_status and the others. Go on with what you created the team for; team_status shows where it stands.`;
}

export function shutdownAsked(by: Participant, target: Participant, reason: string | undefined): string {
  const why = reason === undefined ? "" : ` Reason: ${reason}`;
  if (by === target) {
    return `${by} asks to be shut down.${why} Call team_approve_shutdown or team_reject_shutdown with memberName "${target}".`;
  }
  return `${by} asks you to shut down.${why} If nothing is left to do, call team_approve_shutdown with memberName "${target}" and end your turn; otherwise team_reject_shutdown with a reason.`;
}

export function shutdownApproved(member: Participant, by: Participant): string {
  return by === member
    ? `${member} agreed to shut down. It ends after its current turn and its open tasks return to the list.`
    : `The shutdown of ${member} was approved by ${by}.`;
}

export function shutdownRejected(member: Participant, by: Participant, reason: string): string {
  return `The shutdown of ${member} was rejected by ${by}: ${reason}`;
}

/** To whoever had been asked. */
export function shutdownWithdrawn(member: Participant, by: Participant, reason: string): string {
  return by === member
    ? `${member} takes back that it asked to be shut down: ${reason}`
    : `${by} takes back that it asked you to shut down: ${reason} Go on.`;
}

/** Bound of a quoted last word: enough for a report, small beside a model's context. */
export const LAST_WORD_MAX_CHARS = 8_000;

export function lastWord(member: Member, text: string): string {
  const session = member.sessionId ?? "unknown";
  if (text.length <= LAST_WORD_MAX_CHARS) return text;
  return `${text.slice(0, LAST_WORD_MAX_CHARS)}\n[cut after ${LAST_WORD_MAX_CHARS} of ${text.length} characters; the whole text is in session ${session}]`;
}

export function turnFailed(member: Member, fault: string, failures: number): string {
  if (member.shutdown.status === "approved") return `${endedInTurn(member)}: ${fault}.`;
  const again = failures <= 1 ? "" : ` (${failures} times in a row)`;
  return `The turn of ${member.plan.name} was cut short${again}: ${fault}. It keeps its mail and its tasks and is woken again by itself; team_status shows how it stands.`;
}

export function turnAborted(member: Member): string {
  if (member.shutdown.status === "approved") return `${endedInTurn(member)} by a person.`;
  return `The turn of ${member.plan.name} was stopped by a person. It keeps its mail and its tasks and goes on when you send it a message.`;
}

/** A member whose shutdown was approved does not come back from a turn that was cut short. */
function endedInTurn(member: Member): string {
  return `${member.plan.name} is shut down as agreed; its last turn was cut short`;
}

export function goOn(fault: string): string {
  return `Your last turn was cut short: ${fault}. Look at what is done already and go on where you stopped.`;
}

export function gaveUpWaking(member: Member, fault: string, failures: number): string {
  return `${member.plan.name} failed ${failures} turns in a row (the last one: ${fault}) and is not woken any more by itself. A message from you wakes it; or shut it down and add another member.`;
}

export function spawnFailed(name: string, reason: string): string {
  return `Member ${name} could not be started: ${reason}`;
}

/** For the person: nothing goes on with this member by itself. */
export function failedForGood(team: string, name: string, reason: string): string {
  return `${name} (${team}) has failed: ${reason}`;
}

export function memberLost(name: string, reason: string): string {
  return `Member ${name} is lost: ${reason}. Its mail waits and its tasks are back on the list; add a member of the same name to go on with them.`;
}

/** A notice is a few lines; the rest of a list is asked for with a tool. */
const LISTED_MAX = 8;

export function tasksReady(tasks: readonly Task[]): string {
  const named = tasks.slice(0, LISTED_MAX).map((task) => `#${task.taskId} ${task.subject}`);
  const left = tasks.length - named.length;
  const list = `${named.join("; ")}${left > 0 ? `; and ${left} more, see team_task_list with ready: true` : ""}`;
  return tasks.length === 1
    ? `A task is ready now: ${list}. Take it with team_task_update, status in_progress.`
    : `Tasks are ready now: ${list}. Take one with team_task_update, status in_progress.`;
}

export function taskAssigned(task: Task): string {
  return `Task #${task.taskId} is assigned to you: ${task.subject}. Read it with team_task_get and take it with team_task_update, status in_progress, once it is ready.`;
}

export function taskTakenBack(task: Task): string {
  return `Task #${task.taskId} (${task.subject}) is no longer yours. Stop working on it.`;
}

/** To whoever began a task and stopped. */
export function leftInHand(task: Task): string {
  return `Task #${task.taskId} (${task.subject}) is yours and ${task.status}, but your turn has ended and nobody works. Go on with it, complete it with a result, or give it back with team_task_update, status pending.`;
}

/** To whom a ready task is assigned. */
export function readyForYou(task: Task): string {
  return `Task #${task.taskId} (${task.subject}) is assigned to you and ready, and nobody works. Take it with team_task_update, status in_progress.`;
}

export function openTasks(count: number): string {
  return count === 1 ? "a task is open" : `${count} tasks are open`;
}

/** Beside mail that nobody was there to read when its run ended. */
export const RUN_ENDED = "the run ended before anybody had read it";

/** To the lead of a team in which nothing moves. */
export function nobodyWorks(open: readonly Task[], ready: readonly number[]): string {
  const list = open
    .slice(0, LISTED_MAX)
    .map((task) => `#${task.taskId} ${task.subject}: ${standing(task, ready)}`);
  const more = open.length > list.length ? `; and ${open.length - list.length} more` : "";
  return `Nobody works and ${openTasks(open.length)}: ${list.join("; ")}${more}. Assign them with team_task_update, write to a member, or finish with team_delete.`;
}

function standing({ taskId, status, owner, blockedBy }: Task, ready: readonly number[]): string {
  const whose = owner === undefined ? "nobody's" : `${owner}'s`;
  if (ready.includes(taskId)) return `ready, ${whose}`;
  if (status !== "pending") return `${status}, ${whose}`;
  const more = blockedBy.length - LISTED_MAX;
  const named = blockedBy.slice(0, LISTED_MAX).map((one) => `#${one}`);
  return `waits for ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** To the lead, about two members that are stopped. */
export function goingInCircles(one: Participant, other: Participant, count: number): string {
  return `${one} and ${other} have answered each other ${count} times without any task changing, and cannot write to each other until one does. Decide for them: write to one of them, or change a task.`;
}

/** To the person who runs the lead, as a toast: who asks for what, and how it is answered. */
export function asksForApproval(member: Participant, team: string, gate: Gate): string {
  const asks = `${member} (${team}) asks: ${gateText(gate)}.`;
  return gate.kind === "permission"
    ? `${asks} Answer: flotilla answer ${member} once|always|reject`
    : `${asks} It is answered in OpenCode's view of that session.`;
}

function gateText(gate: Gate): string {
  return gate.kind === "permission"
    ? `permission ${gate.subject} (${gate.detail})`
    : `question: ${gate.detail}`;
}

/** All that holds a member, by the oldest of them. */
export function gatesText([first, ...others]: readonly Gate[]): string {
  if (!first) return "";
  return others.length === 0 ? gateText(first) : `${gateText(first)} and ${others.length} more`;
}

/** To a model whose request nobody can answer. Something is said, so that its turn goes on. */
export const NOBODY_THERE =
  "Nobody is there to approve this: it is refused. Go on without it, or report what you lack.";

/** Why a step was refused; the host lets its turn fail with it. */
export const REPEATED = "The same call was made three times in one step.";

/** To a model whose step was refused: it does not see that step any more. */
export function repeatsItself(): string {
  return "Your last step made the same call three times and was dropped. Repeating a call changes nothing: call it once and read its result, try another way, or tell the lead what stops you.";
}

/** What cut a turn short. */
export function faultText(fault: HostFault | undefined): string {
  return fault === undefined ? "it ended without a result" : `${fault.name}: ${fault.message}`;
}

/** How mail stands that is being tried again. */
export function stillTrying(attempts: number, error: string): string {
  return `attempt ${attempts} of ${MAX_ATTEMPTS} failed: ${error}`;
}

/** Why the host did not take a prompt, and whose matter that is. */
export function notTaken(outcome: { readonly status?: number; readonly reason: string }): string {
  const { status, reason } = outcome;
  if (status === undefined) return reason;
  const said = `the host refused it with status ${status}: ${reason}`;
  if (status === 401 || status === 403) {
    return `${said}. It wants other credentials than it gave to its own plugins; see \`flotilla doctor\``;
  }
  return status === 400
    ? `${said}. That is a defect of opencode-flotilla or of how it fits this OpenCode; please report it`
    : said;
}

export function undeliverable(recipient: Participant, count: number, reason: string): string {
  const what = count === 1 ? "A message" : `${count} messages`;
  return `${what} to ${recipient} could not be delivered and ${count === 1 ? "was" : "were"} given up: ${reason}. team_status shows how ${recipient} stands.`;
}

const BUDGETS = {
  messages:
    "The number of messages allowed for this run (max_messages_per_run) is used up: sending is refused.",
  wall_clock:
    "The time allowed for this run (max_wall_clock_minutes) is used up: no new turn of a member is started.",
  turns: "has used up its turns (max_member_turns): no new turn of it is started.",
  tokens:
    "The tokens allowed for this run (max_tokens_per_run) are used up: no new turn of a member is started.",
  cost: "The cost allowed for this run (max_cost_per_run) is reached: no new turn of a member is started.",
} as const;

export function budgetSpent(budget: keyof typeof BUDGETS, member: string | undefined): string {
  return `${member === undefined ? "" : `${member} `}${BUDGETS[budget]} Collect what there is and finish, or ask the person to raise the limit with \`flotilla limit\`.`;
}

/** For the person, who alone can raise it. */
export function budgetReached(
  team: string,
  budget: keyof typeof BUDGETS,
  member: string | undefined,
): string {
  return `${team}: ${member === undefined ? "" : `${member} `}${BUDGETS[budget]} \`flotilla limit\` raises it.`;
}

const LIFTED = {
  messages: "Messages can be sent again (max_messages_per_run).",
  wall_clock:
    "The run has more time (max_wall_clock_minutes). Members that were asked to wrap up take their work up again when you write to them.",
  turns: "has more turns (max_member_turns).",
  tokens: "The run has more tokens (max_tokens_per_run).",
  cost: "The run may cost more (max_cost_per_run).",
} as const;

/** A limit that was reached is so no longer. */
export function budgetLifted(budget: keyof typeof LIFTED, member: string | undefined): string {
  return `${member === undefined ? "" : `${member} `}${LIFTED[budget]}`;
}

/** To the lead of a run that was stopped by its limits. */
export function goesOn(lifted: readonly string[]): string {
  return `The person has raised limits of this run. ${lifted.join(" ")} What waited goes on by itself; team_status shows what is left.`;
}

export function wrapUp(): string {
  return "The time of this run is used up. Bring what you are doing to a safe end, send the lead the outcome and end your turn.";
}

/** Members' names for a sentence, or a word for none. */
export function roster(state: RunState): string {
  return participantsOf(state).join(", ");
}

/** A duration for people: `45 s`, `3 min`, `2 h 5 min`. */
export function duration(fromAt: Instant, toAt: Instant): string {
  const seconds = Math.max(0, Math.round((toAt - fromAt) / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
