import { expect, test } from "bun:test";
import { PaneShow } from "../../src/app/show-panes.ts";
import type { World } from "../../src/app/world.ts";
import { FlotillaError } from "../../src/errors.ts";
import type { Panes } from "../../src/ports.ts";
import { openPanes } from "../../src/tmux/panes.ts";
import { participantSurvey, runSurvey } from "../contract/status-board.ts";
import { eventually } from "../support/eventually.ts";
import { silentHost } from "../support/silent-host.ts";
import { startTmux, type Tmux } from "../support/tmux.ts";

const SURVEY = runSurvey({ members: [participantSurvey("ada", { sessionId: "ses_ada" })] });

/** A process that shows its runs on a real tmux, which answers where it is not late. */
function showOn(term: Tmux) {
  const desk = {
    isLate: false,
    looks: 0,
    rings: [] as (() => void)[],
    panes: (): number => term.lines("list-panes", "-a").length,
  };
  const real = openPanes({ PATH: process.env["PATH"], ...term.env() });
  const panes: Panes = {
    ...real,
    look() {
      desk.looks += 1;
      const message = "tmux did not answer within 3 s";
      return desk.isLate
        ? Promise.reject(new FlotillaError({ code: "pane_failed", message, hint: "" }))
        : real.look();
    },
  };
  const openGangway = async () => ({
    command: () => ["sleep", "3600"],
    environment: {},
    close: async () => undefined,
  });
  const world = {
    host: silentHost,
    ids: { fresh: () => "show_1" },
    ownership: { holds: () => true },
    clock: { now: () => 0, after: (_ms: number, ring: () => void) => void desk.rings.push(ring) },
    terminal: { panes, isWanted: () => true, openGangway, pid: process.pid },
  };
  return { desk, show: new PaneShow(world as unknown as World, () => undefined) };
}

test("panes of a run that has ended while the terminal did not answer are closed later", async () => {
  using term = startTmux({ width: 200, height: 50 });
  const { desk, show } = showOn(term);
  show.show(SURVEY);
  await eventually(() => expect(show.report(SURVEY.runId, "ada", "ses_ada")).toBe("%1"));
  desk.isLate = true;
  await show.end(SURVEY.runId);
  expect([desk.panes(), desk.rings.length]).toEqual([2, 1]);
  desk.isLate = false;
  desk.rings[0]?.();
  await eventually(() => expect(desk.panes()).toBe(1));
  expect(desk.rings).toHaveLength(1);
});

test("a process that goes asks a terminal that does not answer once and no more", async () => {
  using term = startTmux({ width: 200, height: 50 });
  const { desk, show } = showOn(term);
  show.show(SURVEY);
  await eventually(() => expect(show.report(SURVEY.runId, "ada", "ses_ada")).toBe("%1"));
  desk.isLate = true;
  desk.looks = 0;
  await show.close();
  for (const ring of desk.rings) ring();
  await show.close();
  expect(desk.looks).toBe(1);
});
