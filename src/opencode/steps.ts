import type { ModelStep, TokenCount } from "../core/facts.ts";
import type { Instant } from "../core/ids.ts";
import type { Transport } from "./client.ts";
import { type Fields, fields, finite, present, text } from "./decode.ts";
import { faultOf } from "./faults.ts";
import { readBack } from "./transcript.ts";

/** The step in an assistant message that is complete; undefined for any other message. */
export function stepOf(info: Fields): ModelStep | undefined {
  const hostMessageId = text(info["id"]);
  const completedAt = finite(fields(info["time"])["completed"]);
  if (info["role"] !== "assistant" || hostMessageId === undefined || completedAt === undefined)
    return undefined;
  return present({
    hostMessageId,
    parentId: text(info["parentID"]),
    finish: text(info["finish"]),
    error: faultOf(info["error"]),
    summary: info["summary"] === true,
    tokens: tokensOf(fields(info["tokens"])),
    cost: finite(info["cost"]) ?? 0,
    completedAt,
  });
}

function tokensOf(tokens: Fields): TokenCount {
  const cache = fields(tokens["cache"]);
  return {
    input: finite(tokens["input"]) ?? 0,
    output: finite(tokens["output"]) ?? 0,
    reasoning: finite(tokens["reasoning"]) ?? 0,
    cacheRead: finite(cache["read"]) ?? 0,
    cacheWrite: finite(cache["write"]) ?? 0,
  };
}

/** What nobody has counted is as a rule nothing, or the last turn: a page of the history with its files is not cheap. */
const PAGE = 10;

/** The session's steps that were completed after `since`, oldest first; undefined when the session is gone. */
export async function readSteps(
  transport: Transport,
  sessionId: string,
  since: Instant,
): Promise<readonly ModelStep[] | undefined> {
  const steps: ModelStep[] = [];
  const isOld = ({ info }: { readonly info: Fields }): boolean => {
    const step = stepOf(info);
    if (step && step.completedAt > since) steps.push(step);
    return step !== undefined && step.completedAt <= since;
  };
  return (await readBack(transport, sessionId, isOld, PAGE)) ? steps.reverse() : undefined;
}
