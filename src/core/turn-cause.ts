import { LEAD, PERSON } from "./ids.ts";
import type { Message } from "./message.ts";
import type { TurnCause } from "./run.ts";

/** Who asks for a turn that these messages begin: what asks the most for an answer decides whether its last word is owed. */
export function causeOf(messages: readonly Message[]): TurnCause {
  if (messages.some(({ from }) => from === PERSON)) return "person";
  if (messages.some(isOrder)) return "lead";
  if (messages.some(({ kind }) => kind === "brief")) return "brief";
  return messages.some(({ kind }) => kind === "message") ? "peer" : "notice";
}

function isOrder({ from, kind }: Message): boolean {
  return from === LEAD && (kind === "message" || kind === "announcement");
}
