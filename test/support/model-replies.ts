/**
 * What the scripted model can answer. Replies are plain values, so they compose: `after(200, cut(say("half a")))`.
 */

export interface Usage {
  /** Prompt tokens, cache reads included, as an OpenAI-compatible provider counts them. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The part of `inputTokens` that came from the provider's cache. */
  readonly cachedTokens: number;
}

export interface PlannedCall {
  readonly name: string;
  readonly args: unknown;
}

/** Something a reply waits for before its first byte; called anew for each request. */
export type Wait = (signal: AbortSignal) => Promise<void>;

export interface StreamReply {
  readonly kind: "stream";
  readonly waits: readonly Wait[];
  readonly deltas: readonly string[];
  readonly calls: readonly PlannedCall[];
  readonly betweenDeltasMs: number;
  readonly usage: Usage;
  /** The connection breaks after this many text deltas, without `finish_reason` or `[DONE]`. */
  readonly cutAfterDeltas: number | undefined;
}

export interface FailureReply {
  readonly kind: "failure";
  readonly waits: readonly Wait[];
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Reply = StreamReply | FailureReply;

/** Figures that are easy to tell apart in an assertion: 60 fresh + 40 cached in, 10 out. */
const DEFAULT_USAGE: Usage = { inputTokens: 100, outputTokens: 10, cachedTokens: 40 };

/** A closed door in a script; the test opens it. One gate may hold many replies. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

export function gate(): Gate {
  const { promise, resolve } = deferred();
  return { opened: promise, open: resolve };
}

export interface StreamOptions {
  readonly betweenDeltasMs?: number;
  readonly usage?: Partial<Usage>;
}

/** A final answer. An array is streamed as given, one delta an item. */
export function say(text: string | readonly string[], options: StreamOptions = {}): StreamReply {
  return stream(typeof text === "string" ? words(text) : text, [], options);
}

/** A long answer: the same short piece `deltas` times over. */
export function sayAtLength(
  deltas: number,
  options: StreamOptions & { readonly piece?: string } = {},
): StreamReply {
  return stream(
    Array.from({ length: deltas }, () => options.piece ?? "word "),
    [],
    options,
  );
}

/** One tool call. */
export function call(name: string, args: unknown = {}, options: StreamOptions = {}): StreamReply {
  return stream([], [{ name, args }], options);
}

/** Several tool calls in one message; the host runs them in parallel. */
export function calls(
  planned: readonly (readonly [name: string, args: unknown])[],
  options: StreamOptions = {},
): StreamReply {
  return stream(
    [],
    planned.map(([name, args]) => ({ name, args })),
    options,
  );
}

/** Words first, then the calls of `reply`. */
export function saying(text: string, reply: StreamReply): StreamReply {
  return { ...reply, deltas: [...words(text), ...reply.deltas] };
}

export interface FailureOptions {
  readonly message?: string;
  /** Seconds, as in the HTTP header. The host honours it without an upper bound. */
  readonly retryAfterSeconds?: number;
  /** Replaces the usual OpenAI error body. */
  readonly body?: string;
}

/** An HTTP error. The host retries 429 and 5xx (5 times, 2 s doubling, unless `retryAfterSeconds`), not 400. */
export function fail(status: number, options: FailureOptions = {}): FailureReply {
  const message = options.message ?? `scripted failure ${status}`;
  return {
    kind: "failure",
    waits: [],
    status,
    headers: {
      "content-type": "application/json",
      ...(options.retryAfterSeconds === undefined
        ? {}
        : { "retry-after": String(options.retryAfterSeconds) }),
    },
    body: options.body ?? JSON.stringify({ error: { message, type: "scripted", code: String(status) } }),
  };
}

/** No byte is sent until the caller hangs up or the server closes. For a hang that ends, use `once`. */
export function hang(): Reply {
  return { ...say("never sent"), waits: [untilAborted] };
}

/** The stream breaks off after `afterDeltas` text deltas (default: all of them), before it says how it ended. */
export function cut(reply: StreamReply = say("this sentence is never"), afterDeltas?: number): StreamReply {
  return { ...reply, cutAfterDeltas: afterDeltas ?? reply.deltas.length };
}

/** `reply`, `delayMs` after the request came in. */
export function after<R extends Reply>(delayMs: number, reply: R): R {
  return { ...reply, waits: [(signal) => pause(delayMs, signal), ...reply.waits] };
}

/** `reply`, once the test has opened `door`. */
export function once<R extends Reply>(door: Gate | Promise<unknown>, reply: R): R {
  const opened = "opened" in door ? door.opened : door;
  return {
    ...reply,
    waits: [(signal) => Promise.race([opened.then(() => {}), untilAborted(signal)]), ...reply.waits],
  };
}

/** Waits, or returns early when the caller has gone. */
export function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, delayMs);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    if (signal.aborted) done();
    else signal.addEventListener("abort", done);
  });
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function stream(
  deltas: readonly string[],
  planned: readonly PlannedCall[],
  options: StreamOptions,
): StreamReply {
  return {
    kind: "stream",
    waits: [],
    deltas,
    calls: planned,
    betweenDeltasMs: options.betweenDeltasMs ?? 0,
    usage: { ...DEFAULT_USAGE, ...options.usage },
    cutAfterDeltas: undefined,
  };
}

/** Split so that a sentence arrives in several deltas, as it does from a real model. */
function words(text: string): readonly string[] {
  return text.match(/\s*\S+\s*$|\s*\S+/g) ?? [text];
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
