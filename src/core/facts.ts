import type { FlotillaMark } from "./delivery.ts";
import type { Instant, SessionId } from "./ids.ts";

/**
 * What the host told us, decoded and stripped of host types. A fact may come twice, late, or never; whoever consumes
 * one treats a repeat as nothing. The order of facts of one session is the order in which the host published them.
 */
export type Fact =
  /** The host works on the session; `retry` is a back-off after a provider error. */
  | { readonly type: "session_busy"; readonly sessionId: SessionId; readonly retry?: RetryNotice }
  /** A *hint* that a turn may have ended. Never more: idle comes twice, early, and false. */
  | { readonly type: "session_idle"; readonly sessionId: SessionId }
  | {
      readonly type: "session_opened";
      readonly sessionId: SessionId;
      readonly parentId?: SessionId;
      /** It is a member's: a child of its lead's, and no subagent of it. */
      readonly isMember?: true;
    }
  | { readonly type: "session_deleted"; readonly sessionId: SessionId }
  | { readonly type: "session_compacted"; readonly sessionId: SessionId }
  | { readonly type: "session_errored"; readonly sessionId: SessionId; readonly error: HostFault }
  /** A model call is over: its assistant message is complete. */
  | { readonly type: "step_ended"; readonly sessionId: SessionId; readonly step: ModelStep }
  | ToolStarted
  | ToolEnded
  | { readonly type: "message_removed"; readonly sessionId: SessionId; readonly hostMessageId: string }
  /** The host has just described the session, and it is not in the middle of an undo. */
  | { readonly type: "undo_absent"; readonly sessionId: SessionId }
  /** A prompt reached the session, ours (`mark`) or anybody's. */
  | {
      readonly type: "prompt_received";
      readonly sessionId: SessionId;
      readonly hostMessageId: string;
      readonly mark?: FlotillaMark;
    }
  /** The very list that goes to the model, reduced to the parts that carry our mark. */
  | {
      readonly type: "list_shown";
      readonly sessionId: SessionId;
      readonly shown: readonly ShownBatch[];
      /** The newest assistant message in the list: the step that was sent the list before this one. */
      readonly lastStepId?: string;
      /** That message is a finished answer without an error, and no summary. */
      readonly lastStepAnswered?: true;
      /** How that message had ended its turn: the host goes on without a rest because a newer prompt has come. */
      readonly passed?: { readonly finish: string; readonly text: string };
    }
  /** From here to the end of the summary, shown lists are no witness. */
  | { readonly type: "compaction_started"; readonly sessionId: SessionId }
  | { readonly type: "gate_opened"; readonly sessionId: SessionId; readonly gate: Gate }
  | {
      readonly type: "gate_closed";
      readonly sessionId: SessionId;
      readonly requestId: string;
      readonly reply?: GateReply;
    };

/** How a permission or a question was answered. */
export type GateReply = "once" | "always" | "reject" | "answered";

/** A call of a tool by a model. Only of `task` is anything kept that the call was given or has brought. */
interface ToolUse {
  readonly sessionId: SessionId;
  readonly hostMessageId: string;
  /** As the provider numbers it: of its message's own calls alone. */
  readonly callId: string;
  readonly tool: string;
  readonly startedAt: Instant;
  readonly task?: TaskCall;
}

/**
 * The call runs, or waits for the approval that it needs. Of `task` it is told once more if its session is known only
 * later, as after an approval.
 */
export interface ToolStarted extends ToolUse {
  readonly type: "tool_started";
}

/** The call is over. One that was not let run at all has no start of its own: it ends when it starts. */
export interface ToolEnded extends ToolUse {
  readonly type: "tool_ended";
  readonly endedAt: Instant;
  readonly outcome: "completed" | "failed";
  /** Of one that failed: whether it was let run, or to its end. */
  readonly reason?: ToolFailure;
}

/** A model call as it is found in the host's store, with the tool calls that it led to. */
export interface StoredStep {
  readonly step: ModelStep;
  readonly tools: readonly ToolRun[];
}

/** A tool call that has ended, without what it was given or has brought. */
export type ToolRun = Omit<ToolEnded, "type" | "sessionId" | "task">;

/** Why a call failed, as far as its text says: a person's or a rule's no, a stopped turn, or the tool itself. */
export type ToolFailure = "permission_rejected" | "aborted" | "tool_error";

/** The host's own tool that lets a subagent work, as the host has the call. */
export interface TaskCall {
  readonly input: Readonly<Record<string, unknown>>;
  /** `sessionId` is the subagent's; `interrupted` stands there after an abort. */
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly output?: string;
  readonly error?: string;
}

export interface RetryNotice {
  readonly attempt: number;
  readonly message: string;
  readonly nextAt: Instant;
}

/** An error as the host names it, e.g. `MessageAbortedError`, `APIError`. */
export interface HostFault {
  readonly name: string;
  readonly message: string;
  readonly statusCode?: number;
  readonly retryable?: boolean;
}

/** One completed model call. Token figures are the host's own: `input` excludes what was read from the cache. */
export interface ModelStep {
  readonly hostMessageId: string;
  /** Which agent asked which model, as the host names them. */
  readonly agent?: string;
  readonly providerId?: string;
  readonly modelId?: string;
  /** The newest user message of the list that was sent; no proof that older ones were in it. */
  readonly parentId?: string;
  /** `stop`, `tool-calls`, …; absent when the call was cut. */
  readonly finish?: string;
  readonly error?: HostFault;
  /** A compaction's summary, never an answer to mail. */
  readonly summary: boolean;
  readonly tokens: TokenCount;
  /** In the provider's currency as the host computes it. */
  readonly cost: number;
  readonly startedAt: Instant;
  readonly completedAt: Instant;
}

export interface TokenCount {
  readonly input: number;
  readonly output: number;
  readonly reasoning: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
}

/** A part with our mark in a list that goes to a model, with the text as the model gets it. */
export interface ShownBatch {
  readonly mark: FlotillaMark;
  readonly text: string;
}

/** A tool call: providers number those of each message anew. */
export interface CallId {
  readonly hostMessageId: string;
  readonly callId: string;
}

/** Something only a person (or policy) can decide, which holds the session. */
export interface Gate {
  readonly kind: "permission" | "question";
  readonly requestId: string;
  /** The session that asks, where it is one below the participant's: a subagent of its. */
  readonly sessionId?: SessionId;
  /** For a permission its name (`bash`, `edit`, …), for a question its header. */
  readonly subject: string;
  /** What it is asked for: patterns, or the question's text. */
  readonly detail: string;
  /** For a permission: what an answer of `always` would allow from then on. */
  readonly always?: readonly string[];
  /** The tool call that waits, if it is one. */
  readonly call?: CallId;
  readonly openedAt: Instant;
}
