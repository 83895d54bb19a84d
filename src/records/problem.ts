import type { z } from "zod";
import { allowedAt, keysAt } from "./allowed.ts";
import { nearest } from "./nearest.ts";

/** Where something stands in a JSON value: keys and positions, from the outside in. */
export type Path = readonly (string | number)[];

/** One thing that a person or a model wrote and that cannot be used. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
  /** The value as it was written, cut to fit a line; absent where nothing was. */
  readonly received?: string;
  readonly allowed: string;
  /** The key is at fault, not its value: an editor should point there. */
  readonly atKey?: true;
}

/** One line: `members[1].sytemPrompt: unknown key, did you mean "systemPrompt"? Allowed: …`. */
export function sayProblem(problem: Problem): string {
  const where = sayPath(problem.path);
  const what = `${problem.message}${/[.?!]$/.test(problem.message) ? "" : "."} Allowed: ${problem.allowed}.`;
  return where === "" ? what : `${where}: ${what}`;
}

/** `members[1].prompt`, as in a program; a key that is no plain word stands in quotes and brackets. */
export function sayPath(path: Path): string {
  return path.reduce<string>((said, part) => {
    if (typeof part === "number") return `${said}[${part}]`;
    if (!/^[A-Za-z_$][\w$-]*$/.test(part)) return `${said}[${JSON.stringify(part)}]`;
    return said === "" ? part : `${said}.${part}`;
  }, "");
}

/** Long enough to recognise what one wrote, short enough for a line. */
const SHOWN_CHARS = 60;

/** A value for a sentence. */
export function sayValue(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const said = JSON.stringify(value) ?? String(value);
  return said.length <= SHOWN_CHARS ? said : `${said.slice(0, SHOWN_CHARS)}…`;
}

/** The value at a path, if there is one. */
export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => {
    const inside = typeof value === "object" && value !== null && Object.hasOwn(value, part);
    return inside ? (value as Record<string | number, unknown>)[part] : undefined;
  }, root);
}

/** A key that is not allowed where it stands. */
export function unknownKey(path: Path, allowed: readonly string[]): Problem {
  const key = String(path.at(-1));
  const meant = nearest(key, allowed);
  return {
    path,
    message: meant === undefined ? "unknown key" : `unknown key, did you mean "${meant}"?`,
    received: JSON.stringify(key),
    allowed: allowed.join(", "),
    atKey: true,
  };
}

/** What a schema finds wrong with a value, each with what would be right. */
export function problemsOf(schema: z.ZodType, value: unknown, error: z.ZodError): readonly Problem[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map((part) => (typeof part === "symbol" ? String(part) : part));
    if (issue.code === "unrecognized_keys") {
      const keys = keysAt(schema, path);
      return issue.keys.map((key) => unknownKey([...path, key], keys));
    }
    return [wrongValue(schema, value, path, issue)];
  });
}

function wrongValue(schema: z.ZodType, value: unknown, path: Path, issue: z.core.$ZodIssue): Problem {
  const found = valueAt(value, path);
  const message = found === undefined ? "missing" : `received ${sayValue(found)}`;
  return {
    path,
    message,
    ...(found === undefined ? {} : { received: sayValue(found) }),
    // A check of our own says in its message what is allowed; everything else the schema says.
    allowed: issue.code === "custom" ? issue.message : allowedAt(schema, path),
  };
}
