import { isFinalStatus } from "../core/delivery.ts";
import { FlotillaError } from "../errors.ts";
import type { PostOutcome, Prompt } from "../ports.ts";
import { type Answer, reasonOf, send, type Transport } from "./client.ts";
import { present } from "./decode.ts";
import { METADATA_KEY } from "./marks.ts";

/**
 * Posts one prompt of one text part, under ids of ours: repeating it overwrites it with itself.
 *
 * Agent, model and variant are always named, or the host takes its default agent and makes it the session's. Never
 * `tools`: that would replace the session's permission rules. One part, because the host stores parts one by one and a
 * running turn may read the message in between.
 */
export async function post(transport: Transport, prompt: Prompt): Promise<PostOutcome> {
  const { sessionId, hostMessageId, hostPartId, text, mark, agent, model } = prompt;
  const body = present({
    messageID: hostMessageId,
    agent,
    model: model && { providerID: model.providerId, modelID: model.modelId },
    variant: model?.variant,
    parts: [{ id: hostPartId, type: "text", text, metadata: { [METADATA_KEY]: mark } }],
  });
  const path = `/session/${encodeURIComponent(sessionId)}/prompt_async`;
  try {
    return outcomeOf(await send(transport, { method: "POST", path, body }));
  } catch (fault) {
    if (fault instanceof FlotillaError) return { kind: "unreachable", reason: fault.message };
    throw fault;
  }
}

function outcomeOf(answer: Answer): PostOutcome {
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: "accepted" };
  const reason = reasonOf(answer);
  if (status === 404) return { kind: "session_gone", reason };
  return isFinalStatus(status) ? { kind: "refused", status, reason } : { kind: "unreachable", reason };
}
