import { alert, begin, type Change, mail, patchLead, patchMember, tell, wish } from "./change.ts";
import type { Command } from "./commands.ts";
import { beginTurn, hasTurn, moved } from "./decide-members.ts";
import type { Wish } from "./effects.ts";
import type { Gate } from "./facts.ts";
import { type Instant, LEAD, type Participant, SYSTEM } from "./ids.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { gatesOf, isLive, type Member, memberOf, type RunState } from "./run.ts";
import { gateClosed, gateOpened } from "./trace/lines.ts";
import { asksForApproval, gatesText, NOBODY_THERE, REPEATED, repeatsItself } from "./wording.ts";

/**
 * Requests that hold a participant until somebody answers. Each is shown to the person who runs the lead, once; the answer
 * comes through the host's own view, from a person's command, or, where a rule says so, from here.
 */

type Refused = { readonly kind: "refused"; readonly refusal: Refusal };
type Outcome = Change | Refused | { readonly kind: "unchanged" };
const UNCHANGED = { kind: "unchanged" } as const;

type Answer = Pick<Extract<Wish, { type: "answer_permission" }>, "reply" | "message">;

/** How often a member is told that it goes in circles before a person has to look at it. */
const LOOPS_TOLD = 2;

export function noteGateOpened(
  state: RunState,
  command: Extract<Command, { type: "note_gate_opened" }>,
  now: Instant,
): Outcome {
  const { participant, gate, unattended } = command;
  const present = gatesOf(state, participant);
  if (present.some((one) => one.requestId === gate.requestId)) return UNCHANGED;
  const gates = [...present, gate];
  const asked = gateOpened(state, participant, gate);
  if (participant === LEAD) return tell(patchLead(begin(state), { gates }), asked);
  const member = memberOf(state, participant);
  if (!member || !isLive(member) || member.status === "starting") return UNCHANGED;
  const change = tell(hold(begin(state), member, gates, now), asked);
  const answer = ownAnswer(state, member, gate, unattended);
  if (answer) return give(toldOfLoop(change, participant, gate), participant, gate, answer, "rule");
  return alert(change, "warning", asksForApproval(participant, state.team.name, gate));
}

/** What is answered without asking anybody: a member in circles is told so, and where nobody is there nobody is waited for. */
function ownAnswer(
  state: RunState,
  member: Member,
  { kind, subject }: Gate,
  unattended: Extract<Command, { type: "note_gate_opened" }>["unattended"],
): Answer | undefined {
  if (kind !== "permission") return undefined;
  if (isLoop(subject) && (member.loops ?? 0) < LOOPS_TOLD) return { reply: "reject", message: REPEATED };
  // In the lead's directory the host's own command answers.
  if (unattended === undefined || member.directory === state.lead.directory) return undefined;
  return unattended === "allow" ? { reply: "once" } : { reply: "reject", message: NOBODY_THERE };
}

/** The host asks when a step repeats one call three times. */
function isLoop(subject: string): boolean {
  return subject === "doom_loop";
}

/**
 * The host ends the turn of a refused loop and shows the step to nobody, so the member is told by mail. Of its subagent's it hears
 * by the call of that, which fails.
 */
function toldOfLoop(change: Change, name: string, { subject, sessionId }: Gate): Change {
  if (!isLoop(subject)) return change;
  const counted = patchMember(change, name, (member) => ({ ...member, loops: (member.loops ?? 0) + 1 }));
  if (sessionId !== undefined) return counted;
  return mail(counted, { from: SYSTEM, to: name, kind: "member_error", body: repeatsItself() });
}

export function noteGateClosed(
  state: RunState,
  command: Extract<Command, { type: "note_gate_closed" }>,
  now: Instant,
): Outcome {
  const { participant, requestId } = command;
  const present = gatesOf(state, participant);
  const gates = requestId === undefined ? [] : present.filter((one) => one.requestId !== requestId);
  if (gates.length === present.length) return UNCHANGED;
  const told = tell(begin(state), gateClosed(state, command));
  if (participant === LEAD) return patchLead(told, { gates });
  const member = memberOf(state, participant);
  if (!member) return UNCHANGED;
  if (gates.length > 0) return hold(told, member, gates, now);
  const change = patchMember(told, participant, (one) => ({ ...one, gates }));
  return moved(change, participant, "close_gates", now) ?? change;
}

/** A member is held by its requests, and its reason names them. */
function hold(change: Change, { plan: { name } }: Member, gates: readonly Gate[], now: Instant): Change {
  const reason = gatesText(gates);
  const held = patchMember(moved(change, name, "open_gate", now, reason) ?? change, name, (member) => ({
    ...member,
    gates,
  }));
  const member = memberOf(held.state, name);
  if (!member || !hasTurn(member)) return held;
  const named = patchMember(held, name, (one) => ({ ...one, reason }));
  // A request is a sign of work: if it is the first one, a turn has begun that nobody here has caused.
  return member.turn ? named : beginTurn(named, name, "foreign", now);
}

/** A person's answer, from outside of the host: the owner hands it over. */
export function answerGate(state: RunState, command: Extract<Command, { type: "answer_gate" }>): Outcome {
  const { participant, requestId, reply, message } = command;
  const gate = gatesOf(state, participant).find((one) => one.requestId === requestId);
  if (!gate) {
    return refuse(
      "request_unknown",
      `${participant} does not wait for an answer to ${requestId} any more`,
      "It was answered elsewhere, or its turn was stopped: `flotilla status` shows what waits.",
      { participant, requestId },
    );
  }
  if (gate.kind !== "permission") {
    return refuse(
      "argument_invalid",
      `${participant} asks a question (${gate.detail}), which takes more than ${reply} for an answer`,
      "Answer it in OpenCode's own view of that session; members are denied the question tool.",
      { participant, requestId },
    );
  }
  return give(
    begin(state),
    participant,
    gate,
    { reply, ...(message === undefined ? {} : { message }) },
    "person",
  );
}

function give(
  change: Change,
  participant: Participant,
  { requestId, subject }: Gate,
  answer: Answer,
  by: "person" | "rule",
): Change {
  const told = tell(change, {
    event: "gate_answered",
    member: participant,
    permission: subject,
    reply: answer.reply,
    by,
  });
  return wish(told, { type: "answer_permission", participant, requestId, ...answer });
}
