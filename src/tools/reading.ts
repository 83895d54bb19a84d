import type { JsonSchema } from "./json-schema.ts";

/**
 * One kind of argument: what the model is told to write, and what is understood.
 *
 * The two differ on purpose. The schema is precise, so that a model writes the plain thing; the reading is forgiving,
 * because hosts fill in `""` and `null` for what is left out, and models write numbers as text and objects as JSON text.
 */
export interface Argument<T> {
  /** As published, with its description. */
  readonly schema: JsonSchema;
  /** The value; `undefined` after adding to `faults` what it should have been. Is not called for an absent value. */
  read(value: unknown, path: string, faults: string[]): T | undefined;
}

/** What hosts and models write for an argument that they leave out. */
export function isAbsent(value: unknown): boolean {
  if (typeof value === "string") return value.trim() === "";
  return value === undefined || value === null || (isObject(value) && Object.keys(value).length === 0);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object or array that a text is the JSON of, code fence or not; `undefined` for any other text. */
export function fromJson(written: string, opening: "{" | "["): unknown {
  const bare = written
    .trim()
    .replace(/^```(?:json)?\s*/i, "")
    .replace(/\s*```$/, "");
  if (!bare.startsWith(opening)) return undefined;
  try {
    return JSON.parse(bare);
  } catch (fault) {
    if (fault instanceof SyntaxError) return undefined;
    throw fault;
  }
}

/** Long enough to recognise what one wrote, short enough for an error. */
const SHOWN_CHARS = 60;

export function shown(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length <= SHOWN_CHARS ? json : `${json.slice(0, SHOWN_CHARS)}…`;
}
