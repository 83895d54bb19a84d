import { expect, test } from "bun:test";
import { RUN, runState } from "./samples.ts";
import type { OpenWorld } from "./worlds.ts";

/** What every `SessionLeases` promises. */
export function sessionLeasesContract(open: OpenWorld): void {
  test("one process runs a session, until it lets go", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    expect(world.one.leases.holds(RUN, "ses_a")).toBe(false);
    expect(await world.one.leases.take(RUN, "ses_a")).toBe(true);
    expect(await world.one.leases.take(RUN, "ses_a")).toBe(true);
    expect(await world.other.leases.take(RUN, "ses_a")).toBe(false);
    expect(world.other.leases.holds(RUN, "ses_a")).toBe(false);
    await world.other.leases.release(RUN, "ses_a");
    expect(world.one.leases.holds(RUN, "ses_a")).toBe(true);
    await world.one.leases.release(RUN, "ses_a");
    expect(await world.other.leases.take(RUN, "ses_a")).toBe(true);
  });

  test("sessions of one run are held apart", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    await world.one.leases.take(RUN, "ses_a");
    expect(await world.other.leases.take(RUN, "ses_b")).toBe(true);
    expect(world.one.leases.holds(RUN, "ses_b")).toBe(false);
  });

  test("a dead holder's session is there for the taking", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    await world.one.leases.take(RUN, "ses_a");
    world.killOne();
    expect(await world.other.leases.take(RUN, "ses_a")).toBe(true);
  });

  test("a run that is not there has no sessions", async () => {
    await using world = await open();
    await expect(world.one.leases.take(RUN, "ses_a")).rejects.toMatchObject({ code: "run_not_found" });
  });
}
