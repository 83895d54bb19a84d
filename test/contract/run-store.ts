import { expect, test } from "bun:test";
import type { HeldRun } from "../../src/ports.ts";
import { line, member, RUN, runState } from "./samples.ts";
import type { OpenWorld } from "./worlds.ts";

const DAY_MS = 86_400_000;

/** What every `RunStore` promises. */
export function runStoreContract(open: OpenWorld): void {
  test("a run is there with its first state once it is created", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    expect(await world.other.runs.read(RUN)).toEqual(runState());
    expect(await world.other.runs.list()).toEqual([RUN]);
  });

  test("a run that exists is not created again", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    await expect(world.other.runs.create(runState({ revision: 9 }))).rejects.toMatchObject({
      code: "storage_failed",
    });
    expect((await world.one.runs.read(RUN))?.revision).toBe(1);
  });

  test("a run that is not there reads as undefined and cannot be held", async () => {
    await using world = await open();
    expect(await world.one.runs.read(RUN)).toBeUndefined();
    expect(await world.one.runs.list()).toEqual([]);
    await expect(world.one.runs.exclusively(RUN, (run) => run.load())).rejects.toMatchObject({
      code: "run_not_found",
    });
  });

  test("what is committed is what everybody loads and reads", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    await world.other.runs.exclusively(RUN, (run) => run.load());
    const next = runState({ revision: 2, members: { cy: member("cy", { status: "working" }) } });
    await world.one.runs.exclusively(RUN, (run) => run.commit(next));
    expect(await world.one.runs.exclusively(RUN, (run) => run.load())).toEqual(next);
    expect(await world.other.runs.exclusively(RUN, (run) => run.load())).toEqual(next);
    expect(await world.other.runs.read(RUN)).toEqual(next);
  });

  test("one caller at a time holds a run, and none of their commits is lost", async () => {
    await using world = await open();
    await world.one.runs.create(runState({ revision: 0 }));
    let holders = 0;
    const raise = async (run: HeldRun): Promise<void> => {
      holders += 1;
      expect(holders).toBe(1);
      const state = await run.load();
      await run.commit({ ...state, revision: state.revision + 1 });
      holders -= 1;
    };
    const callers = Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? world.one : world.other));
    await Promise.all(callers.map((process) => process.runs.exclusively(RUN, raise)));
    expect((await world.one.runs.read(RUN))?.revision).toBe(20);
  });

  test("callers of one process get the run in the order in which they asked", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    const order: number[] = [];
    await Promise.all(
      [0, 1, 2, 3, 4].map((at) => world.one.runs.exclusively(RUN, async () => void order.push(at))),
    );
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  test("work that fails lets the run go, and its failure reaches the caller", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    const failure = new Error("no");
    await expect(world.one.runs.exclusively(RUN, () => Promise.reject(failure))).rejects.toBe(failure);
    expect((await world.other.runs.exclusively(RUN, (run) => run.load())).revision).toBe(1);
  });

  test("a run that is used after it was let go refuses", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    const kept = await world.one.runs.exclusively(RUN, async (run) => run);
    await expect(kept.commit(runState({ revision: 5 }))).rejects.toMatchObject({ code: "internal" });
    expect((await world.one.runs.read(RUN))?.revision).toBe(1);
  });

  test("a journal line is written once, however often and by whomever it is appended", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    await world.one.runs.exclusively(RUN, (run) => run.appendJournal([line(1, 0), line(1, 1)]));
    await world.other.runs.exclusively(RUN, (run) => run.appendJournal([line(1, 1), line(2, 0)]));
    await world.one.runs.exclusively(RUN, (run) => run.appendJournal([line(1, 0), line(2, 0), line(3, 0)]));
    expect(await world.journal(RUN)).toEqual([line(1, 0), line(1, 1), line(2, 0), line(3, 0)]);
  });

  test("a line of an earlier commit that is missing is appended even after later ones", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    await world.one.runs.exclusively(RUN, (run) => run.appendJournal([line(1), line(3)]));
    await world.other.runs.exclusively(RUN, (run) => run.appendJournal([line(2), line(3)]));
    expect(await world.journal(RUN)).toEqual([line(1), line(3), line(2)]);
  });

  test("an archived run is not listed, not read and not held, and archiving it again is harmless", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    await world.one.runs.exclusively(RUN, (run) => run.appendJournal([line(1)]));
    await world.one.runs.archive(RUN);
    await world.one.runs.archive(RUN);
    await world.other.runs.archive(RUN);
    expect(await world.other.runs.list()).toEqual([]);
    expect(await world.one.runs.read(RUN)).toBeUndefined();
    await expect(world.one.runs.exclusively(RUN, (run) => run.load())).rejects.toMatchObject({
      code: "run_not_found",
    });
    expect(await world.journal(RUN)).toEqual([line(1)]);
  });

  test("runs that were archived before a given time are removed, later ones and live ones are not", async () => {
    await using world = await open();
    const now = Date.now();
    for (const runId of ["run_old", "run_young", "run_new", "run_live"]) {
      await world.one.runs.create(runState({ runId }));
      await world.one.runs.exclusively(runId, (run) => run.appendJournal([line(1)]));
      if (runId !== "run_live") await world.one.runs.archive(runId);
    }
    world.backdate("run_old", now - 8 * DAY_MS);
    world.backdate("run_young", now - 6 * DAY_MS);

    expect(await world.other.runs.sweepArchive(now - 7 * DAY_MS)).toEqual(["run_old"]);
    expect(await world.journal("run_old")).toEqual([]);
    for (const runId of ["run_young", "run_new", "run_live"])
      expect(await world.journal(runId)).toEqual([line(1)]);
    expect(await world.one.runs.list()).toEqual(["run_live"]);

    expect(await world.one.runs.sweepArchive(now - 7 * DAY_MS)).toEqual([]);
    expect(await world.one.runs.sweepArchive(now - 5 * DAY_MS)).toEqual(["run_young"]);
  });

  test("an archive that is not there has nothing to remove", async () => {
    await using world = await open();
    expect(await world.one.runs.sweepArchive(Date.now())).toEqual([]);
  });

  test("an archive waits for whoever holds the run", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
    const { promise: goOn, resolve } = Promise.withResolvers<void>();
    const holding = world.one.runs.exclusively(RUN, async (run) => {
      enter();
      await goOn;
      await run.commit(runState({ revision: 2 }));
    });
    await entered;
    const archiving = world.other.runs.archive(RUN);
    resolve();
    await Promise.all([holding, archiving]);
    expect(await world.one.runs.list()).toEqual([]);
  });

  test("who watches a run hears of another process's commits, and no more once it has stopped", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    let told = Promise.withResolvers<void>();
    const stop = world.one.runs.watch(RUN, () => told.resolve());
    await world.other.runs.exclusively(RUN, (run) => run.commit(runState({ revision: 2 })));
    await told.promise;

    stop();
    told = Promise.withResolvers<void>();
    let late = false;
    told.promise.then(() => {
      late = true;
    });
    await world.other.runs.exclusively(RUN, (run) => run.commit(runState({ revision: 3 })));
    expect((await world.one.runs.read(RUN))?.revision).toBe(3);
    expect(late).toBe(false);
  });
}
