import { expect, test } from "bun:test";
import { RUN, runState, task } from "./samples.ts";
import type { OpenWorld, World } from "./worlds.ts";

/** What every `TaskStore` promises. */
export function taskStoreContract(open: OpenWorld): void {
  test("a task that was written is read by everybody", async () => {
    await using world = await withRun(open);
    const whole = task(1, { owner: "ada", result: { text: "done", artifacts: ["a.md"] } });
    await world.one.tasks.write(RUN, whole);
    expect(await world.other.tasks.read(RUN, 1)).toEqual(whole);
    expect(await world.other.tasks.read(RUN, 2)).toBeUndefined();
  });

  test("a later revision replaces an earlier one, and an earlier or equal one changes nothing", async () => {
    await using world = await withRun(open);
    await world.one.tasks.write(RUN, task(1, { revision: 3, status: "claimed", owner: "ada" }));
    await world.other.tasks.write(RUN, task(1, { revision: 2 }));
    await world.other.tasks.write(RUN, task(1, { revision: 3, subject: "again" }));
    expect(await world.one.tasks.read(RUN, 1)).toMatchObject({ status: "claimed", subject: "task 1" });
    await world.other.tasks.write(RUN, task(1, { revision: 4, status: "completed" }));
    expect(await world.one.tasks.read(RUN, 1)).toMatchObject({ status: "completed", revision: 4 });
  });

  test("tasks are listed in order of their numbers", async () => {
    await using world = await withRun(open);
    expect(await world.one.tasks.list(RUN)).toEqual([]);
    for (const taskId of [10, 2, 1, 33]) await world.one.tasks.write(RUN, task(taskId));
    expect((await world.other.tasks.list(RUN)).map(({ taskId }) => taskId)).toEqual([1, 2, 10, 33]);
  });

  test("a task of a run that is not there is refused", async () => {
    await using world = await open();
    await expect(world.one.tasks.write(RUN, task(1))).rejects.toMatchObject({ code: "run_not_found" });
    expect(await world.one.tasks.read(RUN, 1)).toBeUndefined();
    expect(await world.one.tasks.list(RUN)).toEqual([]);
  });
}

async function withRun(open: OpenWorld): Promise<World> {
  const world = await open();
  await world.one.runs.create(runState());
  return world;
}
