/**
 * Patterns of the host's permission rules, as values that can be compared. `*` stands for any text, `?` for one UTF-16
 * unit; backslashes count as slashes; a pattern that ends with ` *` also matches without that ending, so `git *` matches
 * `git`. Letters count as they are written, which is how the host compares them on Linux and macOS.
 *
 * A {@link Wildcard} is a pattern without the special ending, in one spelling: a pattern of the host is one or two of
 * them ({@link parsePattern}, {@link formatPatterns}).
 */
export type Wildcard = string;

/**
 * More alternatives than this for one intersection are not worth spelling out: patterns of real rules meet in one to
 * five, and every alternative is a rule that the host tries at each call.
 */
const MAX_ALTERNATIVES = 32;

const TOO_MANY = "too many";

const OPTIONAL_TAIL = " *";

/** The wildcards that together match what the host's pattern matches. */
export function parsePattern(pattern: string): readonly Wildcard[] {
  const text = pattern.replaceAll("\\", "/");
  if (!text.endsWith(OPTIONAL_TAIL)) return [canonical(text)];
  return [canonical(text), canonical(text.slice(0, -OPTIONAL_TAIL.length))];
}

/** Patterns of the host that together match what the wildcards match, no more and no less. */
export function formatPatterns(wildcards: readonly Wildcard[]): readonly string[] {
  const whole = new Set(wildcards);
  const covered = new Set<Wildcard>();
  for (const wildcard of whole) {
    const stem = wildcard.slice(0, -OPTIONAL_TAIL.length);
    if (wildcard.endsWith(OPTIONAL_TAIL) && whole.has(stem)) covered.add(stem);
  }
  return [...whole].filter((wildcard) => !covered.has(wildcard)).flatMap((one) => spell(one, covered));
}

/** A wildcard that ends with ` *` and does not mean the text without it has to be written as two. */
function spell(wildcard: Wildcard, covered: ReadonlySet<Wildcard>): readonly string[] {
  if (!wildcard.endsWith(OPTIONAL_TAIL)) return [wildcard];
  if (covered.has(wildcard.slice(0, -OPTIONAL_TAIL.length))) return [wildcard];
  return [wildcard.slice(0, -1), `${wildcard.slice(0, -1)}?*`];
}

/** Runs of `*` and `?` in one spelling: first what counts characters, then one `*`. */
function canonical(text: string): Wildcard {
  return text.replace(/[*?]{2,}/g, (run) => {
    const single = run.replaceAll("*", "");
    return run.includes("*") ? `${single}*` : single;
  });
}

/** Whether the wildcard matches the text. */
export function matches(wildcard: Wildcard, text: string): boolean {
  return covers(wildcard, text.replaceAll("\\", "/"), false);
}

/**
 * Whether everything that `inner` matches is matched by `outer`. True is certain; false can be wrong for odd nestings of
 * `?` and `*`, which costs a superfluous rule and nothing else.
 */
export function contains(outer: Wildcard, inner: Wildcard): boolean {
  return outer === "*" || outer === inner || covers(outer, inner, true);
}

/**
 * Greedy match with one point of return: the last `*`. With `symbolic`, the text is itself a wildcard, whose `*` only a `*`
 * can stand for and whose `?` only a `?` or a `*`.
 */
function covers(wildcard: Wildcard, text: string, symbolic: boolean): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let position = 0; position < text.length; ) {
    if (wildcard[at] === "*") {
      star = at;
      at += 1;
      resume = position;
    } else if (at < wildcard.length && standsFor(wildcard.charAt(at), text.charAt(position), symbolic)) {
      at += 1;
      position += 1;
    } else if (star >= 0) {
      at = star + 1;
      resume += 1;
      position = resume;
    } else {
      return false;
    }
  }
  while (wildcard[at] === "*") at += 1;
  return at === wildcard.length;
}

function standsFor(token: string, character: string, symbolic: boolean): boolean {
  if (token === "?") return !symbolic || character !== "*";
  return token === character;
}

/** Whether a text exists that both match. Always exact. */
export function overlap(left: Wildcard, right: Wildcard): boolean {
  if (startsApart(left, right)) return false;
  return fromTheEnd<boolean>(left, right, {
    end: true,
    never: false,
    either: (one, other) => one || other,
    after: (_token, rest) => rest,
  });
}

/**
 * What both match, as wildcards that together match exactly that; undefined if it takes too many of them. An empty
 * list: nothing.
 */
export function meet(left: Wildcard, right: Wildcard): readonly Wildcard[] | undefined {
  if (contains(left, right)) return [right];
  if (contains(right, left)) return [left];
  if (!overlap(left, right)) return [];
  const found = fromTheEnd<readonly Wildcard[] | typeof TOO_MANY>(left, right, {
    end: [""],
    never: [],
    either: (one, other) =>
      one === TOO_MANY || other === TOO_MANY ? TOO_MANY : alternatives([...one, ...other]),
    after: (token, rest) =>
      rest === TOO_MANY ? TOO_MANY : alternatives(rest.map((tail) => canonical(`${token}${tail}`))),
  });
  return found === TOO_MANY ? undefined : found;
}

/** What {@link fromTheEnd} puts together: a statement about the texts that two rests of patterns both match. */
interface Fold<T> {
  /** Of two rests that are used up. */
  readonly end: T;
  /** Of two rests that no text matches. */
  readonly never: T;
  readonly either: (one: T, other: T) => T;
  /** Of rests that begin with the same token. */
  readonly after: (token: string, rest: T) => T;
}

/** What is known of the neighbouring rests: without the first token of the left, of the right, of both. */
interface Shorter<T> {
  readonly left: T;
  readonly right: T;
  readonly both: T;
}

/** Compares two wildcards, rest by rest from the end, and answers for the whole of both. */
function fromTheEnd<T>(left: Wildcard, right: Wildcard, fold: Fold<T>): T {
  const outside = new Array<T>(right.length + 2).fill(fold.never);
  let below: readonly T[] = outside;
  for (let i = left.length; i >= 0; i -= 1) {
    const here = [...outside];
    for (let j = right.length; j >= 0; j -= 1) {
      const shorter: Shorter<T> = {
        left: below[j] ?? fold.never,
        right: here[j + 1] ?? fold.never,
        both: below[j + 1] ?? fold.never,
      };
      here[j] = compare(left.charAt(i), right.charAt(j), shorter, fold);
    }
    below = here;
  }
  return below[0] ?? fold.never;
}

/** One step of {@link fromTheEnd}; an empty token is the end of its pattern. */
function compare<T>(left: string, right: string, shorter: Shorter<T>, fold: Fold<T>): T {
  if (left === "*" && right === "*") return fold.after("*", fold.either(shorter.left, shorter.right));
  // A star stands for nothing, or for one more token of the other side.
  if (left === "*")
    return fold.either(shorter.left, right === "" ? fold.never : fold.after(right, shorter.right));
  if (right === "*")
    return fold.either(shorter.right, left === "" ? fold.never : fold.after(left, shorter.left));
  if (left === "" && right === "") return fold.end;
  if (left === "" || right === "" || !alike(left, right)) return fold.never;
  return fold.after(left === "?" ? right : left, shorter.both);
}

/** Most pairs of real rules differ in plain letters at the start: no need to look further. */
function startsApart(left: Wildcard, right: Wildcard): boolean {
  for (let index = 0; index < left.length && index < right.length; index += 1) {
    const a = left.charAt(index);
    const b = right.charAt(index);
    if (a === "*" || b === "*") return false;
    if (!alike(a, b)) return true;
  }
  return false;
}

function alike(left: string, right: string): boolean {
  return left === "?" || right === "?" || left === right;
}

/** Without what another alternative covers. */
function alternatives(wildcards: readonly Wildcard[]): readonly Wildcard[] | typeof TOO_MANY {
  const kept: Wildcard[] = [];
  for (const wildcard of new Set(wildcards)) {
    if (kept.some((one) => contains(one, wildcard))) continue;
    for (let index = kept.length - 1; index >= 0; index -= 1) {
      const one = kept[index];
      if (one !== undefined && contains(wildcard, one)) kept.splice(index, 1);
    }
    kept.push(wildcard);
  }
  return kept.length > MAX_ALTERNATIVES ? TOO_MANY : kept;
}
