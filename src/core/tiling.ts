/** Columns and rows of a terminal. */
export interface Area {
  readonly width: number;
  readonly height: number;
}

/** What a pane needs for a member's session to be read in it; below that it goes elsewhere. */
export const USABLE: Area = { width: 80, height: 15 };

/** How much of its pane the lead keeps when members are shown beside it. */
const LEAD_SHARE = 0.3;

/** How wide the lead's pane is in what it shares with members; the border between them is nobody's. */
export function leadWidth(width: number): number {
  return Math.max(1, Math.floor(width * LEAD_SHARE));
}

/** What is left for members beside the lead. */
export function besideLead({ width, height }: Area): Area {
  return { width: Math.max(0, width - leadWidth(width) - 1), height };
}

/** How many columns, and how many panes in each, an area has room for at a usable size. */
export function room({ width, height }: Area): { readonly columns: number; readonly rows: number } {
  return {
    columns: Math.max(0, Math.floor((width + 1) / (USABLE.width + 1))),
    rows: Math.max(0, Math.floor((height + 1) / (USABLE.height + 1))),
  };
}

/** How many panes an area has room for. */
export function capacity(area: Area): number {
  const { columns, rows } = room(area);
  return columns * rows;
}

/** Divides a length among so many panes, one cell between each two for the border: nearly equal, the first ones larger. */
export function shares(length: number, count: number): readonly number[] {
  const content = Math.max(0, length - (count - 1));
  const [each, more] = [Math.floor(content / count), content % count];
  return Array.from({ length: count }, (_, index) => each + (index < more ? 1 : 0));
}
