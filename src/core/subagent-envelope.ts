import type { SessionId } from "./ids.ts";

/**
 * What the host and other plugins write *around* the result of a `task` call. Five forms name the subagent's session:
 *
 * ```
 * <task id="ses_1" state="completed">        since 1.15.13
 * task_id: ses_1 (for resuming …)            1.1.58 to 1.15.4, above <task_result>
 * <task_metadata> … session_id: ses_1 …      1.0.98 to 1.1.34 and other plugins, below the result
 * <task_id>ses_1</task_id>                   other plugins, above or below
 * Subagent failed (task_id: ses_1): …        since 1.18.20, of a failure
 * ```
 *
 * Nothing is read out of the result itself: it may quote any of them. The host's own metadata names the session as well and
 * comes first; this is what is left where that is missing.
 */
export interface Envelope {
  readonly sessionId?: SessionId;
  /** As the envelope says it; a result that quotes one says nothing. */
  readonly state?: "completed" | "running" | "error";
  /** There is no result in it, or nothing but blanks. */
  readonly empty: boolean;
}

const ID = "ses_[A-Za-z0-9]+";
const XML_HEADER = new RegExp(`^<task id="(${ID})"(?: state="(completed|running|error)")?[^<>]*>$`);
const ID_LINE = new RegExp(`^task_id: (${ID})\\b`);
const STATE_LINE = /^state: (completed|running|error)$/;
const ID_ELEMENT = new RegExp(`^<task_id>(${ID})</task_id>$`);
const METADATA_LINE = new RegExp(`^\\s*(?:session_id|task_id): (${ID})\\s*$`);
const FAILURE = new RegExp(`^(?:Tool execution failed: )?Subagent failed \\(task_id: (${ID})\\)`);

const OPENS = new Set(["<task_result>", "<task_error>"]);
const CLOSES = new Set(["</task_result>", "</task_error>"]);

export function readEnvelope(text: string): Envelope {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  const open = lines.findIndex((line) => OPENS.has(line.trim()));
  const close = lines.findLastIndex((line) => CLOSES.has(line.trim()));
  const metadata = metadataBelow(lines, close);
  const head = lines.slice(0, open);
  if (open >= 0 && close > open && isHead(head, metadata.id !== undefined)) {
    return framed(head, lines.slice(open + 1, close), lines.slice(close + 1), metadata.id);
  }
  const failed = FAILURE.exec(lines.find((line) => line.trim() !== "") ?? "")?.[1];
  const result = metadata.start === undefined ? lines : lines.slice(0, metadata.start);
  const id = metadata.id ?? failed ?? idElementAtEnd(result);
  const isBare = id === undefined || failed !== undefined;
  const own = isBare ? result : result.filter((line) => !ID_ELEMENT.test(line.trim()));
  return { ...(id === undefined ? {} : { sessionId: id }), empty: isBlank(own) };
}

/** A result between tags, below a head that says whose it is. */
function framed(
  head: readonly string[],
  result: readonly string[],
  tail: readonly string[],
  below: SessionId | undefined,
): Envelope {
  const xml = firstMatch(head, XML_HEADER);
  const line = firstMatch(head, ID_LINE);
  const element = firstMatch(head, ID_ELEMENT) ?? firstMatch(tail, ID_ELEMENT);
  const id = xml?.[1] ?? line?.[1] ?? below ?? element?.[1];
  const state = (xml?.[2] ?? firstMatch(head, STATE_LINE)?.[1]) as Envelope["state"];
  return {
    ...(id === undefined ? {} : { sessionId: id }),
    ...(state === undefined ? {} : { state }),
    empty: isBlank(result),
  };
}

/**
 * Other plugins put text above the head. But where a block below says whose the result is, text above tags *is* the result,
 * and quotes them.
 */
function isHead(lines: readonly string[], isBelow: boolean): boolean {
  const filled = lines.filter((line) => line.trim() !== "");
  const where = isBelow ? filled.slice(0, 1) : filled;
  return where.some((line) => [XML_HEADER, ID_LINE, ID_ELEMENT].some((form) => form.test(line.trim())));
}

/** The block below the result: the last one, for a result may quote one. */
function metadataBelow(
  lines: readonly string[],
  after: number,
): { readonly start?: number; readonly id?: SessionId } {
  const start = lines.findLastIndex((line) => line.trim() === "<task_metadata>");
  const end = lines.findLastIndex((line) => line.trim() === "</task_metadata>");
  if (start <= after || end <= start) return {};
  const id = firstMatch(lines.slice(start + 1, end), METADATA_LINE)?.[1];
  return id === undefined ? {} : { start, id };
}

/** Beside a result without tags it stands at the end, where no result goes on. */
function idElementAtEnd(lines: readonly string[]): SessionId | undefined {
  const last = lines.findLast((line) => line.trim() !== "");
  return ID_ELEMENT.exec(last?.trim() ?? "")?.[1];
}

function firstMatch(lines: readonly string[], form: RegExp): RegExpExecArray | undefined {
  for (const line of lines) {
    const found = form.exec(line.trim());
    if (found) return found;
  }
  return undefined;
}

function isBlank(lines: readonly string[]): boolean {
  return lines.every((line) => line.trim() === "");
}
