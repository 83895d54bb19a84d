import { describe, expect, test } from "bun:test";
import { USABLE } from "../../src/core/tiling.ts";
import { startTmux, type Tmux } from "../support/tmux.ts";
import { show } from "./show.ts";

const MEMBERS = ["ada", "bo", "cy", "di", "ed", "flo", "gus", "hal"];

/** What a person may have made of a window before. `%0` is the pane in which OpenCode runs. */
const DESKS: Readonly<Record<string, (term: Tmux) => void>> = {
  "one pane": () => undefined,
  "a pane beside it": (term) =>
    void term.run("split-window", "-d", "-h", "-l", "20", "-t", "%0", "sleep", "3600"),
  "panes before and below it, and zoomed": (term) => {
    term.run("split-window", "-d", "-h", "-b", "-l", "10", "-t", "%0", "sleep", "3600");
    term.run("split-window", "-d", "-v", "-l", "4", "-t", "%0", "sleep", "3600");
    term.run("resize-pane", "-Z", "-t", "%0");
  },
  "the person elsewhere, in another pane that is zoomed and in another window": (term) => {
    term.run("split-window", "-v", "-l", "4", "-t", "%0", "sleep", "3600");
    term.run("resize-pane", "-Z", "-t", "%1");
    term.run("new-window", "-n", "other", "sleep", "3600");
  },
};

/** What must not change while members are shown either: where the person is and what is zoomed. */
function standpoint(term: Tmux): string {
  const panes =
    "#{window_id} #{pane_id} #{window_active} #{window_zoomed_flag} #{window_last_flag} #{pane_pid}";
  return term
    .lines("list-panes", "-a", "-f", "#{?@flotilla_run,0,1}", "-F", `${panes} #{pane_active}`)
    .join("\n");
}

describe.each([
  [80, 24],
  [200, 50],
  [330, 70],
])("in a window of %ix%i", (width, height) => {
  test.each(Object.keys(DESKS))(
    "with %s, one to eight members are readable, and afterwards all is as it was to the letter",
    async (desk) => {
      using term = startTmux({ width, height });
      DESKS[desk]?.(term);
      const before = term.arrangement();
      const stood = standpoint(term);
      const { settle, shown } = show(term);
      for (const count of [1, 2, 5, 8, 3]) {
        const members = MEMBERS.slice(8 - count);
        expect(await settle(members)).toBeUndefined();
        expect(
          shown()
            .map(({ member }) => member)
            .toSorted(),
        ).toEqual(members.toSorted());
        for (const pane of shown()) {
          expect(pane.title).toBe(`${pane.member}: working`);
          expect(pane.width).toBeGreaterThanOrEqual(USABLE.width);
          expect(pane.height).toBeGreaterThanOrEqual(USABLE.height);
        }
        expect(standpoint(term)).toBe(stood);
      }
      await settle([]);
      expect(term.arrangement()).toBe(before);
    },
  );
});
