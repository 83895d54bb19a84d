import { expect } from "bun:test";
import type { SentSpan, Sink } from "./sink.ts";

/** What a collector has of one run. */
export class SentTrace {
  readonly #sink: Sink;
  readonly #runId: string;

  constructor(sink: Sink, runId: string) {
    this.#sink = sink;
    this.#runId = runId;
  }

  spans(): readonly SentSpan[] {
    return this.#sink.spans().filter((span) => span.attributes["opencode.team.run_id"] === this.#runId);
  }

  named(name: string): readonly SentSpan[] {
    return this.spans().filter((span) => span.name === name);
  }

  /** Of one participant's own session. */
  activations(participant: string): readonly SentSpan[] {
    return this.named(`invoke_agent ${participant}`);
  }

  below(parent: SentSpan | undefined): readonly SentSpan[] {
    return this.spans().filter((span) => span.parentSpanId === parent?.spanId);
  }

  chatsOf(sessionId: string): readonly SentSpan[] {
    return this.spans().filter(
      (span) =>
        span.attributes["gen_ai.operation.name"] === "chat" &&
        span.attributes["gen_ai.conversation.id"] === sessionId,
    );
  }

  root(): SentSpan {
    const roots = this.spans().filter((span) => span.parentSpanId === undefined);
    expect(roots.map((span) => span.name)).toHaveLength(1);
    return roots[0] as SentSpan;
  }

  /** One trace with one root, every span exported once and below another one of it. */
  isWhole(): void {
    const spans = this.spans();
    const ids = new Set(spans.map((span) => span.spanId));
    expect(ids.size).toBe(spans.length);
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(1);
    const root = this.root().spanId;
    const parents = spans.filter((span) => span.spanId !== root).map((span) => span.parentSpanId);
    for (const parent of parents) expect(ids).toContain(parent as string);
  }
}

export function isFailed(span: SentSpan): boolean {
  return span.status.code === 2;
}

/** When a span, or something in it, was: a number of milliseconds. */
export function atMs(unixNano: string): number {
  return Number(BigInt(unixNano) / 1_000_000n);
}
