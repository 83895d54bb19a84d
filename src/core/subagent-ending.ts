import type { HostFault, TaskCall } from "./facts.ts";
import type { SessionId } from "./ids.ts";
import { readEnvelope } from "./subagent-envelope.ts";

/**
 * How a call of the host's `task` tool ended, by structure: where the call stands, what the host noted beside it, and how the
 * subagent's own last message ended. Never by words of a result, which may speak of any failure.
 *
 * ```
 * call over, or cut off ──> invalid_call   it never reached a subagent
 *                       ├─> done           it brought a result
 *                       └─> the subagent's session is looked at ──> missing | rejected | aborted | provider
 *                                                                   | provider_fatal | empty | crashed | unknown
 * ```
 */
export type Ending =
  | "invalid_call"
  | "done"
  | "missing"
  | "rejected"
  | "aborted"
  | "provider"
  | "provider_fatal"
  | "empty"
  | "crashed"
  | "unknown";

/** A call of `task` that nobody waits for any more. */
export interface CallEnd {
  /** `left`: whoever ran it is dead. */
  readonly outcome: "completed" | "failed" | "left";
  /** The subagent's session, if it came to one. */
  readonly childId?: SessionId;
  /** The host stopped it together with its turn. */
  readonly interrupted: boolean;
  /** It brought no text. */
  readonly empty: boolean;
  /** All that was said of a failure is one of the host's own words for an abort. */
  readonly saidAborted: boolean;
}

/** The subagent's session as the host has it stored, from the beginning of the call on. */
export interface ChildSight {
  /** The host works on it. */
  readonly working: boolean;
  /** Its newest message, if there is one. */
  readonly step?: {
    readonly completed: boolean;
    readonly fault?: HostFault;
    /** The host would take another step after it by itself. */
    readonly midTurn: boolean;
    /** It has a text. */
    readonly said: boolean;
    /** The host stopped at it by itself, because a call in it was declined. */
    readonly refused: boolean;
  };
  readonly remains: Remains;
  /** Calls of its shell that were running. */
  readonly shells: readonly string[];
}

/** Work that can be found again. */
export interface Remains {
  /** Completed tool calls. */
  readonly calls: number;
  /** Files that were changed. */
  readonly files: number;
  /** The model has said something. */
  readonly text: boolean;
}

export function hasRemains({ calls, files, text }: Remains): boolean {
  return calls > 0 || files > 0 || text;
}

/** What could be learned about a subagent's session. */
export type Look = ChildSight | "gone" | "unseen";

/** Complete texts, as the host writes them when a call is stopped. */
const ABORTED: ReadonlySet<string> = new Set(["Task cancelled", "Tool execution aborted", "Cancelled"]);

/** A call in the host's own form. A job in the background is over for its call as soon as it has begun. */
export function endOfCall(outcome: CallEnd["outcome"], { metadata, output, error }: TaskCall): CallEnd {
  const text = outcome === "completed" ? (output ?? "") : (error ?? "");
  const known = metadata["sessionId"];
  const envelope = readEnvelope(text, typeof known === "string" ? known : undefined);
  const childId = typeof known === "string" ? known : envelope.sessionId;
  return {
    outcome: outcome === "completed" && envelope.state === "error" ? "failed" : outcome,
    ...(childId === undefined ? {} : { childId }),
    interrupted: metadata["interrupted"] === true,
    empty: envelope.empty,
    saidAborted: outcome === "failed" && ABORTED.has(text.trim()),
  };
}

/** Whether the call has only started a job that goes on without it. */
export function isBackground({ metadata }: TaskCall): boolean {
  return metadata["background"] === true;
}

/**
 * The end of a job in the background, which its call does not tell.
 *
 * @param abandoned whoever ran it is dead.
 */
export function endOfJob(childId: SessionId, look: Look, abandoned: boolean): CallEnd {
  const end = { childId, interrupted: false, empty: true, saidAborted: false } as const;
  const step = stepOf(look);
  const isCut = step === undefined || !step.completed || (step.midTurn && !step.refused && !step.fault);
  if (isCut) return { ...end, outcome: abandoned ? "left" : "failed" };
  return step.fault || step.refused
    ? { ...end, outcome: "failed" }
    : { ...end, outcome: "completed", empty: !step.said };
}

export interface EndingRow {
  readonly ending: Ending;
  /** What has to be so, for people. */
  readonly signal: string;
}

interface Row extends EndingRow {
  holds(end: CallEnd, look: Look): boolean;
}

/** Decided by the call alone, before anybody is asked. */
const BY_CALL: readonly Row[] = [
  {
    ending: "invalid_call",
    signal: "the call came to no session: wrong arguments, unknown agent, depth limit",
    holds: ({ childId }) => childId === undefined,
  },
  {
    ending: "done",
    signal: "completed with a text",
    holds: ({ outcome, empty }) => outcome === "completed" && !empty,
  },
];

const BY_SESSION: readonly Row[] = [
  { ending: "missing", signal: "the host knows no such session", holds: (_, look) => look === "gone" },
  {
    ending: "rejected",
    signal: "the subagent stopped at a call that was declined",
    holds: ({ outcome }, look) => outcome === "failed" && stepOf(look)?.refused === true,
  },
  {
    ending: "aborted",
    signal:
      "`metadata.interrupted`; or the whole error is `Task cancelled`, `Tool execution aborted` or `Cancelled`; or the subagent ended with `MessageAbortedError`",
    holds: (end, look) =>
      end.interrupted || end.saidAborted || stepOf(look)?.fault?.name === "MessageAbortedError",
  },
  {
    ending: "provider",
    signal:
      "the subagent ended with `ContextOverflowError`, `MessageOutputLengthError`, or an `APIError` that is retryable, has no status, or 408, 409, 429, 5xx",
    holds: (_, look) => isOutage(stepOf(look)?.fault),
  },
  {
    ending: "provider_fatal",
    signal: "it ended with `ProviderAuthError`, `ContentFilterError` or any other `APIError`",
    holds: (_, look) => FATAL.has(stepOf(look)?.fault?.name ?? ""),
  },
  {
    ending: "empty",
    signal: "completed without a text",
    holds: ({ outcome }) => outcome === "completed",
  },
  {
    ending: "crashed",
    signal: "never ended, and whoever ran it is dead",
    holds: ({ outcome }) => outcome === "left",
  },
  { ending: "unknown", signal: "failed in any other way", holds: () => true },
];

/** The order in which it is decided: the first row that holds. */
export const ENDING_ROWS: readonly EndingRow[] = [...BY_CALL, ...BY_SESSION];

/** The verdict where the call itself is enough for one. */
export function endingByCall(end: CallEnd): Ending | undefined {
  return BY_CALL.find((row) => row.holds(end, "unseen"))?.ending;
}

export function endingOf(end: CallEnd, look: Look): Ending {
  return endingByCall(end) ?? BY_SESSION.find((row) => row.holds(end, look))?.ending ?? "unknown";
}

/** Endings of which the caller is told nothing: there is no work to be found, or it has its result. */
const SILENT: ReadonlySet<Ending> = new Set<Ending>(["invalid_call", "done", "missing"]);

export type Interruption = Exclude<Ending, "invalid_call" | "done" | "missing">;

export function isInterruption(ending: Ending): ending is Interruption {
  return !SILENT.has(ending);
}

/** Whether what ended it was its own length: going on would end in the same way. */
export function isTooLong(look: Look): boolean {
  return stepOf(look)?.fault?.name === "ContextOverflowError";
}

/** A session that still works, or whose last message is not complete, may show more in a moment. */
export function isSettled(look: Look): boolean {
  return typeof look === "string" || (!look.working && look.step?.completed !== false);
}

/** As long as the entries live, and no longer, somebody may come back to a call (requirement REC-17). */
export const KEPT_MS: number = 7 * 24 * 60 * 60 * 1_000;

function stepOf(look: Look): ChildSight["step"] {
  return typeof look === "string" ? undefined : look.step;
}

const FATAL: ReadonlySet<string> = new Set(["ProviderAuthError", "ContentFilterError", "APIError"]);
const OUTAGES: ReadonlySet<string> = new Set(["ContextOverflowError", "MessageOutputLengthError"]);
/** Client errors that say nothing against the request: timeout, conflict, too many. */
const PASSING: ReadonlySet<number> = new Set([408, 409, 429]);

function isOutage(fault: HostFault | undefined): boolean {
  if (fault === undefined) return false;
  if (OUTAGES.has(fault.name)) return true;
  if (fault.name !== "APIError") return false;
  const { statusCode, retryable } = fault;
  // Without a status nobody has answered: the connection failed, or the stream ended.
  return retryable === true || statusCode === undefined || statusCode >= 500 || PASSING.has(statusCode);
}
