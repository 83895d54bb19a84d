import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "@opencode-ai/plugin";
import { LATCH_FILE } from "./latch.ts";

/** A plugin of somebody else's that keeps the prompts named by the latch from reaching their session. */
export const Latch: Plugin = async ({ directory }) => ({
  "chat.message": async (_input, { parts }) => {
    const file = join(directory, LATCH_FILE);
    const text = parts.map((part) => (part.type === "text" ? part.text : "")).join("\n");
    while (existsSync(file) && text.includes(readFileSync(file, "utf8")))
      await new Promise((resolve) => setTimeout(resolve, 20));
  },
});
