import type { SessionId } from "../core/ids.ts";
import { fields, list, text } from "./decode.ts";
import { markOf } from "./marks.ts";

/** What the `chat.message` hook says about a prompt, for whoever decides what it reveals. */
export function promptNews(
  input: unknown,
  output: unknown,
):
  | { readonly sessionId: SessionId; readonly text: string; readonly ours: boolean; readonly agent?: string }
  | undefined {
  const { message, parts } = fields(output);
  const sessionId = text(fields(input)["sessionID"]) ?? text(fields(message)["sessionID"]);
  if (sessionId === undefined) return undefined;
  const all = list(parts);
  const ours = all.some((part) => markOf(part) !== undefined);
  // What a program put in is not what the person says.
  const typed = all.map(fields).filter((part) => part["type"] === "text" && part["synthetic"] !== true);
  const agent = text(fields(message)["agent"]) ?? text(fields(input)["agent"]);
  return {
    sessionId,
    text: typed.map((part) => text(part["text"]) ?? "").join("\n"),
    ours,
    ...(agent === undefined ? {} : { agent }),
  };
}
