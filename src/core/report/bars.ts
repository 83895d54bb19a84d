import type { Instant } from "../ids.ts";
import { ASKED, ERROR_TYPE, GEN_AI, REPLIED, TEAM } from "../trace/conventions.ts";
import type { Attributes, Span } from "../trace/span.ts";
import type { Bar, BarKind, Facts } from "./report.ts";
import { shown } from "./shown.ts";

/** A bar that has no place yet. Its times are instants. */
export interface Draft extends Omit<Bar, "lane" | "row"> {
  readonly who: string;
}

/** A span as a bar, and each wait for a person in it as another. The run itself is the page. */
export function barsOf(span: Span, until: Instant): readonly Draft[] {
  const kind = KINDS[String(span.attributes[GEN_AI.operation])];
  const who = ownerOf(span.attributes);
  if (kind === undefined || who === undefined) return [];
  return [barOf(span, kind, who), ...waitsIn(span, who, until)];
}

const KINDS: Readonly<Record<string, BarKind>> = {
  invoke_agent: "turn",
  chat: "call",
  execute_tool: "tool",
};

function ownerOf(attributes: Attributes): string | undefined {
  const who = attributes[TEAM.subagentOf] ?? attributes[GEN_AI.agentName];
  return typeof who === "string" ? who : undefined;
}

function barOf(span: Span, kind: BarKind, who: string): Draft {
  const { startedAt, endedAt, open, error, attributes } = span;
  return {
    who,
    kind,
    from: startedAt,
    to: Math.max(startedAt, endedAt),
    ...(open ? { open } : {}),
    name: nameOf(kind, span),
    ...(error === undefined ? {} : { error: shown(error) }),
    facts: factsOf(attributes),
  };
}

/** Without the operation before it: the row says what it is. */
function nameOf(kind: BarKind, { name, attributes }: Span): string {
  const turn = attributes[TEAM.activation];
  if (kind === "turn") return turn === undefined ? "start" : `turn ${turn}`;
  return shown(name.slice(name.indexOf(" ") + 1));
}

const LABELS: Readonly<Record<string, string>> = {
  [TEAM.cause]: "because of",
  [GEN_AI.requestModel]: "model",
  [GEN_AI.provider]: "provider",
  [GEN_AI.inputTokens]: "input tokens",
  [GEN_AI.cacheReadTokens]: "of them read from a cache",
  [GEN_AI.cacheCreationTokens]: "of them written to a cache",
  [GEN_AI.outputTokens]: "output tokens",
  [GEN_AI.reasoningTokens]: "of them reasoning",
  [TEAM.cost]: "cost",
  [GEN_AI.finishReasons]: "ended with",
  [TEAM.compaction]: "compaction",
  [TEAM.agentType]: "agent",
  [TEAM.spawn]: "spawn",
  [TEAM.endReason]: "the member left",
  [TEAM.orphanReason]: "cut off by",
  [ERROR_TYPE]: "error",
  [TEAM.correlation]: "belongs to",
  [GEN_AI.conversation]: "session",
  [TEAM.hostMessage]: "host's message",
  [GEN_AI.toolCallId]: "call id",
};

function factsOf(attributes: Attributes): Facts {
  const subagent = attributes[TEAM.subagentOf] === undefined ? undefined : attributes[GEN_AI.agentName];
  return Object.fromEntries([
    ...(subagent === undefined ? [] : [["subagent", shown(String(subagent))]]),
    ...Object.entries(LABELS).flatMap(([key, label]) => {
      const value = attributes[key];
      if (value === undefined) return [];
      return [[label, typeof value === "number" ? value : shown(String(value))]];
    }),
  ]);
}

/** What nobody answered was waited for as long as whatever asked it went on. */
function waitsIn({ events, endedAt, open }: Span, who: string, until: Instant): readonly Draft[] {
  return events
    .filter(({ name }) => name === ASKED)
    .map(({ at, attributes: { request, permission } }): Draft => {
      const answer = events.find((one) => one.name === REPLIED && one.attributes["request"] === request);
      const reply = answer?.attributes["reply"];
      const goesOn = open && !answer;
      return {
        who,
        kind: "wait",
        from: at,
        to: Math.max(at, answer?.at ?? (goesOn ? until : endedAt)),
        ...(goesOn ? { open } : {}),
        name: shown(String(permission ?? "an approval")),
        facts: reply === undefined ? {} : { answer: shown(String(reply)) },
      };
    });
}

/** Rows of one kind in a lane. What is in more places at once than that overlaps. */
const ROWS_MAX = 4;

/** Gives each the first row that is free when it begins. */
export class Rows {
  readonly #freeAt = new Map<string, number[]>();

  place(lane: number, kind: BarKind, from: number, to: number): number {
    const key = `${lane} ${kind}`;
    const rows = this.#freeAt.get(key) ?? [];
    this.#freeAt.set(key, rows);
    const free = rows.findIndex((at) => at <= from);
    if (free === -1 && rows.length < ROWS_MAX) return rows.push(to) - 1;
    const row = free === -1 ? ROWS_MAX - 1 : free;
    rows[row] = Math.max(rows[row] ?? 0, to);
    return row;
  }
}
