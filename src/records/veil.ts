/**
 * Words that a newer version wrote into a field that indexes one of core's tables. Core sees a known, safe word in their
 * place; the word itself travels under a symbol, which spreads carry along and JSON leaves out, and is written back
 * unless a decision has moved the record in the meantime.
 */
const VEIL: unique symbol = Symbol("veil");

interface Veil {
  readonly shown: Readonly<Record<string, unknown>>;
  readonly stored: Readonly<Record<string, unknown>>;
}

/** Shows other values than those stored. */
export function veil<T extends object>(record: T, shown: Partial<T>): T {
  const stored = Object.fromEntries(
    Object.keys(shown).map((key) => [key, (record as Record<string, unknown>)[key]]),
  );
  return { ...record, ...shown, [VEIL]: { shown, stored } satisfies Veil };
}

/** The record as it is to be stored, at any depth: `JSON.stringify`'s replacer. */
export function unveil(_key: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !(VEIL in value)) return value;
  const { [VEIL]: behind, ...record } = value as Record<string, unknown> & { readonly [VEIL]: Veil };
  const untouched = Object.entries(behind.shown).every(([key, word]) => record[key] === word);
  return untouched ? { ...record, ...behind.stored } : record;
}
