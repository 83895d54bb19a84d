import type { Area } from "./tiling.ts";

/** A pane's id in its tmux server, `%7`. */
export type PaneId = string;

/** A window's arrangement as tmux describes it, without the places that follow from the sizes. */
export type Cell =
  | ({ readonly kind: "pane"; readonly paneId: PaneId } & Area)
  | ({ readonly kind: "columns" | "rows"; readonly cells: readonly Cell[] } & Area);

/** The panes of ours in one window, column by column, and the room that they have together. */
export interface Arrangement {
  /** The lead's pane included, where there is one. */
  readonly area: Area;
  readonly columns: readonly (readonly PaneId[])[];
}

/**
 * Reads a `window_layout`: `7c5e,200x50,0,0{60x50,0,0,1,139x50,61,0[139x25,61,0,2,139x24,61,26,3]}`. Braces hold columns, brackets
 * rows. Undefined for what is none.
 */
export function parseLayout(layout: string): Cell | undefined {
  const text = layout.replace(/^[0-9a-f]+,/, "");
  const read = readCell(text, 0);
  return read && read.end === text.length ? read.cell : undefined;
}

interface Read {
  readonly cell: Cell;
  readonly end: number;
}

const CELL = /(\d+)x(\d+),\d+,\d+(?:,(\d+)|([[{]))/y;

function readCell(text: string, start: number): Read | undefined {
  CELL.lastIndex = start;
  const match = CELL.exec(text);
  if (!match) return undefined;
  const area = { width: Number(match[1]), height: Number(match[2]) };
  const end = CELL.lastIndex;
  if (match[3] !== undefined) return { cell: { kind: "pane", paneId: `%${match[3]}`, ...area }, end };
  return readCells(text, end, match[4] === "{" ? "columns" : "rows", area);
}

function readCells(text: string, start: number, kind: "columns" | "rows", area: Area): Read | undefined {
  const cells: Cell[] = [];
  for (let at = start; ; ) {
    const next = readCell(text, at);
    if (!next) return undefined;
    cells.push(next.cell);
    const after = text[next.end];
    if (after === (kind === "columns" ? "}" : "]"))
      return { cell: { kind, cells, ...area }, end: next.end + 1 };
    if (after !== ",") return undefined;
    at = next.end + 1;
  }
}

/** All panes of a window. */
export function panesIn(cell: Cell): readonly PaneId[] {
  return cell.kind === "pane" ? [cell.paneId] : cell.cells.flatMap(panesIn);
}

/**
 * Our panes right beside the lead's, if they stand as we set them up: columns that follow it, with nobody else's pane among
 * them. Undefined when a person has arranged the window differently: then nothing in it is ours to size.
 */
export function arrangementBeside(
  root: Cell,
  lead: PaneId,
  isOurs: (paneId: PaneId) => boolean,
): Arrangement | undefined {
  const ours = panesIn(root).filter(isOurs);
  const found = neighbours(root, lead);
  if (!found) return undefined;
  const columns: (readonly PaneId[])[] = [];
  let { width } = found.self;
  for (const cell of found.after) {
    const column = columnOf(cell, isOurs);
    if (!column) break;
    columns.push(column);
    width += cell.width + 1;
  }
  if (columns.flat().length !== ours.length) return undefined;
  return { area: { width, height: found.self.height }, columns };
}

/** Our panes in a window that holds nothing else; undefined if it does, or if they stand in no columns. */
export function arrangementAlone(root: Cell, isOurs: (paneId: PaneId) => boolean): Arrangement | undefined {
  const columns = (root.kind === "columns" ? root.cells : [root]).map((cell) => columnOf(cell, isOurs));
  if (columns.some((column) => column === undefined)) return undefined;
  const { width, height } = root;
  return { area: { width, height }, columns: columns as readonly (readonly PaneId[])[] };
}

/** The panes of one column of ours, from top to bottom. */
function columnOf(cell: Cell, isOurs: (paneId: PaneId) => boolean): readonly PaneId[] | undefined {
  const panes = (cell.kind === "rows" ? cell.cells : [cell]).flatMap((one) =>
    one.kind === "pane" && isOurs(one.paneId) ? [one.paneId] : [undefined],
  );
  return panes.includes(undefined) ? undefined : (panes as readonly PaneId[]);
}

/** The pane's own cell, and those right of it among the columns in which it stands itself. */
function neighbours(
  cell: Cell,
  paneId: PaneId,
): { readonly self: Cell; readonly after: readonly Cell[] } | undefined {
  if (cell.kind === "pane") return cell.paneId === paneId ? { self: cell, after: [] } : undefined;
  for (const [index, child] of cell.cells.entries()) {
    const found = neighbours(child, paneId);
    if (!found) continue;
    return child.kind === "pane" && cell.kind === "columns"
      ? { self: child, after: cell.cells.slice(index + 1) }
      : found;
  }
  return undefined;
}
