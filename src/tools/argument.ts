import { described } from "./json-schema.ts";
import { nearest } from "./nearest.ts";
import { type Argument, fromJson, isAbsent, isObject, shown } from "./reading.ts";
import { type Input, parseSlots, type Slots, schemaOf } from "./slots.ts";

/** Free text, as written. */
export function text(description?: string): Argument<string> {
  return {
    schema: described({ type: "string" }, description),
    read(value, path, faults) {
      const plain = plainText(value);
      if (plain === undefined) faults.push(`${path} must be text, received ${shown(value)}`);
      return plain;
    },
  };
}

/** The name of a member, a team or an agent: they are all lower case, and models like to write `@Ada`. */
export function name(description: string): Argument<string> {
  const base = text(description);
  return {
    schema: base.schema,
    // As a team's own names are read.
    read: (value, path, faults) =>
      base
        .read(value, path, faults)
        ?.trim()
        .replace(/^@/, "")
        .toLowerCase()
        .replaceAll(/[\s_]+/g, "-"),
  };
}

/** One word of a closed set; the record makes the compiler see that the set is complete. */
export function choice<T extends string>(
  words: Readonly<Record<T, true>>,
  description?: string,
): Argument<T> {
  const allowed = Object.keys(words) as T[];
  return {
    schema: described({ type: "string", enum: allowed }, description),
    read(value, path, faults) {
      const word = plainText(value)
        ?.trim()
        .toLowerCase()
        .replace(/[\s-]+/g, "_");
      const found = allowed.find((one) => one === word);
      if (found === undefined) {
        const close = word === undefined ? undefined : nearest(word, allowed);
        const meant = close === undefined ? "" : `; did you mean ${close}?`;
        faults.push(`${path} must be one of ${allowed.join(", ")}, received ${shown(value)}${meant}`);
      }
      return found;
    },
  };
}

export interface Bounds {
  readonly min: number;
  readonly max?: number;
}

/** A whole number; also as text, and as `#3`, which is how tasks are written. */
export function integer(bounds: Bounds, description?: string): Argument<number> {
  const { min, max = Number.MAX_SAFE_INTEGER } = bounds;
  // A bound that every integer has is not said: it would only cost the model's attention.
  const maximum = bounds.max === undefined ? {} : { maximum: max };
  return {
    schema: described({ type: "integer", minimum: min, ...maximum }, description),
    read(value, path, faults) {
      const number = typeof value === "string" ? Number(value.trim().replace(/^#/, "") || Number.NaN) : value;
      if (typeof number === "number" && Number.isSafeInteger(number) && number >= min && number <= max) {
        return number;
      }
      const range = bounds.max === undefined ? `from ${min} up` : `from ${min} to ${max}`;
      faults.push(`${path} must be a whole number ${range}, received ${shown(value)}`);
      return undefined;
    },
  };
}

/** The number of a task. */
export function taskId(description?: string): Argument<number> {
  return integer({ min: 1 }, description);
}

const TRUE: readonly unknown[] = [true, 1, "true", "yes", "1"];
const FALSE: readonly unknown[] = [false, 0, "false", "no", "0"];

export function flag(description: string): Argument<boolean> {
  return {
    schema: described({ type: "boolean" }, description),
    read(value, path, faults) {
      const word = typeof value === "string" ? value.trim().toLowerCase() : value;
      if (TRUE.includes(word)) return true;
      if (FALSE.includes(word)) return false;
      faults.push(`${path} must be true or false, received ${shown(value)}`);
      return undefined;
    },
  };
}

export interface ListForm {
  /** `"1, 2"` means two. Only for items that cannot contain a comma. */
  readonly commas?: boolean;
}

/** Several of a kind; also as JSON text, and a single one without its brackets. */
export function list<T>(item: Argument<T>, description: string, form: ListForm = {}): Argument<readonly T[]> {
  return {
    schema: described({ type: "array", items: item.schema }, description),
    read(value, path, faults) {
      const items = itemsOf(value, path, faults, form);
      return items?.flatMap((one, index) => {
        if (isAbsent(one)) return [];
        const read = item.read(one, Array.isArray(value) ? `${path}[${index}]` : path, faults);
        return read === undefined ? [] : [read];
      });
    },
  };
}

function itemsOf(
  value: unknown,
  path: string,
  faults: string[],
  { commas = false }: ListForm,
): readonly unknown[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value !== "string") return [value];
  const written = fromJson(value, "[");
  if (Array.isArray(written)) return written;
  if (value.trim().startsWith("[")) {
    faults.push(`${path} begins like a JSON array but is none, received ${shown(value)}`);
    return undefined;
  }
  return commas ? value.split(",") : [value];
}

/**
 * An object with slots of its own; also as JSON text.
 *
 * @param shorthand the slot that a plain text alone stands for.
 */
export function record<S extends Slots>(
  slots: S,
  description?: string,
  shorthand?: keyof S,
): Argument<Input<S>> {
  return {
    schema: described({ type: "object", ...schemaOf(slots) }, description),
    read(value, path, faults) {
      const written = typeof value === "string" ? (fromJson(value, "{") ?? value) : value;
      if (isObject(written)) return parseSlots(slots, written, faults, `${path}.`);
      if (typeof written === "string" && shorthand !== undefined) {
        return parseSlots(slots, { [shorthand]: written }, faults, `${path}.`);
      }
      const keys = Object.keys(slots).join(", ");
      faults.push(`${path} must be an object with ${keys}, received ${shown(value)}`);
      return undefined;
    },
  };
}

function plainText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}
