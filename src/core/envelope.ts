import type { MessageId } from "./ids.ts";
import { isoTime } from "./instant.ts";
import type { Message, Reference } from "./message.ts";

/**
 * The form in which a model reads mail: one `<peer_message …>` a message, one prompt a batch. What stands inside comes from
 * other models, so two things are guaranteed whatever they write: no body and no attribute can open or close an
 * envelope, and nothing but that is touched, because bodies carry code and patches.
 *
 * In bodies only what could be read as a tag of ours is escaped, `<peer_` and `</peer_` in any case. A closing tag is also
 * caught with white space around its slash, and both with invisible characters in between; `< peer_` with plain
 * white space is left alone, since `i < peer_count` is code and no tag. The escape can be undone exactly: a body that
 * holds `&lt;peer_` already gets `&amp;lt;peer_`, and so on.
 */

/** `<` where a tag of ours would follow; the second arm of each is what makes the escape reversible. */
const TAG_AHEAD = String.raw`(?=\p{Cf}*peer_|[\s\p{Cf}]*\/[\s\p{Cf}]*peer_)`;
const ENVELOPE_TAG = new RegExp(`<${TAG_AHEAD}|&(?=(?:amp;)*lt;${TAG_AHEAD})`, "giu");

/** Control characters but tab and newline. Carriage returns are among them: a CRLF becomes a newline. */
const CONTROLS = /[^\P{Cc}\t\n]/gu;
/** Halves of a surrogate pair without the other half: no UTF-8 can hold them. */
const LONE_SURROGATES = /\p{Cs}/gu;

/** Everything that could end an attribute, a tag or a line. */
const ATTRIBUTE_SPECIALS = /[&<>"'\t\n\u2028\u2029]/gu;
const ATTRIBUTE_ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\u2028": "&#8232;",
  "\u2029": "&#8233;",
};

/** One message as its recipient's model reads it. A pure function of the record: the same text at every attempt. */
export function renderEnvelope(message: Message): string {
  const attributes = [
    attribute("from", message.from),
    attribute("kind", message.kind),
    attribute("messageId", message.messageId),
    attribute("timestamp", isoTime(message.createdAt)),
    attribute("correlationId", message.correlationId),
    attribute("summary", message.summary),
  ].join("");
  return `<peer_message${attributes}>${escaped(content(message))}</peer_message>`;
}

/** The text of a batch: its envelopes in order, one below the other. */
export function renderBatch(messages: readonly Message[]): string {
  return messages.map(renderEnvelope).join("\n");
}

/**
 * Points the recipient at mail that is in its transcript, but was not in the list its last step was sent. It holds no
 * body: every message stands once in a transcript.
 */
export function renderReminder(messageIds: readonly MessageId[]): string {
  return (
    `<peer_reminder${attribute("messageIds", messageIds.join(" "))}>` +
    "These messages stand above in this conversation and you have not answered them yet. Read them and act on them now." +
    "</peer_reminder>"
  );
}

/** Length of the text in UTF-8: what quotas count. A lone surrogate counts as the replacement it will be stored as. */
export function utf8Bytes(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) bytes += 1;
    else if (code < 0x800) bytes += 2;
    else if (code < 0x1_0000) bytes += 3;
    else bytes += 4;
  }
  return bytes;
}

/** The body, and below it what the sender points at, one line a file. */
function content(message: Message): string {
  const body = clean(message.body);
  const references = message.references ?? [];
  if (references.length === 0) return body;
  return `${body}\n\nReferences:\n${references.map(referenceLine).join("\n")}`;
}

function referenceLine({ path, description }: Reference): string {
  return description ? `- ${oneLine(path)}: ${oneLine(description)}` : `- ${oneLine(path)}`;
}

function oneLine(text: string): string {
  return clean(text).replace(/\s+/gu, " ").trim();
}

function clean(text: string): string {
  return text.replace(LONE_SURROGATES, "\ufffd").replace(CONTROLS, "");
}

/** Cleaned text only: what is dropped later could bring the two halves of a tag together. */
function escaped(text: string): string {
  return text.replace(ENVELOPE_TAG, (found) => (found === "<" ? "&lt;" : "&amp;"));
}

function attribute(name: string, value: string | undefined): string {
  if (value === undefined) return "";
  const quoted = clean(value).replace(ATTRIBUTE_SPECIALS, (found) => ATTRIBUTE_ESCAPES[found] ?? "");
  return ` ${name}="${quoted}"`;
}
