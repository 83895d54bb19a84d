import type { JournalEntry } from "../effects.ts";

/** Reads what a journal line says. Lines may be another version's, or a person's: what is not understood is not there. */
export type Entry = JournalEntry;
type Fields = Readonly<Record<string, unknown>>;

export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Whose session and which of its turns a line is about. */
export interface Place {
  readonly participant: string;
  readonly sessionId: string;
  readonly generation: number;
  readonly turn: number;
}

export function placeIn(entry: Entry): Place | undefined {
  const participant = text(entry["participant"]);
  const sessionId = text(entry["sessionId"]);
  if (participant === undefined || sessionId === undefined) return undefined;
  return {
    participant,
    sessionId,
    generation: number(entry["generation"]) ?? 1,
    turn: number(entry["turn"]) ?? 1,
  };
}

/** A tool call by the host's own names. */
export interface CallKey {
  readonly hostMessageId: string;
  readonly callId: string;
}

export function callIn(value: unknown): CallKey | undefined {
  const { hostMessageId, callId } = fields(value);
  const [message, call] = [text(hostMessageId), text(callId)];
  return message === undefined || call === undefined ? undefined : { hostMessageId: message, callId: call };
}

/** Tokens as the conventions count them. The host's input is without what was read from the cache, or written to it. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  readonly reasoning: number;
  readonly cacheRead: number;
  readonly cacheCreation: number;
}

export function usageIn(value: unknown): Usage {
  const tokens = fields(value);
  const of = (kind: string): number => number(tokens[kind]) ?? 0;
  const [cacheRead, cacheCreation, reasoning] = [of("cacheRead"), of("cacheWrite"), of("reasoning")];
  return {
    input: of("input") + cacheRead + cacheCreation,
    output: of("output") + reasoning,
    reasoning,
    cacheRead,
    cacheCreation,
  };
}
