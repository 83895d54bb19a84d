import type { JournalEntry } from "../core/effects.ts";
import type { Instant } from "../core/ids.ts";
import { sayEvent } from "./say-event.ts";
import type { RunHistory, StoredMessage } from "./world.ts";

/** One thing that has happened. */
export interface Moment {
  /** The same whenever the run is read, so that what was shown is not shown again. */
  readonly key: string;
  readonly at: Instant;
  readonly event: string;
  readonly text: string;
  /** Everybody it is about. */
  readonly who: readonly string[];
  /** What was written, where something was. */
  readonly body?: string;
  readonly summary?: string;
}

/**
 * What has happened in a run. The journal's own order stands whatever the clock did; mail that no line of it tells of (a
 * brief, a report, a notice) stands where its time puts it, after what was committed with it.
 */
export function timelineOf({ journal, mail }: RunHistory): readonly Moment[] {
  const told = new Set(journal.filter(({ event }) => SENT.has(event)).map(messageIdOf));
  const untold = mail.filter(({ message }) => !told.has(message.messageId)).map(mailMoment);
  const letters = new Map(mail.map((stored) => [stored.message.messageId, stored]));
  const moments: Moment[] = [];
  let next = 0;
  for (const entry of journal) {
    for (let one = untold[next]; one && one.at < entry.at; one = untold[next]) {
      moments.push(one);
      next += 1;
    }
    moments.push(eventMoment(entry, letters.get(messageIdOf(entry))));
  }
  return [...moments, ...untold.slice(next)];
}

/** Lines that tell of a message; of any other, only the message itself does. */
const SENT: ReadonlySet<string> = new Set(["message_sent", "report_sent"]);

function messageIdOf(entry: JournalEntry): string {
  return String(entry["messageId"]);
}

function eventMoment(entry: JournalEntry, letter: StoredMessage | undefined): Moment {
  const { revision, index, at, event } = entry;
  return {
    key: `${revision}/${index}`,
    at,
    event,
    text: sayEvent(entry),
    who: WHO.flatMap((field) => entry[field] ?? []).map(String),
    ...(letter === undefined ? {} : written(letter)),
  };
}

/** Fields of events that name somebody. */
const WHO = ["participant", "member", "members", "by", "owner", "from", "to", "recipient", "told"];

function mailMoment(stored: StoredMessage): Moment {
  const { messageId, from, to, kind, body, createdAt } = stored.message;
  return {
    key: `${messageId} ${to}`,
    at: createdAt,
    event: "mail",
    text: `${from} -> ${to}: ${kind}, ${Buffer.byteLength(body)} bytes`,
    who: [from, to],
    ...written(stored),
  };
}

function written({ message: { body, summary } }: StoredMessage): Pick<Moment, "body" | "summary"> {
  return { body, ...(summary === undefined ? {} : { summary }) };
}
