import type { Plugin } from "@opencode-ai/plugin";

/** A text with `[late 2]` is missing in the first two lists that go to its session's model. */
const LATE = /\[late (\d+)\]/;

/**
 * The host stores a message's row before its part, and its loop may read in between: then the model is sent the message
 * without its text, and the answer names it as parent all the same. That moment cannot be met on purpose; this plugin,
 * loaded before ours, makes the same list of it.
 */
export const LateParts: Plugin = async () => {
  const lists = new Map<string, number>();
  return {
    "experimental.chat.messages.transform": async (_input, { messages }) => {
      for (const message of messages) {
        const { role, sessionID } = message.info;
        const text = message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
        const times = Number(LATE.exec(text)?.[1] ?? 0);
        const key = `${sessionID} ${text}`;
        const made = lists.get(key) ?? 0;
        if (role !== "user" || made >= times) continue;
        lists.set(key, made + 1);
        message.parts = [];
      }
    },
  };
};
