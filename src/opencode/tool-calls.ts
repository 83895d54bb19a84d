import type { TaskCall, ToolEnded, ToolFailure, ToolStarted } from "../core/facts.ts";
import { type Fields, fields, finite, present, text } from "./decode.ts";
import type { Recent } from "./recent.ts";

/**
 * What a part of a message tells about a tool call; undefined for every other part, and for a call whose arguments are
 * still being written.
 */
export function toolFactOf(
  part: Fields,
  sessionId: string,
  now: () => number,
): ToolStarted | ToolEnded | undefined {
  if (part["type"] !== "tool") return undefined;
  const state = fields(part["state"]);
  const { status } = state;
  if (status !== "running" && status !== "completed" && status !== "error") return undefined;
  const [hostMessageId, callId, tool] = [text(part["messageID"]), text(part["callID"]), text(part["tool"])];
  if (hostMessageId === undefined || callId === undefined || tool === undefined) return undefined;
  const { start, end } = fields(state["time"]);
  const endedAt = finite(end);
  const startedAt = finite(start) ?? endedAt ?? now();
  const use = present({
    sessionId,
    hostMessageId,
    callId,
    tool,
    startedAt,
    task: tool === "task" ? taskOf(state) : undefined,
  });
  if (status === "running") return { type: "tool_started", ...use };
  const ended = { type: "tool_ended" as const, ...use, endedAt: endedAt ?? now() };
  if (status === "completed") return { ...ended, outcome: status };
  return { ...ended, outcome: "failed", reason: failureOf(text(state["error"]) ?? "") };
}

/** The host says in words alone why a call failed (read in the binary). */
function failureOf(error: string): ToolFailure {
  if (REJECTED.test(error)) return "permission_rejected";
  return ABORTED.test(error) ? "aborted" : "tool_error";
}

const REJECTED =
  /^The user (rejected permission to use this specific tool call|has specified a rule which prevents you)/;
const ABORTED = /^(Tool execution aborted|Task cancelled)/;

/**
 * Whether the fact is told for the first time: the host publishes a running call anew with each piece of its output. What
 * is told of a call after its end is no news.
 */
export function isNewOfCall(calls: Recent<string>, fact: ToolStarted | ToolEnded): boolean {
  // Providers number the calls of each message anew.
  const call = `${fact.hostMessageId} ${fact.callId}`;
  const phase =
    fact.type === "tool_ended" ? ENDED : `running ${text(fact.task?.metadata["sessionId"]) ?? ""}`;
  return calls.find(call) !== ENDED && calls.add(call, phase);
}

const ENDED = "ended";

export function taskOf(state: Fields): TaskCall {
  return present({
    input: fields(state["input"]),
    metadata: fields(state["metadata"]),
    output: text(state["output"]),
    error: text(state["error"]),
  });
}
