import type { Instant } from "../core/ids.ts";
import type { TranscriptEntry } from "../core/verdict.ts";
import { sendFor, type Transport } from "./client.ts";
import { type Fields, fields, finite, list, present, text } from "./decode.ts";
import { markOf } from "./marks.ts";

/**
 * A session's stored messages. The host pages from the newest: `limit`, and a cursor in `x-next-cursor` for what is
 * older. A session of a day's work has thousands of messages with whole files in them, so nobody here asks for all.
 */

/** `{info, parts}` as the host stores it. */
export interface StoredMessage {
  readonly info: Fields;
  readonly parts: readonly Fields[];
}

/** One page covers the last turns of a member; a second is rarely needed. */
const PAGE = 50;

/**
 * Hands over messages newest first, until `enough` says so or there are none left.
 *
 * @returns false when the session is gone.
 */
export async function readBack(
  transport: Transport,
  sessionId: string,
  enough: (message: StoredMessage) => boolean,
  page: number = PAGE,
): Promise<boolean> {
  const path = `/session/${encodeURIComponent(sessionId)}/message`;
  let before: string | undefined;
  for (;;) {
    const query = present({ limit: page, before });
    const answer = await sendFor(transport, { method: "GET", path, query });
    if (!answer) return false;
    const messages = list(answer.body).map(storedMessage);
    if (messages.toReversed().some(enough)) return true;
    before = answer.headers.get("x-next-cursor") ?? undefined;
    if (before === undefined || messages.length === 0) return true;
  }
}

/** One stored message; undefined when it or its session is gone. */
export async function readMessage(
  transport: Transport,
  sessionId: string,
  hostMessageId: string,
): Promise<StoredMessage | undefined> {
  const path = `/session/${encodeURIComponent(sessionId)}/message/${encodeURIComponent(hostMessageId)}`;
  const answer = await sendFor(transport, { method: "GET", path });
  return answer && storedMessage(answer.body);
}

/**
 * The history of a session, oldest first, as far back as `since`; undefined when the session is gone.
 *
 * @param since when our mail was reserved: what is older cannot be it. The whole history without it.
 */
export async function readTranscript(
  transport: Transport,
  sessionId: string,
  since: Instant = Number.NEGATIVE_INFINITY,
): Promise<readonly TranscriptEntry[] | undefined> {
  const messages: StoredMessage[] = [];
  const found = await readBack(transport, sessionId, (message) => {
    messages.push(message);
    // The page is here already, and a clock that was set back makes what was reserved before look younger than it is.
    return messages.length >= PAGE && createdAt(message) < since;
  });
  if (!found) return undefined;
  messages.reverse();
  const boundary = boundaryOf(messages);
  return messages.map((message) => entryOf(message, boundary));
}

function storedMessage(value: unknown): StoredMessage {
  const { info, parts } = fields(value);
  return { info: fields(info), parts: list(parts).map(fields) };
}

export function createdAt(message: StoredMessage): Instant {
  return finite(fields(message.info["time"])["created"]) ?? 0;
}

/** The texts of a message's parts as its author wrote them: not what the host added, nor what is kept from the model. */
export function textOf(parts: readonly Fields[]): string {
  return (
    parts
      .filter((part) => part["type"] === "text" && part["ignored"] !== true && part["synthetic"] !== true)
      // A connection that broke leaves an empty text behind, before the one of the next try (measured).
      .flatMap((part) => text(part["text"]) || [])
      .join("\n")
  );
}

/**
 * The message from which on the model still sees the history. The newest *completed* compaction decides: one whose
 * summary failed hides nothing, and is tried again. Its user message names, in `tail_start_id`, where the part of the
 * history starts that is kept beside the summary; without one the history starts at that message itself.
 */
function boundaryOf(messages: readonly StoredMessage[]): string | undefined {
  const summarised = new Set(
    messages
      .filter(({ info }) => info["role"] === "assistant" && info["summary"] === true)
      .filter(({ info }) => text(info["finish"]) !== undefined && !info["error"])
      .map(({ info }) => info["parentID"]),
  );
  const newest = messages.findLast((message) => summarised.has(message.info["id"]) && compactionIn(message));
  if (!newest) return undefined;
  return text(compactionIn(newest)?.["tail_start_id"]) ?? text(newest.info["id"]);
}

function compactionIn(message: StoredMessage): Fields | undefined {
  return message.parts.find((part) => part["type"] === "compaction");
}

function entryOf(message: StoredMessage, boundary: string | undefined): TranscriptEntry {
  const { info, parts } = message;
  const hostMessageId = text(info["id"]) ?? "";
  const isAssistant = info["role"] === "assistant";
  return present({
    hostMessageId,
    role: isAssistant ? ("assistant" as const) : ("user" as const),
    createdAt: createdAt(message),
    completedAt: finite(fields(info["time"])["completed"]),
    parentId: text(info["parentID"]),
    finish: text(info["finish"]),
    failed: isAssistant && Boolean(info["error"]),
    summary: isAssistant && info["summary"] === true,
    boundary: hostMessageId === boundary,
    marked: parts.flatMap((part) => {
      const mark = markOf(part);
      return mark ? [{ mark, text: text(part["text"]) ?? "" }] : [];
    }),
  });
}
