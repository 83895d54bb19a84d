import {
  alert,
  begin,
  type Change,
  mail,
  patchLead,
  patchMember,
  patchRun,
  takesMail,
  tell,
  wish,
} from "./change.ts";
import type { Command, TaskBook, TurnSettled } from "./commands.ts";
import { dropSpawn, retire, settleCreation } from "./decide-run.ts";
import { releaseOwned } from "./decide-tasks.ts";
import { backoffMs, MAX_ATTEMPTS } from "./delivery.ts";
import type { TokenCount } from "./facts.ts";
import { type Instant, LEAD, SYSTEM } from "./ids.ts";
import {
  type LeadSeat,
  type Member,
  type MemberCommand,
  memberOf,
  memberTable,
  type RunState,
  type Turn,
  type TurnCause,
  turnNumber,
} from "./run.ts";
import { checkBudgets } from "./spend.ts";
import { step } from "./table.ts";
import { peersOf } from "./team-section.ts";
import { stepEnded, turnSettled, turnStarted } from "./trace/lines.ts";
import {
  brief,
  failedForGood,
  faultText,
  gaveUpWaking,
  goOn,
  lastWord,
  memberLost,
  toolsArrived,
  turnAborted,
  turnFailed,
} from "./wording.ts";

type Outcome = Change | { readonly kind: "unchanged" };
const UNCHANGED = { kind: "unchanged" } as const;

/** Moves a member by the table, or returns undefined if the command means nothing in its state. */
export function moved(
  change: Change,
  name: string,
  command: MemberCommand,
  now: Instant,
  reason?: string,
): Change | undefined {
  const member = memberOf(change.state, name);
  if (!member) return undefined;
  const next = step(memberTable, member.status, command);
  if (next.outcome !== "moved") return undefined;
  const { reason: _former, ...rest } = member;
  const after: Member = {
    ...rest,
    status: next.state,
    since: now,
    ...(reason === undefined ? {} : { reason }),
  };
  return tell(
    patchMember(change, name, () => after),
    { event: `member_${next.state}`, member: name, generation: member.generation, reason },
  );
}

/** The session exists: the member takes mail, and its brief is the first of it. */
export function noteSessionOpened(
  state: RunState,
  command: Extract<Command, { type: "note_session_opened" }>,
  now: Instant,
): Outcome {
  const member = memberOf(state, command.member);
  if (!member || member.generation !== command.generation) return UNCHANGED;
  let change = moved(begin(dropSpawn(state, command)), command.member, "open", now);
  if (!change) return UNCHANGED;
  change = patchMember(change, command.member, (one) => ({
    ...one,
    sessionId: command.sessionId,
    directory: command.directory,
    peers: peersOf(state, member),
    ...(one.worktree?.path === command.directory ? { worktree: { ...one.worktree, made: true } } : {}),
  }));
  const { member: name, generation, sessionId } = command;
  change = tell(change, { event: "session_opened", member: name, generation, sessionId });
  change = mail(change, {
    messageId: `brief_${command.member}_${command.generation}`,
    from: SYSTEM,
    to: command.member,
    kind: "brief",
    body: brief(state, member),
  });
  return settleCreation(change, now);
}

export function hasTurn(member: Member): boolean {
  return member.status === "working" || member.status === "needs_approval";
}

/** A generation that has agreed to go ends: its tasks go back to the list and what became ready is told. */
export function letGo(change: Change, name: string, book: TaskBook, now: Instant): Change {
  return releaseOwned(retire(change, name, "shut down", now), name, book, now);
}

export function noteTurnStarted(
  state: RunState,
  command: Extract<Command, { type: "note_turn_started" }>,
  now: Instant,
): Outcome {
  const { participant, cause } = command;
  if (participant === LEAD) {
    if (state.lead.turn) return UNCHANGED;
    const started = patchLead(begin(state), { turn: newTurn(cause, now) });
    return tell(started, turnStarted(state, participant, cause));
  }
  return startTurn(begin(state), participant, cause, now) ?? UNCHANGED;
}

function startTurn(change: Change, name: string, cause: TurnCause, now: Instant): Change | undefined {
  const started = moved(change, name, "start_turn", now);
  return started && beginTurn(started, name, cause, now);
}

/** A member's turn has begun, whatever told of it. */
export function beginTurn(change: Change, name: string, cause: TurnCause, now: Instant): Change {
  const begun = patchMember(change, name, (member) => ({ ...member, turn: newTurn(cause, now) }));
  return tell(begun, turnStarted(begun.state, name, cause));
}

function newTurn(cause: TurnCause, now: Instant): Turn {
  return { startedAt: now, cause, reported: false };
}

/**
 * One completed model call: a line in the journal, and tokens and cost of the member; the lead's are not the run's to limit.
 * A session's calls are completed one after another, so what is not newer than the last one that was counted is told again.
 * Those of a participant's subagents come between them in any order, and count as its own.
 */
export function noteStep(
  state: RunState,
  command: Extract<Command, { type: "note_step" }>,
  now: Instant,
): Outcome {
  const { participant, step: call, below } = command;
  const place = participant === LEAD ? state.lead : memberOf(state, participant);
  if (!place) return UNCHANGED;
  if (!below && call.completedAt <= (place.countedTo ?? Number.NEGATIVE_INFINITY)) return UNCHANGED;
  const told = tell(begin(state), stepEnded(state, command));
  const counted = below ? {} : { countedTo: call.completedAt };
  if (participant === LEAD) return patchLead(told, counted);
  const used = patchMember(told, participant, (one) => ({
    ...one,
    ...counted,
    usage: {
      ...one.usage,
      tokens: one.usage.tokens + tokensIn(call.tokens),
      cost: one.usage.cost + call.cost,
    },
  }));
  return checkBudgets(used, ["tokens", "cost"], now);
}

function tokensIn({ input, output, reasoning, cacheRead, cacheWrite }: TokenCount): number {
  return input + output + reasoning + cacheRead + cacheWrite;
}

/**
 * A turn is over, confirmed. Ended well, the member waits and what it said last is carried to the lead if that is owed;
 * cut short, it is interrupted and woken again by policy. An approved shutdown is completed here, unless the host has gone
 * on with the next turn already.
 */
export function noteTurnSettled(state: RunState, command: TurnSettled, now: Instant): Outcome {
  if (command.participant === LEAD) return settleLead(state, command);
  const before = memberOf(state, command.participant);
  if (!before) return UNCHANGED;
  const { name } = before.plan;
  let change = moved(
    begin(state),
    name,
    command.outcome === "ended" ? "end_turn" : "interrupt",
    now,
    faultName(command),
  );
  if (!change) return UNCHANGED;
  if (before.turn) change = tell(change, turnSettled(state, command));
  change = patchMember(change, name, ({ turn: _turn, ...member }) => ({
    ...member,
    ...settledStepOf(command),
    gates: [],
    usage: { ...member.usage, turns: member.usage.turns + 1 },
  }));
  change = SETTLEMENTS[command.outcome](change, before, command, now);
  change = checkBudgets(change, [`turns:${name}`], now);
  if (command.next !== undefined) return startTurn(change, name, command.next, now) ?? change;
  return before.shutdown.status === "approved" ? letGo(change, name, command.book, now) : change;
}

const SETTLEMENTS: Readonly<
  Record<
    TurnSettled["outcome"],
    (change: Change, before: Member, command: TurnSettled, now: Instant) => Change
  >
> = { ended: settleWell, failed: settleFailed, aborted: settleAborted };

function settleWell(change: Change, before: Member, command: TurnSettled): Change {
  const { name } = before.plan;
  const calm = patchMember(change, name, ({ backoff: _backoff, lastFault: _fault, ...member }) => member);
  const owed =
    before.turn && ["lead", "person", "brief"].includes(before.turn.cause) && !before.turn.reported;
  if (!owed || command.text.trim() === "") return calm;
  const messageId = `report_${command.stepId}`;
  return mail(tell(calm, { event: "report_sent", messageId, from: name, to: [LEAD] }), {
    messageId,
    from: name,
    to: LEAD,
    kind: "final_report",
    body: lastWord(before, command.text),
  });
}

function settleFailed(change: Change, before: Member, command: TurnSettled, now: Instant): Change {
  const { name } = before.plan;
  const fault = faultText(command.fault);
  // Whoever ran it has died: the member is not to blame, and is given up on for failures of its own only.
  const failures = (before.backoff?.failures ?? 0) + (command.abandoned ? 0 : 1);
  const until = now + backoffMs(failures, command.jitter);
  const failed = patchMember(change, name, ({ lastFault: _former, ...member }) => ({
    ...member,
    backoff: { failures, until },
    ...(command.fault === undefined ? {} : { lastFault: command.fault }),
  }));
  const isGivenUp = failures >= MAX_ATTEMPTS;
  const told = isGivenUp
    ? alert(failed, "error", failedForGood(failed.state.team.name, name, fault))
    : failed;
  const next = mail(told, {
    messageId: `error_${command.stepId}`,
    from: SYSTEM,
    to: LEAD,
    kind: "member_error",
    body: isGivenUp ? gaveUpWaking(before, fault, failures) : turnFailed(before, fault, failures),
  });
  // It ends with this turn: nothing wakes it, and nobody would read what is written to it.
  if (!takesMail(before)) return next;
  // Mail that no step has seen is posted again and wakes it; without any, something has to say that it should go on.
  const wakes = command.unanswered > 0 || isGivenUp;
  return wakes ? next : mail(next, { from: SYSTEM, to: name, kind: "member_error", body: goOn(fault) });
}

function settleAborted(change: Change, before: Member, command: TurnSettled): Change {
  const held = patchMember(change, before.plan.name, (member) => ({ ...member, heldByPerson: true }));
  return mail(held, {
    messageId: `error_${command.stepId}`,
    from: SYSTEM,
    to: LEAD,
    kind: "member_error",
    body: turnAborted(before),
  });
}

function settleLead(state: RunState, command: TurnSettled): Outcome {
  if (!state.lead.turn && !state.lead.toolsPending) return UNCHANGED;
  const { turn: _turn, ...seat } = state.lead;
  const lead: LeadSeat = {
    ...seat,
    ...settledStepOf(command),
    gates: [],
    toolsPending: false,
    ...(state.lead.turn ? { turns: turnNumber(state, LEAD) } : {}),
    heldByPerson: command.outcome === "aborted" ? true : seat.heldByPerson,
  };
  const settled = patchRun(begin(state), { lead });
  const change = state.lead.turn ? tell(settled, turnSettled(state, command)) : settled;
  if (state.lead.toolsPending && command.outcome !== "aborted")
    return mail(change, { from: SYSTEM, to: LEAD, kind: "brief", body: toolsArrived(state) });
  return isLeftLying(state, command)
    ? mail(change, { from: SYSTEM, to: LEAD, kind: "member_error", body: goOn(faultText(command.fault)) })
    : change;
}

/**
 * The team's mail began the turn, its model had answered that mail, and a crash cut it off: nobody would go on with what was
 * begun. A turn that a person began is that person's to repeat.
 */
function isLeftLying({ lead }: RunState, { abandoned, outcome, unanswered }: TurnSettled): boolean {
  const ours = lead.turn !== undefined && lead.turn.cause !== "foreign";
  return ours && abandoned === true && outcome === "failed" && unanswered === 0;
}

function settledStepOf({ newestStepId }: TurnSettled): Pick<Member, "settledStepId"> {
  return newestStepId === undefined ? {} : { settledStepId: newestStepId };
}

function faultName(command: TurnSettled): string | undefined {
  if (command.outcome === "ended") return undefined;
  return command.outcome === "aborted" ? "stopped by a person" : faultText(command.fault);
}

/** A prompt that is not ours: whoever typed it wants the session to go on. */
export function notePrompted(state: RunState, command: Extract<Command, { type: "note_prompted" }>): Outcome {
  if (command.participant === LEAD) {
    return state.lead.heldByPerson ? patchLead(begin(state), { heldByPerson: false }) : UNCHANGED;
  }
  const member = memberOf(state, command.participant);
  if (!member || (!member.heldByPerson && !member.backoff)) return UNCHANGED;
  return patchMember(begin(state), command.participant, ({ backoff: _over, ...one }) => ({
    ...one,
    heldByPerson: false,
  }));
}

export function noteSessionDeleted(
  state: RunState,
  command: Extract<Command, { type: "note_session_deleted" }>,
  now: Instant,
): Outcome {
  const member = Object.values(state.members).find((one) => one.sessionId === command.sessionId);
  if (!member) return UNCHANGED;
  const { name } = member.plan;
  const reason = "its session was deleted";
  const lost = moved(begin(state), name, "lose", now, reason);
  if (!lost) return UNCHANGED;
  let change = patchMember(lost, name, ({ turn: _turn, ...one }) => ({
    ...one,
    gates: [],
    heldByPerson: false,
  }));
  change = wish(change, {
    type: "abort_session",
    sessionId: command.sessionId,
    directory: member.directory ?? state.lead.directory,
  });
  change = releaseOwned(change, name, command.book, now);
  change = alert(change, "error", failedForGood(state.team.name, name, reason));
  return mail(change, { from: SYSTEM, to: LEAD, kind: "member_error", body: memberLost(name, reason) });
}
