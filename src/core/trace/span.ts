import type { Instant, RunId } from "../ids.ts";

/** One piece of work in a run, with what led to it: what OpenTelemetry calls a span, without any of its code. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  /** Left out by the run itself. */
  readonly parentId?: string;
  readonly name: string;
  readonly kind: "internal" | "client";
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  /** Not over yet: the end is the last that is known of it. Never exported. */
  readonly open?: true;
  readonly error?: string;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  /** The host's message that it stands for, or belongs to: where its texts are. */
  readonly source?: SpanSource;
}

export interface SpanSource {
  readonly sessionId: string;
  readonly hostMessageId: string;
  readonly callId?: string;
}

export type Attributes = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface SpanEvent {
  readonly name: string;
  readonly at: Instant;
  readonly attributes: Attributes;
}

/** To another span of the same trace. */
export interface SpanLink {
  readonly spanId: string;
  readonly attributes: Attributes;
}

/**
 * Ids are digests of what a span stands for, never drawn and never remembered: whoever sees a late fact, in whichever
 * process, knows the id of the span that it belongs to.
 */
export interface SpanIds {
  readonly traceId: string;
  of(...key: readonly (string | number)[]): string;
}

/** @param digest hex SHA-256. */
export function spanIds(runId: RunId, digest: (text: string) => string): SpanIds {
  return {
    traceId: digest(`trace ${runId}`).slice(0, 32),
    of: (...key) => digest(JSON.stringify(["span", runId, ...key])).slice(0, 16),
  };
}

/** The entries whose value is known. */
export function known(
  entries: Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>,
): Attributes {
  return Object.fromEntries(
    Object.entries(entries).filter(
      (entry): entry is [string, string | number | boolean | readonly string[]] => entry[1] !== undefined,
    ),
  );
}
