import type { PaneId } from "../core/pane-layout.ts";
import type { MarkedPane, PaneAct, PaneLabel, PaneMark, Place, Resize } from "../core/pane-plan.ts";
import type { MemberView } from "../ports.ts";
import { KEEPER } from "./keeper.ts";
import { OPTIONS } from "./look.ts";

/*
 * What tmux is told, in its own language. Every word that comes from elsewhere is quoted. Panes and windows are always named by
 * id, and new ones never take the focus.
 */

/** Printed where a condition did not hold: nothing was done then. */
export const ANOTHER_SERVER = "flotilla:another-server";

/** Carries out a script in one server only: a restarted one has the same socket and the same ids. */
export function inServer(pid: string, script: string): string {
  return `${given(`#{==:#{pid},${pid}}`, [script], [`display-message -p ${ANOTHER_SERVER}`])}\n`;
}

/** The script of an act on panes that are there. */
export function scriptOf(act: Exclude<PaneAct, { kind: "open" }>): string {
  switch (act.kind) {
    case "close":
      return act.panes.map(closing).join("\n");
    case "label":
      return ofOurs(act.pane, labelling(act.pane, act.label));
    case "fit":
      return keepingZoom(act.windowId, act.resizes.map(resizing));
  }
}

/** Makes a pane and prints its id, the pid of what runs in it, and its window. */
export function opening(
  place: Place,
  home: PaneId,
  { session, buffer }: { readonly session: string; readonly buffer: string },
  view: MemberView,
): string {
  const made = `-d -P -F '#{pane_id} #{pane_pid} #{window_id}'`;
  // With more than one word, tmux starts the program itself: the user's shell, whichever it is, has no part in it.
  const keeper = ["/bin/sh", "-c", KEEPER, `flotilla-${view.mark.member}`, `${view.owner}`, buffer];
  const rest = [made, ...[...keeper, ...view.command].map(quoted)].join(" ");
  switch (place.kind) {
    case "beside_lead":
      return keepingZoom(place.windowId, [
        `resize-pane -t ${home} -x ${place.leadWidth}`,
        `split-window -h -l ${place.width} -t ${home} ${rest}`,
      ]);
    case "below":
      return keepingZoom(place.windowId, [`split-window -v -t ${place.paneId} ${rest}`]);
    case "last_column":
      return keepingZoom(place.windowId, [
        `split-window -h -f -l ${place.width} -t ${place.windowId} ${rest}`,
      ]);
    case "new_window":
      return `new-window -t ${quoted(`${session}:`)} -n ${quoted(view.windowName)} ${rest}`;
  }
}

/** Marks the pane that was just made as ours. Options of a window are set only where the window is ours alone. */
export function marking(pane: Omit<MarkedPane, "windowId">, label: PaneLabel, ownWindow?: string): string {
  const { paneId, mark } = pane;
  const marks = Object.entries(mark).map(([key, value]) =>
    setting(paneId, OPTIONS[key as keyof PaneMark], value),
  );
  return [
    ...marks,
    // A user's `remain-on-exit` would leave a dead pane behind for good.
    setting(paneId, "remain-on-exit", "off"),
    ...labelling(pane, label),
    ...(ownWindow === undefined ? [] : windowOptions(ownWindow)),
  ].join("\n");
}

/** Takes back a pane whose mark could not be set; the pid proves that it is the one that was made. */
export function unmaking(paneId: PaneId, pid: string): string {
  return ofPane(paneId, `#{==:#{pane_pid},${pid}}`, [`kill-pane -t ${paneId}`]);
}

/**
 * Titles on every border, in the colour of the status. In the user's window there is no such thing: all of these are options of a
 * whole window in one version of tmux or another, and then `set-option -p` sets them there without a word (3.3a does so with
 * `pane-border-style`).
 */
function windowOptions(windowId: string): readonly string[] {
  const style = `#{?${OPTIONS.colour},fg=#{${OPTIONS.colour}},default}`;
  return [
    ["pane-border-status", "top"],
    ["pane-border-format", " #{pane_title} "],
    ["pane-border-style", style],
    ["pane-active-border-style", style],
  ].map(([option = "", value = ""]) => `set-option -w -t ${windowId} ${option} ${quoted(value)}`);
}

/** A window whose zoomed pane stays has its zoom again afterwards. */
function closing(pane: MarkedPane): string {
  const { paneId, windowId } = pane;
  const kill = `kill-pane -t ${paneId}`;
  const staysZoomed = "#{&&:#{window_zoomed_flag},#{?pane_active,0,1}}";
  return ofOurs(pane, [
    `if-shell -F -t ${paneId} ${quoted(staysZoomed)} {\n${kill}\nresize-pane -Z -t ${windowId}\n} {\n${kill}\n}`,
  ]);
}

function labelling({ paneId }: Pick<MarkedPane, "paneId">, { title, colour }: PaneLabel): readonly string[] {
  return [`select-pane -t ${paneId} -T ${quoted(title)}`, setting(paneId, OPTIONS.colour, colour)];
}

function resizing({ paneId, axis, cells }: Resize): string {
  return `resize-pane -t ${paneId} ${axis === "width" ? "-x" : "-y"} ${cells}`;
}

function setting(paneId: PaneId, option: string, value: string): string {
  return `set-option -p -t ${paneId} ${option} ${quoted(value)}`;
}

/** Commands for a pane that still carries the mark that was seen on it. */
function ofOurs({ paneId, mark }: Pick<MarkedPane, "paneId" | "mark">, commands: readonly string[]): string {
  const { runId, member, server } = OPTIONS;
  const seen = [mark.runId, mark.member, mark.server].join(" ");
  return ofPane(paneId, `#{==:#{${runId}} #{${member}} #{${server}},${seen}}`, commands);
}

/** One that is gone meanwhile ends nothing: what comes after it in the script is carried out. */
function ofPane(paneId: PaneId, format: string, commands: readonly string[]): string {
  const isThere = `#{==:#{pane_id},${paneId}}`;
  return given(`#{&&:${isThere},${format}}`, commands, [], paneId);
}

/**
 * Every change of its layout takes a window's zoom away. It is taken away before, so that what is reckoned is the layout
 * itself, and set again on the same pane, the active one. Between two commands of a script tmux draws nothing.
 */
function keepingZoom(windowId: string, commands: readonly string[]): string {
  const toggle = `resize-pane -Z -t ${windowId}`;
  return given("#{window_zoomed_flag}", [toggle, ...commands, toggle], commands, windowId);
}

function given(
  format: string,
  commands: readonly string[],
  otherwise: readonly string[] = [],
  target?: string,
): string {
  const at = target === undefined ? "" : ` -t ${target}`;
  const block = (lines: readonly string[]): string => ` {\n${lines.join("\n")}\n}`;
  return `if-shell -F${at} ${quoted(format)}${block(commands)}${otherwise.length === 0 ? "" : block(otherwise)}`;
}

/** One word for tmux's own reader: nothing in it is expanded. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
