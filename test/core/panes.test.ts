import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Cell, panesIn, parseLayout } from "../../src/core/pane-layout.ts";
import { labelOf, nextAct, type Pane, type PaneOrder, type Window } from "../../src/core/pane-plan.ts";
import { MEMBER_STATUSES } from "../../src/core/run.ts";
import { besideLead, capacity, leadWidth, room, shares, USABLE } from "../../src/core/tiling.ts";

const HOME = "%0";
const SERVER = "show_1";

const order = (members: readonly string[], more: Partial<PaneOrder> = {}): PaneOrder => ({
  runId: "run_1",
  server: SERVER,
  home: HOME,
  fitted: new Map(),
  wanted: members.map((member) => ({
    member,
    sessionId: `ses_${member}`,
    directory: "/work",
    label: labelOf(member, "working"),
  })),
  ...more,
});

const pane = (paneId: string, member: string, over: Partial<NonNullable<Pane["mark"]>> = {}): Pane => ({
  paneId,
  mark: { runId: "run_1", member, sessionId: `ses_${member}`, server: SERVER, ...over },
  label: labelOf(member, "working"),
});

const window = (windowId: string, layout: string, panes: readonly Pane[]): Window => ({
  windowId,
  layout,
  panes,
});

describe("the room that an area has", () => {
  test.each([
    [{ width: 200, height: 50 }, 6],
    [{ width: 139, height: 50 }, 3],
    [{ width: 80, height: 15 }, 1],
    [{ width: 79, height: 50 }, 0],
    [{ width: 200, height: 14 }, 0],
    [{ width: 80, height: 31 }, 2],
    [{ width: 161, height: 15 }, 2],
    [{ width: 160, height: 15 }, 1],
    [{ width: 0, height: 0 }, 0],
  ])("of %o is for %i panes of a usable size", (area, panes) => {
    expect(capacity(area)).toBe(panes);
  });

  test("is no more than what the panes, with a border between each two, really take", () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.nat(500), (width, height) => {
        const { columns, rows } = room({ width, height });
        if (columns * rows === 0) return;
        expect(Math.min(...shares(width, columns))).toBeGreaterThanOrEqual(USABLE.width);
        expect(Math.min(...shares(height, rows))).toBeGreaterThanOrEqual(USABLE.height);
      }),
    );
  });

  test("is divided into nearly equal shares that use all of it", () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.integer({ min: 1, max: 20 }), (length, count) => {
        const parts = shares(length, count);
        expect(parts).toHaveLength(count);
        expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1);
        if (length >= count - 1) expect(parts.reduce((sum, one) => sum + one, count - 1)).toBe(length);
      }),
    );
  });

  test("is shared with the lead, which keeps 30 %", () => {
    expect(leadWidth(200)).toBe(60);
    expect(besideLead({ width: 200, height: 50 })).toEqual({ width: 139, height: 50 });
  });
});

describe("a layout", () => {
  test("is read as tmux writes it", () => {
    expect(parseLayout("843f,200x50,0,0[200x44,0,0{60x44,0,0,0,139x44,61,0,2},200x5,0,45,1]")).toEqual({
      kind: "rows",
      width: 200,
      height: 50,
      cells: [
        {
          kind: "columns",
          width: 200,
          height: 44,
          cells: [
            { kind: "pane", paneId: "%0", width: 60, height: 44 },
            { kind: "pane", paneId: "%2", width: 139, height: 44 },
          ],
        },
        { kind: "pane", paneId: "%1", width: 200, height: 5 },
      ],
    });
  });

  test.each(["", "843f", "843f,200x50,0,0", "843f,200x50,0,0{1x1,0,0,1", "843f,200x50,0,0{1x1,0,0,1]", "x"])(
    "is not read from %o",
    (text) => {
      expect(parseLayout(text)).toBeUndefined();
    },
  );
});

describe("the next act", () => {
  const alone = window("@0", "ac9e,200x50,0,0,0", [{ paneId: HOME }]);

  test("opens the first member's pane beside the lead, with what the lead does not keep", () => {
    expect(nextAct([alone], order(["ada"])).act).toMatchObject({
      kind: "open",
      wanted: { member: "ada" },
      place: { kind: "beside_lead", windowId: "@0", leadWidth: 200, width: 139 },
    });
  });

  test("goes below in a column, and to a window of our own when there is no room beside the lead", () => {
    const layout = (cells: string): string => `0000,200x50,0,0{60x50,0,0,0,${cells}}`;
    const one = window("@0", layout("139x50,61,0,1"), [{ paneId: HOME }, pane("%1", "ada")]);
    expect(nextAct([one], order(["ada", "bo"])).act).toMatchObject({
      place: { kind: "below", paneId: "%1" },
    });
    const three = window("@0", layout("139x50,61,0[139x16,61,0,1,139x16,61,17,2,139x16,61,34,3]"), [
      { paneId: HOME },
      ...["ada", "bo", "cy"].map((member, index) => pane(`%${index + 1}`, member)),
    ]);
    const four = order(["ada", "bo", "cy", "di"]);
    expect(nextAct([three], four).act).toMatchObject({ place: { kind: "new_window" } });
    const other = window("@5", "0000,200x50,0,0,9", [pane("%9", "di")]);
    expect(nextAct([three, other], order(["ada", "bo", "cy", "di", "ed"])).act).toMatchObject({
      place: { kind: "last_column", windowId: "@5", width: 99 },
    });
  });

  test("says why there is none where the window has no room for a pane at all", () => {
    const small = window("@0", "0000,79x24,0,0,0", [{ paneId: HOME }]);
    expect(nextAct([small], order(["ada", "bo"]))).toEqual({
      without: {
        members: ["ada", "bo"],
        reason: "the window is too small (79x24): 80x16 is the least for a pane and its title",
      },
    });
  });

  test("says so where the lead's pane is gone", () => {
    const { act, without } = nextAct([window("@1", "0000,200x50,0,0,7", [{ paneId: "%7" }])], order(["ada"]));
    expect(act).toBeUndefined();
    expect(without?.reason).toBe("the pane in which OpenCode was started (%0) is gone");
  });

  test.each([
    ["of a member that has ended", pane("%1", "zoe")],
    ["of an earlier session of the name", pane("%1", "ada", { sessionId: "ses_old" })],
    ["that another life of the process has left", pane("%1", "ada", { server: "show_0" })],
  ])("closes the pane %s", (_what, stale) => {
    const shown = window("@0", "0000,200x50,0,0{60x50,0,0,0,139x50,61,0,1}", [{ paneId: HOME }, stale]);
    expect(nextAct([shown], order(["ada"])).act).toEqual({
      kind: "close",
      panes: [{ paneId: "%1", windowId: "@0", mark: stale.mark as NonNullable<Pane["mark"]> }],
    });
  });

  test("leaves the panes of other runs and of nobody alone", () => {
    const shown = window("@0", "0000,200x50,0,0{60x50,0,0,0,69x50,61,0,1,69x50,131,0,2}", [
      { paneId: HOME },
      pane("%1", "ada", { runId: "run_2" }),
      { paneId: "%2" },
    ]);
    expect(nextAct([shown], order([]))).toEqual({});
  });

  test("sizes a window once, and again only when the panes in it or its own size are others", () => {
    const shown = (width: number): Window =>
      window("@0", `0000,${width}x50,0,0{99x50,0,0,0,${width - 100}x50,100,0,1}`, [
        { paneId: HOME },
        pane("%1", "ada"),
      ]);
    const { act } = nextAct([shown(200)], order(["ada"]));
    expect(act).toEqual({
      kind: "fit",
      windowId: "@0",
      fitted: "200x50:%1",
      resizes: [{ paneId: HOME, axis: "width", cells: 60 }],
    });
    const fitted = new Map([["@0", "200x50:%1"]]);
    expect(nextAct([shown(200)], order(["ada"], { fitted }))).toEqual({});
    expect(nextAct([shown(220)], order(["ada"], { fitted })).act?.kind).toBe("fit");
  });

  test("sizes nothing in a window that a person has arranged anew", () => {
    // What select-layout main-horizontal makes of it: the member's pane is not beside the lead's any more.
    const rows = window("@0", "0000,200x50,0,0[200x24,0,0,0,200x25,0,25{99x25,0,25,1,100x25,100,25,2}]", [
      { paneId: HOME },
      pane("%1", "ada"),
      { paneId: "%2" },
    ]);
    expect(nextAct([rows], order(["ada"]))).toEqual({});
    expect(nextAct([rows], order(["ada", "bo"])).act).toMatchObject({ place: { kind: "new_window" } });
  });

  test("closes what a window that became smaller has no room for, so that it is opened elsewhere", () => {
    const small = window("@0", "0000,80x24,0,0{24x24,0,0,0,55x24,25,0,1}", [
      { paneId: HOME },
      pane("%1", "ada"),
    ]);
    expect(nextAct([small], order(["ada"])).act).toMatchObject({ kind: "close", panes: [{ paneId: "%1" }] });
    const after = window("@0", "0000,80x24,0,0,0", [{ paneId: HOME }]);
    expect(nextAct([after], order(["ada"])).act).toMatchObject({ place: { kind: "new_window" } });
  });

  test("says anew what a member does when that has changed", () => {
    const shown = window("@0", "0000,200x50,0,0{60x50,0,0,0,139x50,61,0,1}", [
      { paneId: HOME },
      pane("%1", "ada"),
    ]);
    const [ada] = order(["ada"]).wanted;
    const label = labelOf("ada", "needs_approval");
    const wanted = [{ ...(ada as NonNullable<typeof ada>), label }];
    expect(nextAct([shown], order([], { wanted })).act).toMatchObject({
      kind: "label",
      pane: { paneId: "%1" },
      label,
    });
    expect(label).toEqual({ title: "ada: needs approval", colour: "yellow" });
  });
});

test("every status has a colour of the terminal's own", () => {
  expect(MEMBER_STATUSES.map((status) => labelOf("ada", status).colour)).toEqual(
    expect.not.arrayContaining([undefined]),
  );
});

describe("whatever a terminal looks like", () => {
  const { cell } = fc.letrec<{ cell: Tree; pane: Tree; split: Tree }>((tie) => ({
    cell: fc.oneof({ maxDepth: 3 }, tie("pane"), tie("split")),
    pane: fc.record({
      kind: fc.constant("pane" as const),
      owner: fc.constantFrom("user", "user", "ours", "stale", "other run"),
      member: fc.constantFrom("ada", "bo", "cy", "di"),
    }),
    split: fc.record({
      kind: fc.constantFrom("rows" as const, "columns" as const),
      cells: fc.array(tie("cell"), { minLength: 2, maxLength: 4 }),
    }),
  }));
  const terminal = fc
    .array(
      fc.record({
        tree: cell,
        width: fc.integer({ min: 1, max: 400 }),
        height: fc.integer({ min: 1, max: 120 }),
      }),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    .map(furnish);
  const names = fc.uniqueArray(fc.constantFrom("ada", "bo", "cy", "di", "ed"), { maxLength: 5 });

  test("nothing but panes of the run is closed or named, and nothing but those and the lead's is sized", () => {
    fc.assert(
      fc.property(terminal, names, (windows, members) => {
        const { act } = nextAct(windows, order(members));
        const ours = new Set(
          windows.flatMap(({ panes }) =>
            panes.flatMap((one) => (one.mark?.runId === "run_1" ? [one.paneId] : [])),
          ),
        );
        const touched = (): readonly string[] => {
          if (act?.kind === "close") return act.panes.map(({ paneId }) => paneId);
          if (act?.kind === "label") return [act.pane.paneId];
          if (act?.kind === "open") return act.place.kind === "below" ? [act.place.paneId] : [];
          return (act?.resizes ?? []).map(({ paneId }) => paneId).filter((paneId) => paneId !== HOME);
        };
        expect(touched().filter((paneId) => !ours.has(paneId))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test("nobody gets a second pane, and each of those who have none is opened for or explained", () => {
    fc.assert(
      fc.property(terminal, names, (windows, members) => {
        const { act, without } = nextAct(windows, order(members));
        const seen = new Set(
          windows.flatMap(({ panes }) =>
            panes.flatMap(({ mark }) =>
              mark?.runId === "run_1" && mark.server === SERVER ? [mark.member] : [],
            ),
          ),
        );
        if (act?.kind === "open") expect(seen.has(act.wanted.member)).toBe(false);
        if (act?.kind === "close" || act?.kind === "open") return;
        expect(without?.members ?? []).toEqual(members.filter((member) => !seen.has(member)));
      }),
      { numRuns: 500 },
    );
  });
});

type Tree =
  | { readonly kind: "pane"; readonly owner: string; readonly member: string }
  | { readonly kind: "rows" | "columns"; readonly cells: readonly Tree[] };

const MARKS: Readonly<Record<string, Partial<NonNullable<Pane["mark"]>>>> = {
  ours: {},
  stale: { server: "show_0" },
};

/** Windows with ids and layouts of their own; the first pane of all is the lead's. */
function furnish(
  plans: readonly { readonly tree: Tree; readonly width: number; readonly height: number }[],
): readonly Window[] {
  let next = 0;
  return plans.map(({ tree, width, height }, index) => {
    const panes: Pane[] = [];
    const write = (cell: Tree, w: number, h: number): string => {
      if (cell.kind === "pane") {
        const paneId = `%${next}`;
        next += 1;
        const over = MARKS[cell.owner] ?? { runId: "run_2" };
        panes.push(paneId === HOME || cell.owner === "user" ? { paneId } : pane(paneId, cell.member, over));
        return `${w}x${h},0,0,${paneId.slice(1)}`;
      }
      const across = cell.kind === "columns";
      const parts = shares(across ? w : h, cell.cells.length);
      const inner = cell.cells.map((one, at) =>
        write(one, across ? (parts[at] ?? 0) : w, across ? h : (parts[at] ?? 0)),
      );
      return `${w}x${h},0,0${across ? "{" : "["}${inner.join(",")}${across ? "}" : "]"}`;
    };
    const layout = `0000,${write(tree, width, height)}`;
    expect(panesIn(parseLayout(layout) as Cell)).toHaveLength(panes.length);
    return window(`@${index}`, layout, panes);
  });
}
