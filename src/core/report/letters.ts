import type { JournalEntry } from "../effects.ts";
import { utf8Bytes } from "../envelope.ts";
import type { Instant } from "../ids.ts";
import type { Message } from "../message.ts";
import { fields, list, number, text } from "../trace/entry.ts";
import type { LetterState } from "./report.ts";
import { shown } from "./shown.ts";

/** A message as it lies in an inbox. */
export interface Mail {
  readonly message: Pick<Message, "messageId" | "from" | "to" | "kind" | "body" | "summary" | "createdAt">;
  readonly place: string;
}

/** One message to one recipient. Its times are instants. */
export interface Post {
  readonly from: string;
  readonly to: string;
  readonly sentAt: Instant;
  readonly readAt?: Instant;
  readonly state: LetterState;
  readonly kind: string;
  readonly bytes?: number;
  readonly summary?: string;
}

/**
 * All mail of a run. The journal says when a message was sent and when a model was first sent it; briefs and notices are only
 * in the inboxes, and what is gone from there is only in the journal.
 */
export function postOf(journal: readonly JournalEntry[], mail: readonly Mail[]): readonly Post[] {
  const readAt = new Map<string, Instant>();
  const givenUp = new Set<string>();
  const posts = new Map<string, Post>();
  for (const entry of journal) {
    if (entry.event === "step_ended") noteRead(readAt, entry);
    if (entry.event === "messages_given_up")
      for (const id of list(entry["messageIds"])) givenUp.add(keyOf(id, entry["recipient"]));
    if (entry.event === "message_sent" || entry.event === "report_sent")
      for (const [key, post] of sentIn(entry)) posts.set(key, post);
  }
  for (const { message, place } of mail) {
    const key = keyOf(message.messageId, message.to);
    if (place === "dead") givenUp.add(key);
    posts.set(key, { ...inboxed(message, place), ...sentAtOf(posts.get(key)) });
  }
  return [...posts]
    .map(([key, post]): Post => {
      const at = readAt.get(key);
      if (at !== undefined) return { ...post, state: "read", readAt: Math.max(at, post.sentAt) };
      return givenUp.has(key) ? { ...post, state: "given up" } : post;
    })
    .toSorted((one, other) => one.sentAt - other.sentAt);
}

function noteRead(readAt: Map<string, Instant>, entry: JournalEntry): void {
  const at = number(fields(entry["step"])["startedAt"]) ?? entry.at;
  for (const id of list(entry["mail"])) {
    const key = keyOf(id, entry["participant"]);
    if (!readAt.has(key)) readAt.set(key, at);
  }
}

function sentIn(entry: JournalEntry): readonly (readonly [string, Post])[] {
  const [from, bytes] = [text(entry["from"]), number(entry["bytes"])];
  if (from === undefined) return [];
  return list(entry["to"]).map((to) => [
    keyOf(entry["messageId"], to),
    {
      from,
      to: String(to),
      sentAt: entry.at,
      state: "waiting",
      kind: text(entry["kind"]) ?? "final_report",
      ...(bytes === undefined ? {} : { bytes }),
    },
  ]);
}

function inboxed({ from, to, kind, body, summary, createdAt }: Mail["message"], place: string): Post {
  return {
    from,
    to,
    sentAt: createdAt,
    state: place === "processed" ? "read" : "waiting",
    kind,
    bytes: utf8Bytes(body),
    ...(summary === undefined ? {} : { summary: shown(summary) }),
  };
}

/** The journal's time stands: bars are by it. */
function sentAtOf(post: Post | undefined): Partial<Post> {
  return post ? { sentAt: post.sentAt } : {};
}

function keyOf(messageId: unknown, to: unknown): string {
  return JSON.stringify([messageId, to]);
}
