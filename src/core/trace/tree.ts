import type { JournalEntry } from "../effects.ts";
import { Chronicle, type TraceAbout } from "./chronicle.ts";
import type { Span } from "./span.ts";

/** A span with those that it contains, in the order in which they began. */
export interface Branch {
  readonly span: Span;
  readonly below: readonly Branch[];
}

/** All spans of a journal, also those that are still open. */
export function spansOf(journal: readonly JournalEntry[], about: TraceAbout): readonly Span[] {
  const chronicle = new Chronicle(about);
  const complete = journal.flatMap((entry) => chronicle.add(entry));
  return [...complete, ...chronicle.open()];
}

/** Spans as they contain each other. One whose parent is not among them stands at the top, so that none is dropped. */
export function treeOf(spans: readonly Span[]): readonly Branch[] {
  const ids = new Set(spans.map((span) => span.spanId));
  const children = new Map<string | undefined, Span[]>();
  for (const span of spans.toSorted((one, other) => one.startedAt - other.startedAt)) {
    const parent = span.parentId !== undefined && ids.has(span.parentId) ? span.parentId : undefined;
    const siblings = children.get(parent);
    if (siblings) siblings.push(span);
    else children.set(parent, [span]);
  }
  const grow = (span: Span): Branch => ({ span, below: (children.get(span.spanId) ?? []).map(grow) });
  return (children.get(undefined) ?? []).map(grow);
}
