import { expect, test } from "bun:test";
import { Fleet } from "../../src/app/fleet.ts";
import { FlotillaError } from "../../src/errors.ts";
import type { Host } from "../../src/ports.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { NOON, runPlan } from "../core/decide-builders.ts";
import { Life } from "../simulation/life.ts";
import { rest, TurnedClock } from "../simulation/turned-clock.ts";
import { noWorktrees } from "../support/no-worktrees.ts";
import { silentHost } from "../support/silent-host.ts";

const MINUTE_MS = 60_000;

test("a turn that a dead process had is asked after about once a second while its host cannot tell, not in a loop", async () => {
  const disk = new MemoryDisk();
  const clock = new TurnedClock(NOON);
  let asked = 0;
  const host: Host = {
    ...silentHost,
    lastTurn: async () => {
      asked += 1;
      throw new FlotillaError({ code: "host_unreachable", message: "no answer", hint: "", details: {} });
    },
  };
  const fleetOf = (life: Life, itsHost: Host): Fleet =>
    new Fleet({
      ...life.storage(disk),
      clock: life.clock,
      ids: systemIds,
      host: life.port(itsHost),
      worktrees: noWorktrees,
    });
  const first = new Life(clock);
  const owner = fleetOf(first, silentHost);
  await owner.openRun(runPlan(["ada"]));
  await rest();
  // Its brief is on its way.
  expect(owner.courier("run_1")?.standing.report("ada").reserved).toBe(1);
  first.die();

  const next = fleetOf(new Life(clock), host);
  await next.adopt(() => true);
  const end = clock.now() + MINUTE_MS;
  while (clock.now() < end) await clock.turn();
  // Two sessions: the lead's and ada's.
  expect(asked).toBeGreaterThan(30);
  expect(asked).toBeLessThan(200);
});
