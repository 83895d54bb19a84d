import { describe, expect, test } from "bun:test";
import { changeLimits } from "../../src/app/change-limits.ts";
import { Fleet } from "../../src/app/fleet.ts";
import type { SpentBudget } from "../../src/core/run.ts";
import type { Clock } from "../../src/ports.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { LIMITS, NOON, runPlan } from "../core/decide-builders.ts";
import { eventually } from "../support/eventually.ts";
import { noWorktrees } from "../support/no-worktrees.ts";
import { silentHost } from "../support/silent-host.ts";

const RUN = "run_1";
const MINUTE = 60_000;

/** A clock that a test moves. Its timers count what has passed, whatever people set the clock to. */
class HandClock implements Clock {
  #now = NOON;
  #passed = 0;
  readonly #timers = new Set<{ readonly due: number; readonly ring: () => void }>();

  now(): number {
    return this.#now;
  }

  after(ms: number, ring: () => void): () => void {
    const timer = { due: this.#passed + ms, ring };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  pass(ms: number): void {
    this.#now += ms;
    this.#passed += ms;
    for (const timer of [...this.#timers]) {
      if (timer.due > this.#passed || !this.#timers.delete(timer)) continue;
      timer.ring();
    }
  }

  setBack(ms: number): void {
    this.#now -= ms;
  }
}

/** A run of ten minutes that is open in one process, and a person at a shell beside it. */
async function tenMinutes() {
  const disk = new MemoryDisk();
  const clock = new HandClock();
  const fleet = new Fleet({
    clock,
    ids: systemIds,
    host: silentHost,
    worktrees: noWorktrees,
    ...disk.process(),
  });
  await fleet.openRun(runPlan(["ada"], { limits: { ...LIMITS, maxWallClockMs: 10 * MINUTE } }));
  await fleet.drained();
  const shell = disk.process();
  return {
    clock,
    async spent(): Promise<readonly SpentBudget[]> {
      await fleet.drained();
      return (await shell.runs.read(RUN))?.spent ?? [];
    },
    async allow(minutes: number): Promise<void> {
      await changeLimits({ clock, ...shell }, RUN, { maxWallClockMs: minutes * MINUTE });
      await eventually(() => expect(fleet.index.state(RUN)?.limits.maxWallClockMs).toBe(minutes * MINUTE));
      await fleet.drained();
    },
  };
}

describe("the time of a run that is open", () => {
  test("is over when it has passed, and not before", async () => {
    const { clock, spent } = await tenMinutes();
    clock.pass(10 * MINUTE - 1);
    expect(await spent()).toEqual([]);
    clock.pass(1);
    expect(await spent()).toEqual(["wall_clock"]);
  });

  test("goes by what a person says meanwhile: longer, again, and shorter", async () => {
    const { clock, spent, allow } = await tenMinutes();
    await allow(20);
    clock.pass(19 * MINUTE);
    expect(await spent()).toEqual([]);
    clock.pass(MINUTE);
    expect(await spent()).toEqual(["wall_clock"]);

    await allow(30);
    expect(await spent()).toEqual([]);
    await allow(25);
    clock.pass(5 * MINUTE);
    expect(await spent()).toEqual(["wall_clock"]);
  });

  test("is looked at again where the clock was set back while a timer ran", async () => {
    const { clock, spent } = await tenMinutes();
    clock.setBack(MINUTE);
    clock.pass(10 * MINUTE);
    expect(await spent()).toEqual([]);
    clock.pass(MINUTE);
    expect(await spent()).toEqual(["wall_clock"]);
  });
});
