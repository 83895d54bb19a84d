import { type Path, type Problem, sayValue, unknownKey } from "./problem.ts";

/**
 * The first look at a team that somebody wrote: synonyms become the plain key, absent things (`null`, `""`) are gone, text
 * that holds JSON is read. It judges nothing but keys; the rest is the schema's.
 */
export interface TeamDraft {
  /** Plain keys only. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  readonly notes: readonly string[];
  /** Where the author wrote what stands at a path of `value`. */
  authored(path: Path): Path;
}

/** The plain keys of an object, each with the other spellings that are understood. */
type Keys = Readonly<Record<string, readonly string[]>>;

const PROMPT = ["systemPrompt", "system_prompt", "role", "instructions"];
const TEAM: Keys = {
  $schema: [],
  version: [],
  name: [],
  description: [],
  lead: [],
  members: [],
  allow_member_broadcast: [],
};
const LEAD: Keys = { prompt: PROMPT };
const MEMBER: Keys = {
  name: [],
  kind: [],
  subagent_type: ["agent"],
  category: [],
  prompt: PROMPT,
  model: [],
  variant: [],
  worktree: [],
};
const BOOLEANS = new Set(["allow_member_broadcast", "worktree"]);

/** Never throws, whatever it is given. */
export function draftTeam(written: unknown): TeamDraft {
  const sheet: Sheet = { problems: [], notes: [], origins: new Map() };
  const root: Path = [];
  const read = fromJsonText(sheet, written, root);
  const value = Array.isArray(read) ? { members: members(sheet, read, root) } : team(sheet, read, root);
  return {
    value,
    problems: sheet.problems,
    notes: sheet.notes,
    authored: (path) => authored(sheet.origins, path),
  };
}

/** What is collected on the way. */
interface Sheet {
  readonly problems: Problem[];
  readonly notes: string[];
  /** Authored paths by plain ones, where they differ. */
  readonly origins: Map<string, Path>;
}

/** Where one stands: in the draft, and in what the author wrote. */
interface Spot {
  readonly plain: Path;
  readonly written: Path;
}

function team(sheet: Sheet, value: unknown, written: Path): unknown {
  const fields = plainFields(sheet, value, { plain: [], written }, TEAM);
  if (!fields) return value;
  const { lead, members: list, ...rest } = fields;
  const seat = plainFields(sheet, lead, spotOf(sheet, ["lead"]), LEAD);
  const read = fromJsonText(sheet, list, spotOf(sheet, ["members"]).written);
  return {
    ...rest,
    ...(lead === undefined ? {} : { lead: seat ?? lead }),
    ...(list === undefined
      ? {}
      : { members: Array.isArray(read) ? members(sheet, read, ["members"]) : list }),
  };
}

function members(sheet: Sheet, list: readonly unknown[], written: Path): readonly unknown[] {
  const kept: unknown[] = [];
  for (const [index, entry] of list.entries()) {
    if (isAbsent(entry)) continue;
    const spot: Spot = { plain: ["members", kept.length], written: [...written, index] };
    sheet.origins.set(keyOf(spot.plain), spot.written);
    kept.push(member(sheet, entry, spot));
  }
  return kept;
}

/** A text in place of a member can only be the agent that serves. */
function member(sheet: Sheet, entry: unknown, spot: Spot): unknown {
  const read = fromJsonText(sheet, entry, spot.written);
  if (typeof read !== "string") return plainFields(sheet, read, spot, MEMBER) ?? read;
  // What is wrong with either is wrong with the text itself.
  for (const key of ["subagent_type", "name"]) {
    sheet.origins.set(keyOf([...spot.plain, key]), spot.written);
  }
  return { subagent_type: read.trim() };
}

/** The object with plain keys; nothing if it is none. */
function plainFields(
  sheet: Sheet,
  value: unknown,
  spot: Spot,
  keys: Keys,
): Record<string, unknown> | undefined {
  const read = fromJsonText(sheet, value, spot.written);
  if (typeof read !== "object" || read === null || Array.isArray(read)) return undefined;
  const spellings = new Map(
    Object.entries(keys).flatMap(([plain, others]) => [plain, ...others].map((one) => [one, plain] as const)),
  );
  const fields = new Map<string, { readonly value: unknown; readonly key: string }>();
  for (const [key, raw] of Object.entries(read)) {
    if (isAbsent(raw)) continue;
    const plain = spellings.get(key);
    if (plain === undefined) {
      sheet.problems.push(unknownKey([...spot.written, key], [...spellings.keys()]));
      continue;
    }
    const earlier = fields.get(plain);
    const now = { value: BOOLEANS.has(plain) ? fromWord(raw) : raw, key };
    if (earlier) fields.set(plain, both(sheet, plain, earlier, now, spot));
    else fields.set(plain, now);
    if (!earlier) sheet.origins.set(keyOf([...spot.plain, plain]), [...spot.written, key]);
  }
  return Object.fromEntries([...fields].map(([plain, field]) => [plain, field.value]));
}

interface Field {
  readonly value: unknown;
  readonly key: string;
}

/** One thing under two names: texts for a prompt add up, else they must say the same. */
function both(sheet: Sheet, plain: string, one: Field, other: Field, spot: Spot): Field {
  if (one.value === other.value) return one;
  if (plain === "prompt" && typeof one.value === "string" && typeof other.value === "string") {
    return { ...one, value: `${one.value}\n\n${other.value}` };
  }
  sheet.problems.push({
    path: [...spot.written, other.key],
    message: `received ${sayValue(other.value)}, but "${one.key}" says the same thing differently`,
    received: sayValue(other.value),
    allowed: `one of "${one.key}" and "${other.key}"`,
  });
  return one;
}

/** Whole arguments arrive as JSON text from hosts and models that know no better. Any other text is left alone. */
function fromJsonText(sheet: Sheet, value: unknown, path: Path): unknown {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch (error) {
    // Deeply nested text is no more a team than broken text is: the parser overflows the stack and says RangeError.
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    if (sheet.problems.some((problem) => problem.path === path)) return value;
    sheet.problems.push({
      path,
      message: `text that is not JSON (${error.message})`,
      received: sayValue(value),
      allowed: "an object or a list, as it is or as JSON text",
    });
    return value;
  }
}

function fromWord(value: unknown): unknown {
  if (value === "true") return true;
  return value === "false" ? false : value;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === "string" && value.trim() === "");
}

function spotOf(sheet: Sheet, plain: Path): Spot {
  return { plain, written: authored(sheet.origins, plain) };
}

function authored(origins: ReadonlyMap<string, Path>, path: Path): Path {
  for (let length = path.length; length > 0; length -= 1) {
    const known = origins.get(keyOf(path.slice(0, length)));
    if (known) return [...known, ...path.slice(length)];
  }
  return path;
}

function keyOf(path: Path): string {
  return JSON.stringify(path);
}
