import { begin, type Change, type Decision, seal } from "./change.ts";
import type { Command } from "./commands.ts";
import { answerGate, noteGateClosed, noteGateOpened } from "./decide-gates.ts";
import { changeLimits } from "./decide-limits.ts";
import { noteUndeliverable, sendMessage } from "./decide-mail.ts";
import {
  notePrompted,
  noteSessionDeleted,
  noteSessionOpened,
  noteStep,
  noteTurnSettled,
  noteTurnStarted,
} from "./decide-members.ts";
import { noteQuiet } from "./decide-quiet.ts";
import {
  addMembers,
  adoptRun,
  closeRun,
  finishRun,
  noteSpawnFailed,
  noteWorktreeEnded,
  orphanRun,
} from "./decide-run.ts";
import { approveShutdown, noteAtRest, rejectShutdown, requestShutdown } from "./decide-shutdown.ts";
import { createTasks, updateTask } from "./decide-tasks.ts";
import { type Instant, LEAD, PERSON } from "./ids.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { isLive, memberOf, type RunState } from "./run.ts";
import { checkBudgets } from "./spend.ts";

/**
 * The one decision function: what the run is after the command, and what has to be done about it. Pure and total: no
 * clock, no chance, no failure. A command that means nothing any more is `unchanged`; one that may not be is refused with
 * a reason.
 */
export function decide(state: RunState, command: Command, now: Instant): Decision {
  if (isFinal(state) && !asksForLiveRun(command)) return { kind: "unchanged" };
  if (isOfFormer(state, command)) return { kind: "unchanged" };
  const outcome = asksForLiveRun(command)
    ? (notLive(state) ?? hasEnded(state, command) ?? route(state, command, now))
    : route(state, command, now);
  return "kind" in outcome ? outcome : seal(outcome, now);
}

type Outcome =
  | Change
  | { readonly kind: "unchanged" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

function route(state: RunState, command: Command, now: Instant): Outcome {
  switch (command.type) {
    case "send_message":
      return sendMessage(state, command);
    case "add_members":
      return addMembers(state, command, now);
    case "change_limits":
      return changeLimits(state, command, now);
    case "answer_gate":
      return answerGate(state, command);
    case "create_tasks":
      return createTasks(state, command, now);
    case "update_task":
      return updateTask(state, command, now);
    case "request_shutdown":
      return requestShutdown(state, command, now);
    case "approve_shutdown":
      return approveShutdown(state, command, now);
    case "reject_shutdown":
      return rejectShutdown(state, command, now);
    case "close_run":
      return closeRun(state, command, now);
    case "finish_run":
      return finishRun(state, now);
    case "note_session_opened":
      return noteSessionOpened(state, command, now);
    case "note_spawn_failed":
      return noteSpawnFailed(state, command, now);
    case "note_worktree_ended":
      return noteWorktreeEnded(state, command);
    case "note_turn_started":
      return noteTurnStarted(state, command, now);
    case "note_step":
      return noteStep(state, command, now);
    case "note_turn_settled":
      return noteTurnSettled(state, command, now);
    case "note_gate_opened":
      return noteGateOpened(state, command, now);
    case "note_gate_closed":
      return noteGateClosed(state, command, now);
    case "note_prompted":
      return notePrompted(state, command);
    case "note_at_rest":
      return noteAtRest(state, command, now);
    case "note_session_deleted":
      return noteSessionDeleted(state, command, now);
    case "note_undeliverable":
      return noteUndeliverable(state, command);
    case "note_time":
      return noteTime(state, now);
    case "note_orphaned":
      return orphanRun(state, now);
    case "note_adopted":
      return adoptRun(state, now);
    case "note_quiet":
      return noteQuiet(state, command);
  }
}

/** A run that is over stays as it is archived: what its sessions still do is late. */
function isFinal(state: RunState): boolean {
  return state.status === "closed" || state.status === "failed";
}

/** The name has come back since: what its former session did is not the doing of the one that has it now. */
function isOfFormer(state: RunState, command: Command): boolean {
  if (!("generation" in command) || !("participant" in command) || command.participant === LEAD) return false;
  return memberOf(state, command.participant)?.generation !== command.generation;
}

/** What participants ask for needs a run that is open for business; what the host tells is noted in any. */
function asksForLiveRun(command: Command): boolean {
  return !command.type.startsWith("note_") && command.type !== "close_run" && command.type !== "finish_run";
}

function notLive(state: RunState): ReturnType<typeof refuse> | undefined {
  if (state.status === "active" || state.status === "orphaned") return undefined;
  return refuse(
    "run_not_live",
    `run ${state.runId} is ${state.status}`,
    state.status === "creating"
      ? "Wait until team_create has answered."
      : "Nothing more can be done in it. The lead may create a new team with team_create.",
    { runId: state.runId, status: state.status },
  );
}

/** Whoever asked may have ended since its call was let in: what counts is what is so under the lock. */
function hasEnded(state: RunState, command: Command): ReturnType<typeof refuse> | undefined {
  if (!("by" in command) || command.by === LEAD || command.by === PERSON) return undefined;
  const member = memberOf(state, command.by);
  if (member && isLive(member)) return undefined;
  return refuse(
    "member_ended",
    `${command.by} is ${member?.status ?? "gone"} and may ask nothing of run ${state.runId} any more`,
    "Your part is over: end your turn.",
    { member: command.by },
  );
}

/** The owner's look at the clock: the time of a run is a limit like any other. */
function noteTime(state: RunState, now: Instant): Outcome {
  if (state.status !== "active") return { kind: "unchanged" };
  const change = checkBudgets(begin(state), ["wall_clock"], now);
  return change.state === state ? { kind: "unchanged" } : change;
}
