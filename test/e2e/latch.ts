import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const LATCH_PLUGIN: string = fileURLToPath(new URL("./latch-plugin.ts", import.meta.url));

/** In the directory of the sessions that it is about; holds the words by which it knows its prompts. */
export const LATCH_FILE = ".latch";

/** Prompts that hold `words` are taken by the host, and stored only once the returned function was called. */
export async function latch(directory: string, words: string): Promise<() => Promise<void>> {
  const file = join(directory, LATCH_FILE);
  await writeFile(file, words);
  return () => rm(file, { force: true });
}
