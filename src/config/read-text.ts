import { readFileSync } from "node:fs";

/** What became of reading a file that need not exist. */
export type FileReading =
  | { readonly kind: "absent" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "unreadable"; readonly code: string };

/** Synchronous: a plugin's start reads some twenty names, nearly all of them absent, within a millisecond. */
export function readText(path: string): FileReading {
  try {
    return { kind: "text", text: readFileSync(path, "utf8") };
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    if (code === "ENOENT" || code === "ENOTDIR") return { kind: "absent" };
    return { kind: "unreadable", code };
  }
}

/** The system's word for what went wrong, if the system said it. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
