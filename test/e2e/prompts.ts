import type { Host } from "../support/host.ts";
import { textOf } from "../support/host-api.ts";
import type { Actor } from "./stage.ts";

/** Ids of the prompts in the session's stored history that hold the text, hidden ones included, oldest first. */
export async function promptsWith(host: Host, actor: Actor, text: string): Promise<readonly string[]> {
  const messages = await host.messages(actor.sessionId);
  return messages.flatMap((message) =>
    message.info.role === "user" && textOf(message).includes(text) ? [message.info.id] : [],
  );
}
