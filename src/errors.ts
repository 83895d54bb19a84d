import type { Refusal, RefusalCode } from "./core/refusal.ts";

const FAULTS = {
  host_timeout: "A call to the host did not answer within its deadline.",
  host_refused: "The host answered a call with an error.",
  host_unreachable: "The host could not be reached.",
  storage_failed: "A file of the run could not be read or written.",
  worktree_failed: "Git could not give a member the worktree it is to have, or could not look at it.",
  pane_failed: "The terminal multiplexer could not show a member, or could not be asked.",
  lock_timeout: "The run's lock stayed with a live holder longer than the wait allows.",
  record_unreadable: "A stored record could not be understood and was set aside.",
  config_invalid: "The team_mode configuration breaks a rule.",
  internal: "A defect of the plugin.",
} as const;

/** Codes of what goes wrong beyond a refusal: the world did not do what it was asked. */
export type FaultCode = keyof typeof FAULTS;

/** Each with its meaning. With the refusals of `core/refusal.ts` these are all codes; `docs/errors.md` lists them. */
export const FAULT_CODES: Readonly<Record<FaultCode, string>> = FAULTS;

export type ErrorCode = RefusalCode | FaultCode;

export interface ErrorParts {
  readonly code: ErrorCode;
  /** What is so, with the values received. */
  readonly message: string;
  /** The next step, written for its reader. */
  readonly hint: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The one error class. Programs switch on `code`, people and models read `message` and `hint`. */
export class FlotillaError extends Error {
  override readonly name = "FlotillaError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(parts: ErrorParts) {
    super(parts.message, parts.cause === undefined ? undefined : { cause: parts.cause });
    this.code = parts.code;
    this.hint = parts.hint;
    this.details = parts.details ?? {};
  }

  /** `<code>: <message>. <hint>`, for a host that passes nothing else on of an error. */
  said(cause: unknown = this): Error {
    const sentence = /[.!?]$/.test(this.message) ? this.message : `${this.message}.`;
    return new Error(`${this.code}: ${sentence} ${this.hint}`, { cause });
  }

  static of(refusal: Refusal): FlotillaError {
    return new FlotillaError(refusal);
  }
}
