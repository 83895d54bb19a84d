import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Below the host's work tree. */
export const LOADED_FILE = "loaded.json";

export const LOADED_PLUGIN: string = fileURLToPath(new URL("./loaded-plugin.ts", import.meta.url));

/** What the host's process had loaded of its plugins, and of what they need, when the last message came. */
export async function loadedIn(work: string): Promise<readonly string[]> {
  return JSON.parse(await readFile(join(work, LOADED_FILE), "utf8")) as readonly string[];
}
