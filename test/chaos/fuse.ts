import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The plugin that a fuse can kill. */
export const MORTAL_PLUGIN: string = fileURLToPath(new URL("./mortal-plugin.ts", import.meta.url));

/** Where the fuse of the hosts on this home lies: a regular expression for the moment at which the process is to die. */
export function fuseOf(home: string): string {
  return join(home, "fuse");
}

/** Lets the host on this home die at the first moment that matches the pattern, once. */
export async function arm(home: string, moment: string): Promise<void> {
  await writeFile(fuseOf(home), moment);
}
