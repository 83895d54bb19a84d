import { begin, type Change, mail, patchMember, takesMail, tell } from "./change.ts";
import type { Command } from "./commands.ts";
import { hasTurn, letGo } from "./decide-members.ts";
import { type Instant, LEAD, type Participant } from "./ids.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { isLive, type Member, memberOf, type RunState, shutdownTable } from "./run.ts";
import { step } from "./table.ts";
import { roster, shutdownApproved, shutdownAsked, shutdownRejected, shutdownWithdrawn } from "./wording.ts";

/**
 * How a member leaves: one side asks, the other agrees or refuses, and a turn that has begun is not cut short. The table is in
 * `run.ts`; a crash leaves what was agreed to, and the member ends with its turn whoever sees the end of that.
 */

type Refused = { readonly kind: "refused"; readonly refusal: Refusal };
type Outcome = Change | Refused | { readonly kind: "unchanged" };
const UNCHANGED = { kind: "unchanged" } as const;

/** A name in a shutdown call, checked: the member itself or the lead may speak for it. */
function shutdownTarget(state: RunState, by: Participant, name: string): Member | Refused {
  const member = memberOf(state, name);
  if (!member) {
    return refuse(
      "member_unknown",
      `member "${name}" is unknown in run ${state.runId}; participants are ${roster(state)}`,
      "Call team_status to see who is there.",
      { member: name },
    );
  }
  if (by === LEAD || by === name) return member;
  return refuse(
    "not_allowed",
    `${by} may not decide about ${name}`,
    `Only ${name} itself or the lead may. Write to the lead with team_send_message.`,
    { by, member: name },
  );
}

export function requestShutdown(
  state: RunState,
  command: Extract<Command, { type: "request_shutdown" }>,
  now: Instant,
): Outcome {
  const { by, reason } = command;
  const member = shutdownTarget(state, by, command.member);
  if ("kind" in member) return member;
  const { name } = member.plan;
  if (!isLive(member)) {
    return refuse("member_ended", `${name} is ${member.status} already`, "Nothing is left to do for it.", {
      member: name,
    });
  }
  const next = step(shutdownTable, member.shutdown.status, "request");
  if (next.outcome !== "moved") return UNCHANGED;
  const change = patchMember(begin(state), name, (one) => ({
    ...one,
    // A request of the lead is mail of the lead: it ends the hold of a person's Esc.
    heldByPerson: by === LEAD ? false : one.heldByPerson,
    shutdown: {
      status: next.state,
      requestedBy: by,
      changedAt: now,
      ...(reason === undefined ? {} : { reason }),
    },
  }));
  return mail(tell(change, { event: "shutdown_requested", member: name, by, reason }), {
    from: by,
    to: by === name ? LEAD : name,
    kind: "shutdown_request",
    body: shutdownAsked(by, name, reason),
  });
}

/** Approved, a member ends when its turn does, the one that is about to begin included; one that has no turn ends now. */
export function approveShutdown(
  state: RunState,
  command: Extract<Command, { type: "approve_shutdown" }>,
  now: Instant,
): Outcome {
  const { by } = command;
  const member = shutdownTarget(state, by, command.member);
  if ("kind" in member) return member;
  const { name } = member.plan;
  const next = step(shutdownTable, member.shutdown.status, "approve");
  if (next.outcome === "refused") {
    return refuse(
      "shutdown_not_requested",
      `nobody has asked ${name} to shut down`,
      `Ask first with team_shutdown_request, targetMemberName "${name}".`,
      { member: name },
    );
  }
  if (next.outcome === "stayed") return UNCHANGED;
  let change = patchMember(begin(state), name, (one) => ({
    ...one,
    shutdown: { ...one.shutdown, status: next.state, changedAt: now },
  }));
  change = tell(change, { event: "shutdown_approved", member: name, by });
  // The lead hears of every end but the one it has just decided; the member takes no mail from here on.
  if (by !== LEAD)
    change = mail(change, {
      from: by,
      to: LEAD,
      kind: "shutdown_approved",
      body: shutdownApproved(name, by),
    });
  const mayHaveOne = isLive(member) && member.status !== "starting";
  return hasTurn(member) || (mayHaveOne && command.turnAhead)
    ? change
    : letGo(change, name, command.book, now);
}

/** The turn that an approved member was let have has not come, and will not. */
export function noteAtRest(
  state: RunState,
  command: Extract<Command, { type: "note_at_rest" }>,
  now: Instant,
): Outcome {
  const member = memberOf(state, command.member);
  if (!member || !isLive(member) || hasTurn(member) || member.shutdown.status !== "approved")
    return UNCHANGED;
  return letGo(begin(state), command.member, command.book, now);
}

export function rejectShutdown(
  state: RunState,
  command: Extract<Command, { type: "reject_shutdown" }>,
  now: Instant,
): Outcome {
  const { by, reason } = command;
  const member = shutdownTarget(state, by, command.member);
  if ("kind" in member) return member;
  const { name } = member.plan;
  const next = step(shutdownTable, member.shutdown.status, "reject");
  if (next.outcome !== "moved") {
    const approved = member.shutdown.status !== "none";
    return refuse(
      approved ? "shutdown_already_approved" : "shutdown_not_requested",
      approved ? `the shutdown of ${name} is approved already` : `nobody has asked ${name} to shut down`,
      approved
        ? "Add a member of that name again with team_create if it is needed."
        : "There is nothing to reject.",
      { member: name, status: member.shutdown.status },
    );
  }
  const asker = member.shutdown.requestedBy ?? LEAD;
  // Taken back by whoever had asked, it is news to the one that was asked.
  const other = by === LEAD ? name : LEAD;
  const reader = asker === by ? other : asker;
  const change = patchMember(begin(state), name, (one) => ({
    ...one,
    shutdown: { status: next.state, changedAt: now },
  }));
  const told = tell(change, { event: "shutdown_rejected", member: name, by, reason });
  if (reader !== LEAD && !takesMail(member)) return told;
  const body = asker === by ? shutdownWithdrawn(name, by, reason) : shutdownRejected(name, by, reason);
  return mail(told, { from: by, to: reader, kind: "shutdown_rejected", body });
}
