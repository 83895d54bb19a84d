import { readFileSync } from "node:fs";
import type { Path, Problem } from "../records/problem.ts";
import { expandPath, type Standpoint } from "./places.ts";
import { codeOf } from "./read-text.ts";

/** What a value becomes, and which references in it could not be followed. */
export interface Resolved {
  readonly value: unknown;
  readonly problems: readonly Problem[];
}

/** Values that stay references until they are used: what they stand for is secret. */
const KEPT: readonly Path[] = [["team_mode", "telemetry", "headers"]];

/**
 * Replaces `{env:NAME}` and `{file:path}` inside texts as the host does in its own keys: a variable that is not set is
 * empty, a file is read relative to the one that names it and trimmed.
 */
export function resolveReferences(
  value: unknown,
  at: { readonly path: Path; readonly folder: string; readonly env: Standpoint["env"] },
): Resolved {
  const problems: Problem[] = [];
  return { value: walk(value, at.path), problems };

  function walk(inner: unknown, path: Path): unknown {
    if (
      KEPT.some((kept) => kept.length === path.length && kept.every((part, index) => part === path[index]))
    ) {
      return inner;
    }
    if (typeof inner === "string") return replaced(inner, path);
    if (Array.isArray(inner)) return inner.map((one, index) => walk(one, [...path, index]));
    if (typeof inner !== "object" || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, one]) => [key, walk(one, [...path, key])]));
  }

  function replaced(text: string, path: Path): string {
    return text
      .replace(/\{env:([^}]+)\}/g, (_, name: string) => at.env[name] ?? "")
      .replace(/\{file:([^}]+)\}/g, (reference, name: string) => fileText(reference, name, path));
  }

  function fileText(reference: string, name: string, path: Path): string {
    const file = expandPath(name, at.folder, at.env);
    try {
      return readFileSync(file, "utf8").trim();
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined) throw error;
      problems.push({
        path,
        message: `${reference}: ${file} cannot be read (${code})`,
        received: reference,
        allowed: "the path of a file that can be read",
      });
      return "";
    }
  }
}
