import { describe, expect, test } from "bun:test";
import { killBusyRun, seedOf, UNBOUNDED } from "../chaos/busy-run.ts";
import { crewOf } from "../chaos/crew.ts";
import { MORTAL_PLUGIN } from "../chaos/fuse.ts";
import { CLEAN } from "../chaos/ledger.ts";
import { crashAt, ROUTES } from "../chaos/passages.ts";
import { POINTS } from "../chaos/points.ts";
import { stage, TEST_TIMEOUT_MS } from "./stage.ts";

/** A sample of `npm run chaos`: each point on one route, each route at many points; all of them with the full matrix. */
const isSampled = (at: number, way: number): boolean =>
  process.env["FLOTILLA_MATRIX"] === "full" || at % ROUTES.length === way;

const KILLS = 10;

const play = stage({ plugin: MORTAL_PLUGIN, teamMode: UNBOUNDED });
const withCrew = crewOf(play);

describe("killed with kill -9 and started again, a host has lost and doubled nothing", () => {
  for (const [at, point] of POINTS.entries()) {
    for (const route of ROUTES.filter((_, way) => isSampled(at, way))) {
      test(
        `${point.stage}: ${point.name}, ${route}`,
        async () => {
          await withCrew(async (team) => {
            const { messages: _, ...account } = await crashAt(play, team, point, route);
            expect(account).toEqual(CLEAN);
          });
        },
        2 * TEST_TIMEOUT_MS,
      );
    }
  }

  test(
    `${KILLS} random times in a run of five busy members`,
    async () => {
      const seed = seedOf();
      const { messages, ...account } = await killBusyRun(play, KILLS, seed);
      expect({ seed, ...account }).toEqual({ seed, ...CLEAN });
      expect(messages).toBeGreaterThan(KILLS);
    },
    6 * TEST_TIMEOUT_MS,
  );
});
