import type { JournalEntry } from "../core/effects.ts";
import type { TraceAbout } from "../core/trace/chronicle.ts";
import { GEN_AI, TEAM } from "../core/trace/conventions.ts";
import type { Span } from "../core/trace/span.ts";
import { type Branch, spansOf, treeOf } from "../core/trace/tree.ts";

/** A span as people look at it. */
export interface TraceRow {
  readonly span: Span;
  /** Which turn of its session, for one that is a turn. */
  readonly turn?: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly cost?: number;
  readonly waitedMs?: number;
  readonly below: readonly TraceRow[];
}

/** A run's journal as rows, each with those that it contains. */
export function traceRows(journal: readonly JournalEntry[], about: TraceAbout): readonly TraceRow[] {
  return treeOf(spansOf(journal, about)).map(rowOf);
}

function rowOf({ span, below }: Branch): TraceRow {
  const { attributes } = span;
  const figures = {
    turn: figure(attributes[TEAM.activation]),
    inputTokens: figure(attributes[GEN_AI.inputTokens] ?? attributes[TEAM.inputTokens]),
    outputTokens: figure(attributes[GEN_AI.outputTokens] ?? attributes[TEAM.outputTokens]),
    cost: figure(attributes[TEAM.cost]),
    waitedMs: figure(attributes[TEAM.approvalWaitMs]),
  };
  const known = Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined));
  return { span, ...known, below: below.map(rowOf) };
}

function figure(value: Span["attributes"][string] | undefined): number | undefined {
  return typeof value === "number" ? value : undefined;
}
