import type { MemberName, RunId, SessionId } from "./ids.ts";
import {
  type Arrangement,
  arrangementAlone,
  arrangementBeside,
  type PaneId,
  panesIn,
  parseLayout,
} from "./pane-layout.ts";
import type { MemberStatus } from "./run.ts";
import { type Area, besideLead, capacity, leadWidth, room, shares, USABLE } from "./tiling.ts";

/**
 * A pane a member.
 *
 * Promise: what is not ours is never closed, sized, moved or focused. A pane is ours by what it carries, never by its id
 * alone: ids are used again by a tmux that was restarted. The lead's own pane is narrowed while members are shown beside it, and
 * gets back what it gave when they are gone.
 *
 * There is no state to go wrong: what is there is looked at, {@link nextAct} says the one thing to do, and after it one looks
 * again. What a crash leaves are panes that carry another `server`; whoever owns the run next closes them.
 */
export interface PaneMark {
  readonly runId: RunId;
  readonly member: MemberName;
  readonly sessionId: SessionId;
  /** Which life of which process shows it. */
  readonly server: string;
}

export interface Pane {
  readonly paneId: PaneId;
  readonly mark?: PaneMark;
  /** What it says of itself, as far as we have said it. */
  readonly label?: PaneLabel;
  /** Why its view has ended, if it has. */
  readonly ended?: string;
}

export interface PaneLabel {
  readonly title: string;
  readonly colour: string;
}

export interface Window {
  readonly windowId: string;
  readonly layout: string;
  readonly panes: readonly Pane[];
}

/** A member that is to be seen. */
export interface Wanted {
  readonly member: MemberName;
  readonly sessionId: SessionId;
  readonly directory: string;
  readonly label: PaneLabel;
}

/** What is to be arranged, by whom, and what is known from before. */
export interface PaneOrder {
  readonly runId: RunId;
  readonly server: string;
  /** The pane of the lead. */
  readonly home: PaneId;
  readonly wanted: readonly Wanted[];
  /** How each window was arranged when it was last sized: a person may have sized it differently since. */
  readonly fitted: ReadonlyMap<string, string>;
}

/** Where a new pane comes from. */
export type Place =
  /** Right of the lead, which first gets `leadWidth` so that there is something to take from. */
  | {
      readonly kind: "beside_lead";
      readonly windowId: string;
      readonly leadWidth: number;
      readonly width: number;
    }
  | { readonly kind: "below"; readonly windowId: string; readonly paneId: PaneId }
  /** A new column of a window that is ours alone. */
  | { readonly kind: "last_column"; readonly windowId: string; readonly width: number }
  | { readonly kind: "new_window" };

export interface Resize {
  readonly paneId: PaneId;
  readonly axis: "width" | "height";
  readonly cells: number;
}

/** A pane with all that proves it to be ours, and where it stands. */
export interface MarkedPane {
  readonly paneId: PaneId;
  readonly windowId: string;
  readonly mark: PaneMark;
}

export type PaneAct =
  | { readonly kind: "close"; readonly panes: readonly MarkedPane[] }
  | { readonly kind: "label"; readonly pane: MarkedPane; readonly label: PaneLabel }
  | { readonly kind: "open"; readonly wanted: Wanted; readonly place: Place }
  | {
      readonly kind: "fit";
      readonly windowId: string;
      readonly resizes: readonly Resize[];
      /** What {@link PaneOrder.fitted} is to hold for the window afterwards. */
      readonly fitted: string;
    };

/** What to do now, and what cannot be done as things are. */
export interface PanePlan {
  readonly act?: PaneAct;
  /** Why members that are wanted have no pane. */
  readonly without?: { readonly members: readonly MemberName[]; readonly reason: string };
}

/** Says the next thing to do, until there is nothing left. */
export function nextAct(windows: readonly Window[], order: PaneOrder): PanePlan {
  const home = windows.find(({ panes }) => panes.some(({ paneId }) => paneId === order.home));
  const own = windows.flatMap((window) => marked(window, order.runId));
  const shown = order.wanted.flatMap((wanted) => own.find(({ mark }) => shows(mark, wanted, order)) ?? []);
  const stale = [...own.filter((pane) => !shown.includes(pane)), ...crowded(home, shown, order)];
  if (stale.length > 0) return { act: { kind: "close", panes: stale.map(proof) } };

  const absent = order.wanted.filter((wanted) => !shown.some(({ mark }) => shows(mark, wanted, order)));
  const [first] = absent;
  const place = first && placeFor(windows, home, shown, order);
  if (first && typeof place === "object") return { act: { kind: "open", wanted: first, place } };
  const reason = typeof place === "string" ? place : undefined;
  const act = labelling(shown, order) ?? fitting(windows, shown, order);
  return {
    ...(act === undefined ? {} : { act }),
    ...(reason === undefined ? {} : { without: { members: absent.map(({ member }) => member), reason } }),
  };
}

type Shown = Pane & MarkedPane;

/** The panes of a window that carry a mark of the run. */
export function marked({ windowId, panes }: Window, runId: RunId): readonly Shown[] {
  return panes.flatMap((pane) =>
    pane.mark?.runId === runId ? [{ ...pane, windowId, mark: pane.mark }] : [],
  );
}

function proof({ paneId, windowId, mark }: Shown): MarkedPane {
  return { paneId, windowId, mark };
}

function shows(mark: PaneMark, { member, sessionId }: Wanted, { server }: PaneOrder): boolean {
  return mark.member === member && mark.sessionId === sessionId && mark.server === server;
}

/** Those that a window which has become smaller has no room for any more: they are opened again elsewhere. */
function crowded(home: Window | undefined, shown: readonly Shown[], order: PaneOrder): readonly Shown[] {
  const beside = home && arrangementAt(home, shown, order);
  if (!beside) return [];
  const many = beside.columns.flat();
  const left = capacity(besideLead(beside.area));
  return many.slice(left).flatMap((paneId) => shown.filter((pane) => pane.paneId === paneId));
}

/** Beside the lead while there is room, then in windows of our own, then in a new one; or why nowhere. */
function placeFor(
  windows: readonly Window[],
  home: Window | undefined,
  shown: readonly Shown[],
  order: PaneOrder,
): Place | string {
  const root = home && parseLayout(home.layout);
  if (!home || !root) return `the pane in which OpenCode was started (${order.home}) is gone`;
  const beside = arrangementAt(home, shown, order);
  const { windowId } = home;
  const place = beside && placeIn(beside, besideLead(beside.area));
  if (beside && place) {
    if (place.kind === "below") return { ...place, windowId };
    return { kind: "beside_lead", windowId, leadWidth: widened(beside, place.width), width: place.width };
  }
  for (const window of windows) {
    if (window === home || !window.panes.some((pane) => shown.some((one) => one.paneId === pane.paneId)))
      continue;
    const alone = arrangementAt(window, shown, order);
    const free = alone && placeIn(alone, withoutTitles(alone.area));
    if (free) return { ...free, windowId: window.windowId };
  }
  if (capacity(withoutTitles(root)) > 0) return { kind: "new_window" };
  const least = `${USABLE.width}x${USABLE.height + TITLE_LINES}`;
  return `the window is too small (${root.width}x${root.height}): ${least} is the least for a pane and its title`;
}

/** The lead's width while it holds the new column as well, and those that are there have made room for it. */
function widened({ area, columns }: Arrangement, width: number): number {
  if (columns.length === 0) return area.width;
  const left = besideLead(area).width - width - 1;
  return area.width - Math.max(left, 2 * columns.length - 1) - 1;
}

/** In a window of ours the first line of each column is the title of its first pane. */
const TITLE_LINES = 1;

function withoutTitles({ width, height }: Area): Area {
  return { width, height: height - TITLE_LINES };
}

/** A column more while there is room for one, then a row in the shortest column. */
function placeIn(
  { columns }: Arrangement,
  area: Area,
):
  | { readonly kind: "last_column"; readonly width: number }
  | { readonly kind: "below"; readonly paneId: PaneId }
  | undefined {
  const most = room(area);
  if (columns.flat().length >= most.columns * most.rows) return undefined;
  if (columns.length < most.columns)
    return { kind: "last_column", width: shares(area.width, columns.length + 1).at(-1) ?? area.width };
  const shortest = columns.toSorted((one, other) => one.length - other.length)[0];
  const paneId = shortest?.at(-1);
  return paneId === undefined || (shortest?.length ?? 0) >= most.rows ? undefined : { kind: "below", paneId };
}

function arrangementAt(
  { layout, panes }: Window,
  shown: readonly Shown[],
  { home }: PaneOrder,
): Arrangement | undefined {
  const root = parseLayout(layout);
  const isOurs = (paneId: PaneId): boolean => shown.some((pane) => pane.paneId === paneId);
  if (!root || panesIn(root).length !== panes.length) return undefined;
  return panes.some(({ paneId }) => paneId === home)
    ? arrangementBeside(root, home, isOurs)
    : arrangementAlone(root, isOurs);
}

function labelling(shown: readonly Shown[], { wanted }: PaneOrder): PaneAct | undefined {
  for (const pane of shown) {
    const right = wanted.find(({ member }) => member === pane.mark.member)?.label;
    if (right && (pane.label?.title !== right.title || pane.label.colour !== right.colour))
      return { kind: "label", pane: proof(pane), label: right };
  }
  return undefined;
}

/** Sizes a window when the panes in it are others than before, or its own size is. */
function fitting(windows: readonly Window[], shown: readonly Shown[], order: PaneOrder): PaneAct | undefined {
  for (const window of windows) {
    const arrangement = arrangementAt(window, shown, order);
    if (!arrangement || arrangement.columns.length === 0) continue;
    const { area, columns } = arrangement;
    const fitted = `${area.width}x${area.height}:${columns.map((column) => column.join("+")).join("|")}`;
    if (order.fitted.get(window.windowId) === fitted) continue;
    const isHome = window.panes.some(({ paneId }) => paneId === order.home);
    return {
      kind: "fit",
      windowId: window.windowId,
      resizes: sizes(arrangement, isHome, order.home),
      fitted,
    };
  }
  return undefined;
}

/** From left to right and from top to bottom; the last of each takes what is left, so that nothing beyond it moves. */
function sizes({ area, columns }: Arrangement, isHome: boolean, home: PaneId): readonly Resize[] {
  const lead: readonly Resize[] = isHome
    ? [{ paneId: home, axis: "width", cells: leadWidth(area.width) }]
    : [];
  const widths = shares(isHome ? besideLead(area).width : area.width, columns.length);
  const across = columns
    .slice(0, -1)
    .flatMap(([paneId = ""], index): readonly Resize[] => [
      { paneId, axis: "width", cells: widths[index] ?? 1 },
    ]);
  const down = columns.flatMap((column) => {
    const heights = shares(area.height, column.length);
    return column.slice(0, -1).map(
      (paneId, index): Resize => ({
        paneId,
        axis: "height",
        cells: heights[index] ?? 1,
      }),
    );
  });
  return [...lead, ...across, ...down];
}

const COLOURS: Readonly<Record<MemberStatus, string>> = {
  starting: "cyan",
  waiting: "blue",
  working: "green",
  needs_approval: "yellow",
  interrupted: "magenta",
  failed: "red",
  lost: "red",
  done: "brightblack",
};

/** What a pane says of its member. */
export function labelOf(member: MemberName, status: MemberStatus): PaneLabel {
  return { title: `${member}: ${status.replaceAll("_", " ")}`, colour: COLOURS[status] };
}
