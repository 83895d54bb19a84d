/** Text for a terminal: in columns, and harmless whatever it says. */

const GAP = "  ";
/** A last column that is narrower says nothing; the terminal breaks the line instead. */
const LEAST_LAST = 12;

/**
 * Lines of a table with its heading. Columns are as wide as their widest cell, the last one as wide as the screen leaves
 * it. A column that is empty in every row is left out.
 *
 * @param dispensable headings of columns that are left out where the screen is too narrow, in that order.
 */
export function table(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  width?: number,
  dispensable: readonly string[] = [],
): readonly string[] {
  const all = [heading, ...rows].map((row) => heading.map((_, column) => plain(row[column] ?? "")));
  const widths = heading.map((_, column) => Math.max(...all.map((row) => lengthOf(row[column] ?? ""))));
  const filled = heading.map((_, column) => column).filter((column) => rows.some((row) => row[column]));
  const shown = fitting(heading, filled, widths, width, dispensable);
  return all.map((whole) => {
    const row = shown.map((column) => ({ cell: whole[column] ?? "", width: widths[column] ?? 0 }));
    const before = row.slice(0, -1).map(({ cell, width: columns }) => padded(cell, columns) + GAP);
    const line = before.join("");
    const left = width === undefined ? undefined : Math.max(LEAST_LAST, width - lengthOf(line));
    return (line + cut(row.at(-1)?.cell ?? "", left)).trimEnd();
  });
}

/** The columns that are shown on a screen of that width. */
function fitting(
  heading: readonly string[],
  columns: readonly number[],
  widths: readonly number[],
  width: number | undefined,
  dispensable: readonly string[],
): readonly number[] {
  const last = columns.at(-1);
  const needed = columns.reduce((sum, column) => {
    const own = widths[column] ?? 0;
    return sum + (column === last ? Math.min(own, LEAST_LAST) : own + GAP.length);
  }, 0);
  const [next, ...others] = dispensable;
  if (width === undefined || needed <= width || next === undefined) return columns;
  const left = columns.filter((column) => heading[column] !== next);
  return fitting(heading, left, widths, width, others);
}

/** In one line, without what a terminal would obey: control characters, and marks that turn the direction of writing. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, " ");
}

/** As {@link plain}, line by line. */
export function plainLines(text: string): readonly string[] {
  return text.split(/\r?\n/).map((line) => plain(line.replaceAll("\t", "    ")));
}

/** At most so many characters. */
export function cut(text: string, length: number | undefined): string {
  if (length === undefined || lengthOf(text) <= length) return text;
  return `${[...text].slice(0, length - 1).join("")}…`;
}

/** Lines of at most that width, broken between words; what follows the first begins with `indent`. */
export function wrapped(text: string, width: number, indent = ""): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line.trim() !== "" && lengthOf(longer) > width) {
      lines.push(line);
      line = indent + word;
    } else line = longer;
  }
  return [...lines, line];
}

/** A word for a shell, quoted if the shell would read anything else into it. */
export function quoted(word: string): string {
  return /^[\w./@%+=:,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** `1 message`, `3 messages`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function padded(cell: string, width: number): string {
  return cell + " ".repeat(width - lengthOf(cell));
}

/** Characters, not UTF-16 units. Wide ones (Chinese, emoji) count as one and put their column out by one. */
function lengthOf(text: string): number {
  return [...text].length;
}
