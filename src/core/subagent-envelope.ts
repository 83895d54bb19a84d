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
 * A result may quote any of them, so nothing that is said inside it counts, and what looks like an envelope *is* a quotation
 * when it names another session than the one that is known, or than the one named below it. The host's own metadata comes
 * first; the text is for where that is missing.
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
const METADATA_LINE = new RegExp(`^(?:session_id|task_id): (${ID})$`);
const FAILURE = new RegExp(`^(?:Tool execution failed: )?Subagent failed \\(task_id: (${ID})\\)`);

const OPENS = new Set(["<task_result>", "<task_error>"]);
/** What may stand around a result without being text of anybody. */
const HEAD_LINES = [XML_HEADER, ID_LINE, STATE_LINE, ID_ELEMENT, /^<\/task>$/, /^<summary>.*<\/summary>$/];
const CLOSES = new Set(["</task_result>", "</task_error>"]);

/** @param known the session of the call, where the host's metadata names it. */
export function readEnvelope(text: string, known?: SessionId): Envelope {
  const lines = text
    .replaceAll("\r\n", "\n")
    .split("\n")
    .map((line) => line.trim());
  const frame = frameIn(lines);
  const block = blockIn(lines, frame?.close ?? -1);
  const below = elementAtEnd(lines) ?? block?.id;
  const sessionId = below ?? frame?.id ?? failureIn(lines);
  const named = sessionId === undefined ? {} : { sessionId };
  if (!frame || frame.id !== (known ?? sessionId) || (known === undefined && frame.isInText)) {
    return { ...named, empty: isBlank(without(lines, block)) };
  }
  const { state, result } = frame;
  return { ...named, ...(state === undefined ? {} : { state }), empty: isBlank(result) };
}

/** A result between tags, below a head that says whose it is. */
interface Frame {
  readonly id: SessionId;
  readonly state?: Envelope["state"];
  readonly result: readonly string[];
  readonly close: number;
  /** There is text before it or behind it. */
  readonly isInText: boolean;
}

function frameIn(lines: readonly string[]): Frame | undefined {
  const open = lines.findIndex((line) => OPENS.has(line));
  const close = lines.findLastIndex((line) => CLOSES.has(line));
  if (open < 0 || close <= open) return undefined;
  const head = lines.slice(0, open);
  const tail = lines.slice(close + 1);
  const xml = firstMatch(head, XML_HEADER);
  const id = (xml ?? firstMatch(head, ID_LINE) ?? firstMatch([...head, ...tail], ID_ELEMENT))?.[1];
  if (id === undefined) return undefined;
  const state = (xml?.[2] ?? firstMatch(head, STATE_LINE)?.[1]) as Envelope["state"];
  const around = [...head, ...tail].filter(
    (line) => line !== "" && !HEAD_LINES.some((form) => form.test(line)),
  );
  return {
    id,
    ...(state === undefined ? {} : { state }),
    result: lines.slice(open + 1, close),
    close,
    isInText: around.length > 0,
  };
}

interface Block {
  readonly id: SessionId;
  readonly start: number;
  readonly end: number;
}

/** The block below the result: the last one, for a result may quote one. */
function blockIn(lines: readonly string[], after: number): Block | undefined {
  const start = lines.lastIndexOf("<task_metadata>");
  const end = lines.lastIndexOf("</task_metadata>");
  if (start <= after || end <= start) return undefined;
  const id = firstMatch(lines.slice(start + 1, end), METADATA_LINE)?.[1];
  return id === undefined ? undefined : { id, start, end };
}

/** Beside a result without tags it stands at the end, where no result goes on. */
function elementAtEnd(lines: readonly string[]): SessionId | undefined {
  return ID_ELEMENT.exec(lines.findLast((line) => line !== "") ?? "")?.[1];
}

/** The host's sentence begins a failure's text. */
function failureIn(lines: readonly string[]): SessionId | undefined {
  return FAILURE.exec(lines.find((line) => line !== "") ?? "")?.[1];
}

function without(lines: readonly string[], block: Block | undefined): readonly string[] {
  return lines.filter(
    (line, at) => !ID_ELEMENT.test(line) && (block === undefined || at < block.start || at > block.end),
  );
}

function firstMatch(lines: readonly string[], form: RegExp): RegExpExecArray | undefined {
  for (const line of lines) {
    const found = form.exec(line);
    if (found) return found;
  }
  return undefined;
}

function isBlank(lines: readonly string[]): boolean {
  return lines.every((line) => line === "");
}
