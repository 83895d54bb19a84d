import { GEN_AI } from "../core/trace/conventions.ts";
import type { Attributes, SpanSource } from "../core/trace/span.ts";
import type { Transport } from "./client.ts";
import { fields, text } from "./decode.ts";
import { readMessage, type StoredMessage, textOf } from "./transcript.ts";

/** What was said in a model call, or given to a tool and brought by it: the host has it, and nobody else keeps it. */
export async function readContent(
  transport: Transport,
  { sessionId, hostMessageId, callId }: SpanSource,
): Promise<Attributes> {
  const message = await readMessage(transport, sessionId, hostMessageId);
  if (!message) return {};
  if (callId !== undefined) return callContent(message, callId);
  const parentId = text(message.info["parentID"]);
  const prompt = parentId === undefined ? undefined : await readMessage(transport, sessionId, parentId);
  return {
    ...(prompt ? { [GEN_AI.inputMessages]: said("user", textOf(prompt.parts)) } : {}),
    [GEN_AI.outputMessages]: said("assistant", textOf(message.parts)),
  };
}

function callContent({ parts }: StoredMessage, callId: string): Attributes {
  const part = parts.find((one) => one["type"] === "tool" && one["callID"] === callId);
  const { input, output, error } = fields(part?.["state"]);
  const result = text(output) ?? text(error);
  return {
    [GEN_AI.toolArguments]: JSON.stringify(input ?? {}),
    ...(result === undefined ? {} : { [GEN_AI.toolResult]: result }),
  };
}

/** In the form of the conventions. */
function said(role: string, content: string): string {
  return JSON.stringify([{ role, parts: [{ type: "text", content }] }]);
}
