import type { Effect, JournalEntry, Wish } from "./effects.ts";
import type { EventName } from "./events.ts";
import { effectId, type Instant, LEAD, type MemberName, type Participant, type Sender } from "./ids.ts";
import { isSent, type Message, type MessageKind, type Reference } from "./message.ts";
import type { Refusal } from "./refusal.ts";
import type { LeadSeat, Member, RunState } from "./run.ts";
import { memberOf } from "./run.ts";

/** The answer of every `decide`. `unchanged`: known already, nothing to commit. */
export type Decision =
  | { readonly kind: "accepted"; readonly state: RunState; readonly effects: readonly Effect[] }
  | { readonly kind: "unchanged" }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/** A journal line before it has a place in a commit. */
export interface Happening {
  readonly event: EventName;
  readonly [field: string]: unknown;
}

/** A message before it has a number and a date. */
export interface Letter {
  /** Left out, the id derives from the commit. Given, it makes the letter recognisable when it is wanted again. */
  readonly messageId?: string;
  readonly from: Sender;
  readonly to: Participant;
  readonly kind: MessageKind;
  readonly body: string;
  readonly summary?: string;
  readonly references?: readonly Reference[];
  readonly correlationId?: string;
}

/**
 * A decision in the making: what the next state is and what is wanted done. Values only; every step returns a new one,
 * and {@link seal} turns the last into a commit.
 */
export interface Change {
  readonly state: RunState;
  readonly wishes: readonly Wish[];
  readonly happenings: readonly Happening[];
  readonly letters: readonly Letter[];
}

export function begin(state: RunState): Change {
  return { state, wishes: [], happenings: [], letters: [] };
}

export function wish(change: Change, ...wishes: readonly Wish[]): Change {
  return { ...change, wishes: [...change.wishes, ...wishes] };
}

export function tell(change: Change, happening: Happening): Change {
  return { ...change, happenings: [...change.happenings, happening] };
}

export function mail(change: Change, ...letters: readonly Letter[]): Change {
  return { ...change, letters: [...change.letters, ...letters] };
}

/** Tells the person before the screen, once: what cannot go on without one, and what one waits for. */
export function alert(change: Change, level: "info" | "warning" | "error", text: string): Change {
  return wish(change, { type: "show_toast", directory: change.state.lead.directory, level, text });
}

export function patchRun(change: Change, patch: Partial<RunState>): Change {
  return { ...change, state: { ...change.state, ...patch } };
}

export function patchLead(change: Change, patch: Partial<LeadSeat>): Change {
  return patchRun(change, { lead: { ...change.state.lead, ...patch } });
}

/** Replaces a member; one that does not exist is left alone, callers have looked it up. */
export function patchMember(change: Change, name: MemberName, patch: (member: Member) => Member): Change {
  const member = memberOf(change.state, name);
  if (!member) return change;
  return patchRun(change, { members: { ...change.state.members, [name]: patch(member) } });
}

/**
 * Numbers the commit: the revision rises by one, letters become messages with their `seq`, wishes and lines become
 * effects with ids, and all of them join what the outbox still holds.
 */
export function seal(change: Change, now: Instant): Extract<Decision, { kind: "accepted" }> {
  const { runId } = change.state;
  const revision = change.state.revision + 1;
  const messages = change.letters.map((letter, index) =>
    toMessage(letter, change.state, change.state.messages + 1 + index, `mail_${revision}_${index}`, now),
  );
  const entries = change.happenings.map(
    (happening, index): JournalEntry => ({ revision, index, at: now, ...happening }),
  );
  const wishes: Wish[] = [
    ...messages.map((message): Wish => ({ type: "put_message", message })),
    ...change.wishes,
    ...entries.map((entry): Wish => ({ type: "append_journal", entry })),
  ];
  const effects = wishes.map(
    (one, index): Effect => ({ ...one, effectId: effectId(runId, revision, index) }),
  );
  const state: RunState = {
    ...change.state,
    revision,
    messages: change.state.messages + messages.length,
    notices: (change.state.notices ?? 0) + messages.filter((message) => !isSent(message.kind)).length,
    outbox: [...change.state.outbox, ...effects],
  };
  return { kind: "accepted", state, effects };
}

function toMessage(letter: Letter, state: RunState, seq: number, ownId: string, now: Instant): Message {
  return {
    version: 1,
    runId: state.runId,
    ...letter,
    messageId: letter.messageId ?? ownId,
    createdAt: now,
    seq,
  };
}

/** Everybody who takes mail now: the lead, and the members in the order in which they joined. */
export function liveParticipants(state: RunState): readonly Participant[] {
  const names = Object.values(state.members)
    .filter(takesMail)
    .map((member) => member.plan.name);
  return [LEAD, ...names];
}

/** A member whose end is decided takes no more mail: nobody would read it. */
export function takesMail(member: Member): boolean {
  const ended = member.status === "failed" || member.status === "lost" || member.status === "done";
  return !ended && member.shutdown.status !== "approved" && member.shutdown.status !== "complete";
}
