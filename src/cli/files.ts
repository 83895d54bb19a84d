import { readdirSync, readFileSync } from "node:fs";

/** What is not there, is something else, or is closed to us, reads as nothing: these look for what they may find. */
const NOTHING: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR", "EISDIR", "EACCES", "EPERM"]);

/** The names in a folder; none if there is no such folder. */
export function namesIn(folder: string): readonly string[] {
  return orNothing(() => readdirSync(folder)) ?? [];
}

export function textOf(path: string): string | undefined {
  return orNothing(() => readFileSync(path, "utf8"));
}

/** The result, or undefined if there is nothing to look at. */
export function orNothing<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (NOTHING.has((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}
