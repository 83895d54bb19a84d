import { type Node, parseTree } from "jsonc-parser";

/** What is written into a configuration, and into one that does not exist. */
const PACKAGE = "opencode-flotilla";
const ENABLED = `{ "enabled": true }`;

/** What a configuration lacks. */
export interface Lack {
  /** Nothing loads the plugin. */
  readonly plugin: boolean;
  /** team_mode is not switched on. */
  readonly teamMode: boolean;
}

/** The edited text, or why it cannot be edited and where. */
export type Edited =
  | { readonly kind: "edited"; readonly text: string }
  | { readonly kind: "refused"; readonly offset: number; readonly fault: string };

/**
 * Puts in what is missing and touches nothing else: comments, order, indentation, line ends and trailing commas stay. jsonc-parser's
 * own `modify` puts a new entry between the last one and the comment that stands behind it, so entries are placed here.
 *
 * @param text without faults of syntax, or empty.
 */
export function editConfig(text: string, lack: Lack): Edited {
  if (!text.startsWith("\uFEFF")) return edit(text, lack);
  const edited = edit(text.slice(1), lack);
  return edited.kind === "edited" ? { ...edited, text: `\uFEFF${edited.text}` } : edited;
}

function edit(text: string, lack: Lack): Edited {
  const root = parseTree(text, [], { allowTrailingComma: true });
  if (!root) return { kind: "edited", text: text + fresh(text, lack) };
  if (root.type !== "object") return refused(root, "an object in braces is expected here");
  const withPlugin = lack.plugin ? addPlugin(text, root) : ({ kind: "edited", text } as const);
  if (withPlugin.kind === "refused" || !lack.teamMode) return withPlugin;
  const again = parseTree(withPlugin.text, [], { allowTrailingComma: true });
  return again ? switchOn(withPlugin.text, again) : withPlugin;
}

function fresh(text: string, { plugin, teamMode }: Lack): string {
  const eol = eolOf(text);
  const lines = [
    `  "$schema": "https://opencode.ai/config.json"`,
    ...(plugin ? [`  "plugin": ["${PACKAGE}"]`] : []),
    ...(teamMode ? [`  "team_mode": ${ENABLED}`] : []),
  ];
  const gap = text === "" || text.endsWith("\n") ? "" : eol;
  return `${gap}{${eol}${lines.join(`,${eol}`)}${eol}}${eol}`;
}

function addPlugin(text: string, root: Node): Edited {
  const plugin = valueIn(root, "plugin");
  if (!plugin) return edited(insert(text, root, `"plugin": ["${PACKAGE}"]`));
  if (plugin.type !== "array") return refused(plugin, "plugin: a list in brackets is expected here");
  return edited(insert(text, plugin, `"${PACKAGE}"`));
}

function switchOn(text: string, root: Node): Edited {
  const section = valueIn(root, "team_mode");
  if (!section) return edited(insert(text, root, `"team_mode": ${ENABLED}`));
  if (section.type !== "object") return refused(section, "team_mode: an object in braces is expected here");
  const enabled = valueIn(section, "enabled");
  if (!enabled) return edited(insert(text, section, `"enabled": true`));
  return edited(`${text.slice(0, enabled.offset)}true${text.slice(enabled.offset + enabled.length)}`);
}

/** The value of the last property of that name: it is the one that counts. */
function valueIn(node: Node, name: string): Node | undefined {
  return node.children?.findLast(({ children: [key] = [] }) => key?.value === name)?.children?.[1];
}

/** The container with one more entry at its end. */
function insert(text: string, container: Node, entry: string): string {
  const close = container.offset + container.length - 1;
  const last = container.children?.at(-1);
  if (!last) return insertFirst(text, container, close, entry);
  const { commaAt, after } = endOf(text, last.offset + last.length, close);
  const isInLine = !/[\r\n]/.test(text.slice(container.offset, close));
  const gap = isInLine ? " " : eolOf(text) + indentAt(text, last.offset);
  const added = `${gap}${entry}${commaAt === undefined ? "" : ","}`;
  if (commaAt !== undefined) return text.slice(0, after) + added + text.slice(after);
  const end = last.offset + last.length;
  return `${text.slice(0, end)},${text.slice(end, after)}${added}${text.slice(after)}`;
}

/** Into a container without entries; it may hold comments. */
function insertFirst(text: string, container: Node, close: number, entry: string): string {
  const inside = text.slice(container.offset + 1, close);
  if (container.type === "array" && inside.trim() === "") {
    return `${text.slice(0, container.offset + 1)}${entry}${text.slice(close)}`;
  }
  const eol = eolOf(text);
  const outer = indentAt(text, container.offset);
  const kept = inside.trimEnd();
  const head = text.slice(0, container.offset + 1) + kept;
  return `${head}${eol}${outer}${unitOf(text)}${entry}${eol}${outer}${text.slice(close)}`;
}

/**
 * Behind the entry that ends there: its comma, if it has one, and the place after that and after the comment that stands on the
 * same line.
 */
function endOf(
  text: string,
  end: number,
  close: number,
): { readonly commaAt?: number; readonly after: number } {
  let commaAt: number | undefined;
  let after = end;
  // Behind the last entry only these can stand.
  for (const { index, 0: token } of text.slice(end, close).matchAll(/,|\/\/[^\r\n]*|\/\*[\s\S]*?\*\//g)) {
    const at = end + index;
    if (token === ",") {
      commaAt = at;
      after = at + 1;
    } else if (!/[\r\n]/.test(text.slice(after, at))) after = at + token.length;
    // A comment on a line of its own belongs to what follows; a comma may still be behind it.
    else if (commaAt !== undefined) break;
  }
  return commaAt === undefined ? { after } : { commaAt, after };
}

function eolOf(text: string): string {
  return /\r\n/.test(text) ? "\r\n" : "\n";
}

/** The white space at the beginning of the line. */
function indentAt(text: string, offset: number): string {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(start, offset))?.[0] ?? "";
}

/** One step of indentation, as the file has it. */
function unitOf(text: string): string {
  return /^([ \t]+)\S/m.exec(text)?.[1] ?? "  ";
}

function edited(text: string): Edited {
  return { kind: "edited", text };
}

function refused({ offset }: Node, fault: string): Edited {
  return { kind: "refused", offset, fault };
}
