import type { EVERYONE, LEAD, MemberName, PERSON, SYSTEM } from "../core/ids.ts";

/** Names that stand for somebody already. */
const RESERVED: Readonly<Record<typeof LEAD | typeof PERSON | typeof SYSTEM | typeof EVERYONE, true>> = {
  lead: true,
  person: true,
  system: true,
  "*": true,
};

export const RESERVED_NAMES: readonly string[] = Object.keys(RESERVED);

const MAX_CHARS = 64;

/** `Code Scout_2 ` becomes `code-scout-2`. What is left may still be no name: the pattern decides. */
export function normalName(written: string): string {
  return trimmed(
    written
      .trim()
      .toLowerCase()
      .replace(/[\s_]+/g, "-"),
  );
}

function trimmed(name: string): string {
  return name.replace(/^-+/, "").slice(0, MAX_CHARS).replace(/-+$/, "");
}

/** Names in their order, a repeated one numbered so that it meets no other: `ada, ada, ada-2` gives `ada, ada-3, ada-2`. */
export function distinctNames(names: readonly MemberName[]): readonly MemberName[] {
  const taken = new Set(names);
  const seen = new Set<MemberName>();
  return names.map((name) => {
    if (!seen.has(name)) {
      seen.add(name);
      return name;
    }
    for (let number = 2; ; number += 1) {
      const suffix = `-${number}`;
      const candidate = `${trimmed(name.slice(0, MAX_CHARS - suffix.length))}${suffix}`;
      if (taken.has(candidate)) continue;
      taken.add(candidate);
      return candidate;
    }
  });
}
