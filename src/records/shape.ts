import { z } from "zod";

/** What became of a text: the record, or what is wrong with it and where in it. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: string };

/**
 * The fields of a core type, each with its schema: a field that the type has and the shape lacks, or the other way round,
 * does not compile. So the two cannot drift apart.
 */
type Shape<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? z.ZodExactOptional<z.ZodType<T[K]>>
    : z.ZodType<T[K]>;
};

/** A record on disk. Fields that this version does not know are kept and written back. */
export function recordOf<T extends object>(shape: Shape<T>): z.ZodType<T> {
  // The shape is checked field by field above; what the compiler cannot see is that loose keeps it a T.
  return z.looseObject(shape as z.ZodRawShape) as unknown as z.ZodType<T>;
}

/** A closed set of words, all of them: a word that core has and the table lacks does not compile. */
export function oneOf<T extends string>(words: Readonly<Record<T, true>>): z.ZodType<T> {
  return z.enum(Object.keys(words) as [T, ...T[]]) as unknown as z.ZodType<T>;
}

/**
 * A set of words that later versions extend and that core only compares for equality: any word is kept as it is and
 * simply equals none that core knows. Not for words that index a table; those are veiled (`veil.ts`).
 */
export function openWord<T extends string>(): z.ZodType<T> {
  return z.string() as unknown as z.ZodType<T>;
}

export const count: z.ZodType<number> = z.int().min(0);
/** Milliseconds since the epoch. */
export const instant: z.ZodType<number> = z.number();

/** Where and why: `members.ada.since: expected number, received string`. */
export function faultOf(error: z.ZodError): string {
  const [first] = error.issues;
  if (!first) return error.message;
  const where = first.path.map(String).join(".");
  return where === "" ? first.message : `${where}: ${first.message}`;
}
