import { afterAll, describe, expect, test } from "bun:test";
import { stage } from "../e2e/stage.ts";
import { killBusyRun, seedOf, UNBOUNDED } from "./busy-run.ts";
import { crewOf } from "./crew.ts";
import { MORTAL_PLUGIN } from "./fuse.ts";
import { type Account, CLEAN } from "./ledger.ts";
import { crashAt, ROUTES } from "./passages.ts";
import { type CrashPoint, POINTS } from "./points.ts";
import { type RandomRun, type Row, writeTable } from "./table.ts";

/** A kill, a start and all that follows from it, on a machine that does other things too. */
const KILL_TIMEOUT_MS = 180_000;

const play = stage({ plugin: MORTAL_PLUGIN, teamMode: UNBOUNDED });
const withCrew = crewOf(play);
const accounts = new Map<CrashPoint, Account[]>(POINTS.map((point) => [point, []]));
let random: RandomRun | undefined;

describe("killed with kill -9 and started again, a host has lost and doubled nothing", () => {
  for (const route of ROUTES) {
    for (const point of POINTS) {
      test(
        `${point.stage}: ${point.name}, ${route}`,
        async () => {
          await withCrew(async (team) => {
            const { messages, ...account } = await crashAt(play, team, point, route);
            accounts.get(point)?.push({ messages, ...account });
            expect(account).toEqual(CLEAN);
          });
        },
        KILL_TIMEOUT_MS,
      );
    }
  }

  const kills = Number(process.env["FLOTILLA_CHAOS_KILLS"] ?? 200);
  test(
    `${kills} random times in a run of five busy members`,
    async () => {
      const seed = seedOf();
      const { messages, ...account } = await killBusyRun(play, kills, seed);
      random = { kills, seed, accounts: [{ messages, ...account }] };
      expect({ seed, ...account }).toEqual({ seed, ...CLEAN });
      expect(messages).toBeGreaterThan(kills);
    },
    kills * KILL_TIMEOUT_MS,
  );
});

afterAll(() => {
  const rows = [...accounts].map(([point, found]): [CrashPoint, Row] => [
    point,
    { kills: found.length, accounts: found },
  ]);
  // A part of it is for whoever looks into something, and not for readers.
  const whole = rows.every(([, { kills }]) => kills === ROUTES.length);
  if (whole && random) writeTable(new Map(rows), random);
});
