import type { JsonSchema } from "./json-schema.ts";
import { nearest } from "./nearest.ts";
import { type Argument, isAbsent } from "./reading.ts";

/** A named place for an argument. */
export interface Slot<T, Required extends boolean> {
  readonly argument: Argument<T>;
  readonly required: Required;
  /** Other names that models give it. Case, `_` and `-` make no difference and need none. */
  readonly aliases: readonly string[];
  /** Understood, but not worth a line in every session's schema. */
  readonly unpublished?: true;
}

export type Slots = Readonly<Record<string, Slot<unknown, boolean>>>;

/** What was given: required slots are there, of the others those that were. */
export type Input<S extends Slots> = {
  readonly [K in keyof S as S[K] extends Slot<unknown, true> ? K : never]: Value<S[K]>;
} & {
  readonly [K in keyof S as S[K] extends Slot<unknown, true> ? never : K]?: Value<S[K]>;
};

type Value<S> = S extends Slot<infer T, boolean> ? T : never;

export function required<T>(argument: Argument<T>, ...aliases: string[]): Slot<T, true> {
  return { argument, required: true, aliases };
}

export function optional<T>(argument: Argument<T>, ...aliases: string[]): Slot<T, false> {
  return { argument, required: false, aliases };
}

export function unpublished<T>(argument: Argument<T>, ...aliases: string[]): Slot<T, false> {
  return { argument, required: false, aliases, unpublished: true };
}

/** The slots as the fields of an object's schema. */
export function schemaOf(slots: Slots): Required<Pick<JsonSchema, "properties" | "required">> {
  const published = Object.entries(slots).filter(([, slot]) => slot.unpublished !== true);
  return {
    properties: Object.fromEntries(published.map(([key, slot]) => [key, slot.argument.schema])),
    required: published.filter(([, slot]) => slot.required).map(([key]) => key),
  };
}

/**
 * Reads every slot from what was written. All that is wrong is added to `faults`, so that one more call mends it all; the
 * result is to be used only if there is none.
 *
 * @param prefix of the path to a slot, for a fault's place: `tasks[0].`
 */
export function parseSlots<S extends Slots>(
  slots: S,
  written: Readonly<Record<string, unknown>>,
  faults: string[],
  prefix = "",
): Input<S> {
  const given = assign(slots, written, faults, prefix);
  const values: Record<string, unknown> = {};
  for (const [key, slot] of Object.entries(slots)) {
    const path = `${prefix}${key}`;
    if (!given.has(key)) {
      if (slot.required) faults.push(`${path} is missing`);
      continue;
    }
    const value = slot.argument.read(given.get(key), path, faults);
    if (value !== undefined) values[key] = value;
  }
  return values as Input<S>;
}

/** Which slot each written value belongs to. Absent values belong to none, whatever their name. */
function assign(
  slots: Slots,
  written: Readonly<Record<string, unknown>>,
  faults: string[],
  prefix: string,
): ReadonlyMap<string, unknown> {
  const keys = keysByName(slots);
  const given = new Map<string, unknown>();
  const names = new Map<string, string>();
  for (const [name, value] of Object.entries(written)) {
    if (isAbsent(value)) continue;
    const key = keys.get(plain(name));
    const slot = key === undefined ? undefined : slots[key];
    if (key === undefined || slot === undefined) {
      faults.push(`unknown argument ${prefix}${name}${meant(name, keys) ?? known(slots, prefix)}`);
      continue;
    }
    if (!slot.required && value === "null") continue;
    const other = names.get(key);
    if (other !== undefined && JSON.stringify(given.get(key)) !== JSON.stringify(value)) {
      faults.push(`${prefix}${other} and ${prefix}${name} are one argument and say different things`);
    }
    if (other === undefined || name === key) given.set(key, value);
    names.set(key, name);
  }
  return given;
}

/** Every name a slot answers to, with the slot's own key. */
function keysByName(slots: Slots): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const [key, { aliases }] of Object.entries(slots)) {
    for (const name of [key, ...aliases]) keys.set(plain(name), key);
  }
  return keys;
}

/** Names by which models try to say who they are. */
const IDENTITY: ReadonlySet<string> = new Set(["from", "sender", "sessionid", "leadsessionid", "caller"]);

function meant(name: string, keys: ReadonlyMap<string, string>): string | undefined {
  if (IDENTITY.has(plain(name))) return " (leave it out: who calls is known from the session)";
  const close = nearest(plain(name), [...keys.keys()]);
  const key = close === undefined ? undefined : keys.get(close);
  return key === undefined ? undefined : ` (did you mean ${key}?)`;
}

/** Inside an argument; on the outermost level the refusal's hint has them. */
function known(slots: Slots, prefix: string): string {
  return prefix === "" ? "" : ` (known: ${Object.keys(slots).join(", ")})`;
}

/** `task_id`, `taskId`, `task-id` and `TaskID` are one name. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, "");
}
