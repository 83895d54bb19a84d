import { expect, test } from "bun:test";
import { Fleet } from "../../src/app/fleet.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/open.ts";
import { systemIds } from "../../src/system/ids.ts";
import { NOON, runPlan } from "../core/decide-builders.ts";
import { rest, TurnedClock } from "../simulation/turned-clock.ts";
import { noWorktrees } from "../support/no-worktrees.ts";
import { silentHost } from "../support/silent-host.ts";

const RUN = "run_1";
const ADA = "ses_ada";

/** Longer than everything that is not asked to take its time. */
const SLOW_MS = 100;

function fleetOf(clock: TurnedClock, storage: Storage): Fleet {
  return new Fleet({ clock, ids: systemIds, host: silentHost, worktrees: noWorktrees, ...storage });
}

test("a lease that is being taken while a process closes is let go as well", async () => {
  const clock = new TurnedClock(NOON);
  const storage = new MemoryDisk().process();
  const { leases } = storage;
  let isSlow = false;
  const slowLeases: Storage["leases"] = {
    take: async (runId, sessionId) => {
      if (isSlow) await clock.pass(SLOW_MS);
      return leases.take(runId, sessionId);
    },
    holds: (runId, sessionId) => leases.holds(runId, sessionId),
    release: (runId, sessionId) => leases.release(runId, sessionId),
  };
  const fleet = fleetOf(clock, { ...storage, leases: slowLeases });
  await fleet.openRun(runPlan(["ada"]));
  await rest();
  expect(leases.holds(RUN, ADA)).toBe(true);

  isSlow = true;
  fleet.observe({ type: "session_busy", sessionId: ADA });
  await rest();
  const closed = fleet.close();
  await rest();
  while (await clock.turn());
  await closed;
  expect(leases.holds(RUN, ADA)).toBe(false);
  expect(storage.ownership.holds(RUN)).toBe(false);
});

test("a run that is being read while a process closes is not opened, and no timer is left", async () => {
  const clock = new TurnedClock(NOON);
  const disk = new MemoryDisk();
  const owner = fleetOf(clock, disk.process());
  await owner.openRun(runPlan(["ada"]));
  await rest();
  await owner.close();
  while (await clock.turn());

  const storage = disk.process();
  let closed: Promise<void> | undefined;
  const runs = new Proxy(storage.runs, {
    get: (target, name) => {
      const method = Reflect.get(target, name).bind(target);
      if (name !== "read") return method;
      return (runId: string) => {
        closed ??= fleet.close();
        return method(runId);
      };
    },
  });
  const fleet = fleetOf(clock, { ...storage, runs });
  await fleet.adopt(() => true);
  expect(closed).toBeDefined();
  await closed;
  expect(fleet.courier(RUN)).toBeUndefined();
  expect(await clock.turn()).toBe(false);
});
