import type { z } from "zod";
import { migrate } from "./migrate.ts";
import { faultOf, type Reading } from "./shape.ts";
import { unveil } from "./veil.ts";

/** Reads one stored record of whatever version, or says what is wrong with it. */
export function parseRecord<T>(schema: z.ZodType<T>, text: string): Reading<T> {
  const json = parseObject(text);
  if (!json.ok) return json;
  const today = migrate(json.value);
  return "fault" in today ? { ok: false, fault: today.fault } : check(schema, today.record);
}

/** Reads a record whose fields mean the same in every version, also those to come. */
export function parseTimeless<T>(schema: z.ZodType<T>, text: string): Reading<T> {
  const json = parseObject(text);
  return json.ok ? check(schema, json.value) : json;
}

/** The text of a record as it is stored, with every word and field that was read and not changed since. */
export function formatRecord(record: object): string {
  return `${JSON.stringify(record, unveil)}\n`;
}

function check<T>(schema: z.ZodType<T>, record: unknown): Reading<T> {
  const result = schema.safeParse(record);
  return result.success ? { ok: true, value: result.data } : { ok: false, fault: faultOf(result.error) };
}

function parseObject(text: string): Reading<Readonly<Record<string, unknown>>> {
  if (text === "") return { ok: false, fault: "the file is empty" };
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null
      ? { ok: true, value: value as Readonly<Record<string, unknown>> }
      : { ok: false, fault: "not a JSON object" };
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, fault: `not JSON: ${error.message}` };
    throw error;
  }
}
