import { expect, test } from "bun:test";
import { RUN, runState } from "./samples.ts";
import type { OpenWorld } from "./worlds.ts";

/** What every `Ownership` promises. */
export function ownershipContract(open: OpenWorld): void {
  test("one process owns a run, until it lets go", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    expect(world.one.ownership.holds(RUN)).toBe(false);
    expect(await world.one.ownership.take(RUN)).toBe(true);
    expect(await world.other.ownership.take(RUN)).toBe(false);
    expect(world.one.ownership.holds(RUN)).toBe(true);
    expect(world.other.ownership.holds(RUN)).toBe(false);
    expect(await world.one.ownership.take(RUN)).toBe(true);
    await world.one.ownership.release(RUN);
    expect(world.one.ownership.holds(RUN)).toBe(false);
    expect(await world.other.ownership.take(RUN)).toBe(true);
  });

  test("who does not own a run lets nothing go", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    await world.one.ownership.take(RUN);
    await world.other.ownership.release(RUN);
    expect(await world.other.ownership.take(RUN)).toBe(false);
  });

  test("a dead owner's run is there for the taking", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    await world.one.ownership.take(RUN);
    world.killOne();
    expect(await world.other.ownership.take(RUN)).toBe(true);
    expect(world.other.ownership.holds(RUN)).toBe(true);
  });

  test("a run that is not there has no owner", async () => {
    await using world = await open();
    await expect(world.one.ownership.take(RUN)).rejects.toMatchObject({ code: "run_not_found" });
    expect(world.one.ownership.holds(RUN)).toBe(false);
  });
}
