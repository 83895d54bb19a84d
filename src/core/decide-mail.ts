import {
  begin,
  type Change,
  liveParticipants,
  mail,
  patchMember,
  patchRun,
  takesMail,
  tell,
} from "./change.ts";
import type { Command, SendMessage } from "./commands.ts";
import { utf8Bytes } from "./envelope.ts";
import { EVERYONE, LEAD, type Participant, PERSON, SYSTEM } from "./ids.ts";
import { sentMessages } from "./policy.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { memberOf, participantsOf, type RunState } from "./run.ts";
import { reachBudget } from "./spend.ts";
import { checkVolley, countVolley, endVolleysOf } from "./volley.ts";
import { roster, undeliverable } from "./wording.ts";

type Outcome = Change | { readonly kind: "refused"; readonly refusal: Refusal };

/** Resolves the address, checks every quota with its figures, and writes one record a recipient. */
export function sendMessage(state: RunState, command: SendMessage): Outcome {
  const to = recipients(state, command);
  if ("kind" in to) return to;
  const refusal =
    checkBody(state, command) ??
    checkHeader(command) ??
    checkQuotas(state, command, to) ??
    checkVolleys(state, command.by, to);
  if (refusal) return refusal;

  let change = mail(
    begin(state),
    ...to.map((recipient) => ({
      messageId: command.messageId,
      from: command.by,
      to: recipient,
      kind: command.kind,
      body: command.body,
      ...(command.summary === undefined ? {} : { summary: command.summary }),
      ...(command.references === undefined ? {} : { references: command.references }),
      ...(command.correlationId === undefined ? {} : { correlationId: command.correlationId }),
    })),
  );
  change = tell(change, {
    event: "message_sent",
    messageId: command.messageId,
    from: command.by,
    to,
    kind: command.kind,
    bytes: utf8Bytes(command.body),
    call: command.call,
  });
  for (const recipient of to) {
    if (to.length === 1) change = countVolley(change, command.by, recipient);
    change = letGo(change, recipient, command.by);
  }
  if (to.includes(LEAD)) change = noteReport(change, command.by);
  return sentMessages(state) + to.length < state.limits.maxMessages
    ? change
    : reachBudget(change, "messages");
}

/** New mail from the lead or a person ends the hold of a person's Esc, and the wait after an error. */
function letGo(change: Change, recipient: Participant, by: SendMessage["by"]): Change {
  if (by !== LEAD && by !== PERSON) return change;
  if (recipient === LEAD) {
    return by === PERSON ? patchRun(change, { lead: { ...change.state.lead, heldByPerson: false } }) : change;
  }
  return patchMember(endVolleysOf(change, recipient), recipient, ({ backoff: _over, ...member }) => ({
    ...member,
    heldByPerson: false,
  }));
}

/** Its last word is not owed any more: the lead has heard from the sender in this turn. */
function noteReport(change: Change, by: SendMessage["by"]): Change {
  return patchMember(change, by, (member) =>
    member.turn ? { ...member, turn: { ...member.turn, reported: true } } : member,
  );
}

function checkVolleys(
  state: RunState,
  by: SendMessage["by"],
  to: readonly Participant[],
): ReturnType<typeof refuse> | undefined {
  // Who writes to several at once is not answering one.
  const [only] = to;
  return to.length === 1 && only !== undefined ? checkVolley(state, by, only) : undefined;
}

function recipients(
  state: RunState,
  command: SendMessage,
): readonly Participant[] | { readonly kind: "refused"; readonly refusal: Refusal } {
  const { by, to } = command;
  if (to === EVERYONE) {
    if (by !== LEAD && by !== PERSON && !state.team.allowMemberBroadcast) {
      return refuse(
        "broadcast_not_allowed",
        `${by} may not address everyone in this team`,
        'Write to one participant by name, or to "lead".',
      );
    }
    const all = liveParticipants(state).filter((name) => name !== by);
    if (all.length > 0) return all;
    return refuse(
      "no_recipient",
      "nobody but the sender is left in the run",
      "Call team_status to see the members.",
    );
  }
  if (to === by) {
    return refuse("recipient_self", `"${to}" is the sender itself`, "Name another participant.", { to });
  }
  if (to === LEAD) return [LEAD];
  const member = memberOf(state, to);
  if (!member) {
    return refuse(
      "member_unknown",
      `member "${to}" is unknown in run ${state.runId}; participants are ${roster(state)}`,
      "Call team_status to see who is there.",
      { to, participants: participantsOf(state) },
    );
  }
  if (!takesMail(member)) {
    const why = member.shutdown.status === "approved" ? "is about to shut down" : `is ${member.status}`;
    return refuse(
      "member_ended",
      `member "${to}" ${why} and takes no more mail`,
      "Write to another participant, or let the lead add a member of that name again with team_create.",
      { to, status: member.status },
    );
  }
  return [to];
}

function checkBody(state: RunState, command: SendMessage): ReturnType<typeof refuse> | undefined {
  const bytes = utf8Bytes(command.body);
  const limit = state.limits.messageMaxBytes;
  if (command.body.trim() === "") {
    return refuse("body_empty", "the message has no text", "Put what you want to say into body.");
  }
  if (bytes <= limit) return undefined;
  return refuse(
    "body_too_large",
    `the body has ${bytes} bytes; at most ${limit} are allowed`,
    "Write the long part to a file and point at it with references.",
    { bytes, limit },
  );
}

/** A line and some paths: more would be a second body, which no quota counts. */
const HEADER_MAX_BYTES = 4_096;

function checkHeader({
  summary = "",
  correlationId = "",
  references = [],
}: SendMessage): ReturnType<typeof refuse> | undefined {
  const pointers = references.flatMap(({ path, description = "" }) => [path, description]);
  const bytes = utf8Bytes([summary, correlationId, ...pointers].join(""));
  if (bytes <= HEADER_MAX_BYTES) return undefined;
  return refuse(
    "header_too_large",
    `summary, correlationId and references have ${bytes} bytes; at most ${HEADER_MAX_BYTES} are allowed`,
    "Say it in body; summary is one line, and references point at files.",
    { bytes, limit: HEADER_MAX_BYTES },
  );
}

function checkQuotas(
  state: RunState,
  command: SendMessage,
  to: readonly Participant[],
): ReturnType<typeof refuse> | undefined {
  const { maxMessages, unreadMaxBytes } = state.limits;
  const used = sentMessages(state);
  if (used + to.length > maxMessages) {
    return refuse(
      "message_budget_spent",
      `${used} of ${maxMessages} messages of this run are used and this would take ${to.length} more`,
      "Finish with what there is, or ask the person to raise max_messages_per_run with `flotilla limit`.",
      { used, limit: maxMessages },
    );
  }
  const bytes = utf8Bytes(command.body);
  for (const recipient of to) {
    const waiting = command.unreadBytes[recipient] ?? 0;
    if (waiting + bytes <= unreadMaxBytes) continue;
    return refuse(
      "inbox_full",
      `${recipient} has ${waiting} bytes of unread mail; ${bytes} more would exceed ${unreadMaxBytes}`,
      `Wait until ${recipient} has read its mail, or send less. Nothing was sent to anybody.`,
      { recipient, waiting, bytes, limit: unreadMaxBytes },
    );
  }
  return undefined;
}

/** Mail that was given up: its senders and the lead hear why, once each. A notice to the lead that is lost itself makes no further one. */
export function noteUndeliverable(
  state: RunState,
  command: Extract<Command, { type: "note_undeliverable" }>,
): Change {
  const { recipient, messages, reason } = command;
  const first = messages[0];
  let change = tell(begin(state), {
    event: "messages_given_up",
    recipient,
    messageIds: messages.map((one) => one.messageId),
    reason,
  });
  if (!first) return change;
  const senders = new Set<Participant>([LEAD]);
  for (const { from } of messages) {
    if (from !== SYSTEM && from !== PERSON) senders.add(from);
  }
  for (const sender of senders) {
    if (sender === recipient) continue;
    const member = memberOf(state, sender);
    if (sender !== LEAD && !(member && takesMail(member))) continue;
    change = mail(change, {
      // With the recipient: a broadcast has one id in all inboxes, and may be lost in several of them.
      messageId: `notice_${first.messageId}_${recipient}_${sender}`,
      from: SYSTEM,
      to: sender,
      kind: "stuck",
      body: undeliverable(recipient, messages.length, reason),
    });
  }
  return change;
}
