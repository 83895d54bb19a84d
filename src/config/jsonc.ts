import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";
import type { Path } from "../records/problem.ts";

/** A place in a text, both from 1; columns count UTF-16 units, as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** What is wrong with the text itself. */
export interface TextFault {
  readonly at: Position;
  /** Of the key that stands there twice; empty for a fault of syntax. */
  readonly path: Path;
  readonly message: string;
}

/** JSON with comments and trailing commas, understood together with where everything stands. */
export interface JsoncText {
  readonly value: unknown;
  /** The first fault of syntax, and every key that stands twice. */
  readonly faults: readonly TextFault[];
  positionOf(offset: number): Position;
  /** Where the value at the path stands, or the nearest thing around it that exists. */
  valueAt(path: Path): Position;
  /** Where the last key of the path stands, or the nearest thing around it that exists. */
  keyAt(path: Path): Position;
}

/** Never throws, whatever the text is. */
export function readJsonc(text: string): JsoncText {
  const clean = text.replace(/^\uFEFF/, "");
  const errors: ParseError[] = [];
  const faults: TextFault[] = [];
  const root = treeOf(clean, errors);
  const [first] = errors.filter((error) => !insideReference(clean, error.offset));
  if (root === "too deep")
    faults.push({ at: { line: 1, column: 1 }, path: [], message: "nested too deeply" });
  else if (first) {
    faults.push({
      at: positionOf(clean, first.offset),
      path: [],
      message: FAULTS[printParseErrorCode(first.error)] ?? "not JSON",
    });
  }
  const tree = root === "too deep" ? undefined : root;
  const value =
    tree === undefined
      ? undefined
      : toValue(tree, [], (path, node) => {
          faults.push({ at: positionOf(clean, node.offset), path, message: "this key stands here twice" });
        });
  return {
    value,
    faults,
    positionOf: (offset) => positionOf(clean, offset),
    valueAt: (path) => positionOf(clean, find(tree, path).value?.offset ?? 0),
    keyAt: (path) => positionOf(clean, find(tree, path).key?.offset ?? 0),
  };
}

/** A nesting that overflows the stack is a fault of the text, not of the program. */
function treeOf(text: string, errors: ParseError[]): Node | "too deep" | undefined {
  try {
    return parseTree(text, errors, { allowTrailingComma: true });
  } catch (error) {
    if (error instanceof RangeError) return "too deep";
    throw error;
  }
}

/**
 * The host replaces `{env:NAME}` and `{file:path}` in the text before it parses it, so they may stand where JSON wants a
 * value, without quotes. We keep the text, for its positions, and overlook what the parser says of them.
 */
function insideReference(text: string, offset: number): boolean {
  return [...text.matchAll(/\{(?:env|file):[^}]+\}/g)].some(
    (found) => offset >= found.index && offset < found.index + found[0].length,
  );
}

function toValue(node: Node, path: Path, twice: (path: Path, key: Node) => void): unknown {
  if (node.type === "array") return children(node).map((one, index) => toValue(one, [...path, index], twice));
  if (node.type !== "object") return node.value as unknown;
  const entries = new Map<string, unknown>();
  for (const { key, value, name } of properties(node)) {
    const at = [...path, name];
    if (entries.has(name)) twice(at, key);
    entries.set(name, value === undefined ? undefined : toValue(value, at, twice));
  }
  return Object.fromEntries(entries);
}

interface Property {
  readonly name: string;
  readonly key: Node;
  readonly value: Node | undefined;
}

function properties(node: Node): readonly Property[] {
  return children(node).flatMap((property) => {
    const [key, value] = children(property);
    return key === undefined ? [] : [{ name: String(key.value), key, value }];
  });
}

function children(node: Node): readonly Node[] {
  return node.children ?? [];
}

/** The deepest that exists on the way to the path. */
function find(
  root: Node | undefined,
  path: Path,
): { readonly key: Node | undefined; readonly value: Node | undefined } {
  let key = root;
  let value = root;
  for (const part of path) {
    if (value === undefined) break;
    const next = stepInto(value, part);
    if (next === undefined) break;
    key = next.key;
    value = next.value ?? next.key;
  }
  return { key, value };
}

function stepInto(
  node: Node,
  part: string | number,
): { readonly key: Node; readonly value: Node | undefined } | undefined {
  if (typeof part === "string") return properties(node).findLast((property) => property.name === part);
  const entry = node.type === "array" ? children(node)[part] : undefined;
  return entry && { key: entry, value: entry };
}

function positionOf(text: string, offset: number): Position {
  const before = text.slice(0, offset);
  const lastBreak = before.lastIndexOf("\n");
  return { line: before.split("\n").length, column: offset - lastBreak };
}

/** The parser's names of what is wrong, for people. */
const FAULTS: Readonly<Record<string, string>> = {
  InvalidSymbol: "a word that is not JSON; texts stand in double quotes",
  InvalidNumberFormat: "not a number",
  PropertyNameExpected: "a key in double quotes is expected here",
  ValueExpected: "a value is expected here",
  ColonExpected: "a colon is expected here",
  CommaExpected: "a comma is expected here",
  CloseBraceExpected: "a closing brace } is missing",
  CloseBracketExpected: "a closing bracket ] is missing",
  EndOfFileExpected: "nothing more is expected here",
  InvalidCommentToken: "a comment begins with // or /*",
  UnexpectedEndOfComment: "the comment is not closed",
  UnexpectedEndOfString: "the text is not closed; a closing quote is missing",
  UnexpectedEndOfNumber: "the number is cut off",
  InvalidUnicode: "\\u wants four hexadecimal digits",
  InvalidEscapeCharacter: "an unknown escape after the backslash",
  InvalidCharacter: "a control character in a text has to be escaped",
};
