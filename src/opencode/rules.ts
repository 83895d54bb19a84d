import type { PermissionRule } from "../core/run.ts";
import { fields, list, text } from "./decode.ts";

/** Rules in the host's own form, `{permission, pattern, action}`; what has another form is left out. */
export function rulesOf(value: unknown): readonly PermissionRule[] {
  return list(value).flatMap((entry) => {
    const { permission, pattern, action } = fields(entry);
    const known = action === "allow" || action === "ask" || action === "deny";
    if (!known || text(permission) === undefined || text(pattern) === undefined) return [];
    return [{ permission: permission as string, pattern: pattern as string, action }];
  });
}

/**
 * What of `wanted` must be appended to `present` for all of it to hold: nothing if it stands there as one block and no
 * later rule can match the same thing, else all of it. The host only appends and never tidies, so without this every
 * reveal of a tool would make a session's rules longer.
 */
export function missingRules(
  present: readonly PermissionRule[],
  wanted: readonly PermissionRule[],
): readonly PermissionRule[] {
  for (let start = present.length - wanted.length; start >= 0; start -= 1) {
    if (!wanted.every((rule, index) => isSame(rule, present[start + index]))) continue;
    const later = present.slice(start + wanted.length);
    return later.some((rule) => wanted.some((own) => mayMeet(rule.permission, own.permission))) ? wanted : [];
  }
  return wanted;
}

/** Whether the host's wildcard pattern matches the name: `*` any text, `?` one character. */
export function matches(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(name);
}

function isSame(one: PermissionRule, other: PermissionRule | undefined): boolean {
  return (
    other !== undefined &&
    one.permission === other.permission &&
    one.pattern === other.pattern &&
    one.action === other.action
  );
}

/** Whether some permission can match both. Two wildcards are taken to meet: a needless rule does no harm. */
function mayMeet(one: string, other: string): boolean {
  const oneIsWild = /[*?]/.test(one);
  const otherIsWild = /[*?]/.test(other);
  if (oneIsWild && otherIsWild) return true;
  return oneIsWild ? matches(one, other) : matches(other, one);
}
