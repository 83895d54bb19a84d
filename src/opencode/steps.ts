import type { ModelStep, StoredStep, TokenCount, ToolRun } from "../core/facts.ts";
import type { Instant } from "../core/ids.ts";
import { toolRun } from "../core/trace/lines.ts";
import type { Transport } from "./client.ts";
import { type Fields, fields, finite, present, text } from "./decode.ts";
import { faultOf } from "./faults.ts";
import { toolFactOf } from "./tool-calls.ts";
import { readBack, type StoredMessage } from "./transcript.ts";

/** The step in an assistant message that is complete; undefined for any other message. */
export function stepOf(info: Fields): ModelStep | undefined {
  const hostMessageId = text(info["id"]);
  const { created, completed } = fields(info["time"]);
  const completedAt = finite(completed);
  if (info["role"] !== "assistant" || hostMessageId === undefined || completedAt === undefined)
    return undefined;
  return present({
    hostMessageId,
    agent: text(info["agent"]) ?? text(info["mode"]),
    providerId: text(info["providerID"]),
    modelId: text(info["modelID"]),
    parentId: text(info["parentID"]),
    finish: text(info["finish"]),
    error: faultOf(info["error"]),
    summary: info["summary"] === true,
    tokens: tokensOf(fields(info["tokens"])),
    cost: finite(info["cost"]) ?? 0,
    startedAt: finite(created) ?? completedAt,
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
): Promise<readonly StoredStep[] | undefined> {
  const steps: StoredStep[] = [];
  const isOld = ({ info, parts }: StoredMessage): boolean => {
    const step = stepOf(info);
    if (step && step.completedAt > since) steps.push({ step, tools: toolsIn(parts, sessionId) });
    return step !== undefined && step.completedAt <= since;
  };
  return (await readBack(transport, sessionId, isOld, PAGE)) ? steps.reverse() : undefined;
}

/** Calls that have ended; one that was cut off by a crash runs for ever in the store. */
function toolsIn(parts: readonly Fields[], sessionId: string): readonly ToolRun[] {
  return parts.flatMap((part) => {
    const fact = toolFactOf(part, sessionId, () => 0);
    return fact?.type === "tool_ended" ? [toolRun(fact)] : [];
  });
}
