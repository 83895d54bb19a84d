import type { Pane, Window } from "../core/pane-plan.ts";

/** The mark on a pane of ours, and what else it carries: options of that pane alone, gone with it. */
export const OPTIONS = {
  runId: "@flotilla_run",
  member: "@flotilla_member",
  sessionId: "@flotilla_session",
  server: "@flotilla_server",
  colour: "@flotilla_colour",
  /** Set by the keeper in the pane. */
  ended: "@flotilla_ended",
} as const;

/** In nothing of ours there is one, and what others may have written comes last. */
const BAR = "|";

const FIELDS = [
  "#{window_id}",
  "#{window_layout}",
  "#{pane_id}",
  ...Object.values(OPTIONS).map((option) => `#{${option}}`),
  "#{pane_title}",
];

/** Prints the server's pid, then a line a pane. */
export const LOOK: readonly string[] = [
  ...["display-message", "-p", "#{pid}", ";"],
  ...["list-panes", "-a", "-F", FIELDS.join(BAR)],
];

/** Windows and their panes. One that is linked into several sessions is listed in each. */
export function readWindows(lines: readonly string[]): readonly Window[] {
  const windows = new Map<string, { readonly layout: string; readonly panes: Map<string, Pane> }>();
  for (const line of lines) {
    const [windowId = "", layout = "", ...rest] = line.split(BAR);
    const window = windows.get(windowId) ?? { layout, panes: new Map() };
    windows.set(windowId, window);
    const pane = paneIn(rest);
    window.panes.set(pane.paneId, pane);
  }
  return [...windows].map(([windowId, { layout, panes }]) => ({
    windowId,
    layout,
    panes: [...panes.values()],
  }));
}

function paneIn([
  paneId = "",
  runId,
  member,
  sessionId,
  server,
  colour = "",
  ended,
  ...title
]: readonly string[]): Pane {
  if (!runId || !member || !sessionId || !server) return { paneId };
  return {
    paneId,
    mark: { runId, member, sessionId, server },
    label: { title: title.join(BAR), colour },
    ...(ended ? { ended } : {}),
  };
}
