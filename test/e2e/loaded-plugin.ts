import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "@opencode-ai/plugin";
import { LOADED_FILE } from "./loaded.ts";

/** Writes down, with each message, which files the host's process has loaded of its plugins. */
export const Loaded: Plugin = async ({ directory }) => ({
  "chat.message": async () => {
    writeFileSync(join(directory, LOADED_FILE), JSON.stringify(Object.keys(require.cache)));
  },
});
