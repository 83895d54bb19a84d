import { describe, expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import * as flotilla from "../../src/index.ts";
import { batch, message, RUN, runState, task } from "../contract/samples.ts";
import { openDiskWorld } from "../contract/worlds.ts";

describe("the library", () => {
  test("offers what it takes to read runs and to tell errors apart, and nothing that changes a run", () => {
    expect(Object.keys(flotilla).sort()).toEqual([
      "FAULT_CODES",
      "FlotillaError",
      "REFUSAL_CODES",
      "TOOL_NAMES",
      "openRuns",
      "readSubagents",
    ]);
  });

  test("lists live runs in order of id, and none where there is no folder", async () => {
    await using world = await openDiskWorld();
    expect(await flotilla.openRuns(world.baseDir).list()).toEqual([]);
    for (const runId of ["run_b", "run_a", "run_c"]) await world.one.runs.create(runState({ runId }));
    await world.one.runs.archive("run_c");
    expect(await flotilla.openRuns(world.baseDir).list()).toEqual(["run_a", "run_b"]);
  });

  test("reads a run with its owner, its unread mail and its tasks", async () => {
    await using world = await openDiskWorld();
    const { runs, mailbox, tasks, ownership } = world.one;
    await runs.create(runState());
    await ownership.take(RUN);
    for (const seq of [1, 2, 3]) await mailbox.put(message(seq));
    await mailbox.reserve(batch(["mail_1"]));
    await mailbox.reserve(batch(["mail_2"], { batchId: "batch_2" }));
    await mailbox.ack(batch(["mail_2"], { batchId: "batch_2" }));
    for (const taskId of [10, 9]) await tasks.write(RUN, task(taskId));
    expect(await flotilla.openRuns(world.baseDir).read(RUN)).toEqual({
      state: runState(),
      // Pretended processes have a boot of their own.
      owner: { pid: expect.any(Number), alive: false },
      unread: { lead: 0, ada: 2, bo: 0 },
      tasks: [task(9), task(10)],
      unreadable: [],
    });
  });

  test("reads a run that is over like any other, and lists it apart", async () => {
    await using world = await openDiskWorld();
    const { runs, mailbox, tasks } = world.one;
    const over = runState({ status: "closed" });
    await runs.create(over);
    await mailbox.put(message(1));
    await tasks.write(RUN, task(1));
    await runs.archive(RUN);
    const library = flotilla.openRuns(world.baseDir);
    expect([await library.list(), await library.archived()]).toEqual([[], [RUN]]);
    expect(await library.read(RUN)).toEqual({
      state: over,
      unread: { lead: 0, ada: 1, bo: 0 },
      tasks: [task(1)],
      unreadable: [],
    });
  });

  test("finds one message wherever it is, also in a run that is over, and with a reason that makes no sense", async () => {
    await using world = await openDiskWorld();
    const { runs, mailbox } = world.one;
    await runs.create(runState());
    for (const seq of [1, 2, 3, 4]) await mailbox.put(message(seq));
    await mailbox.reserve(batch(["mail_2"]));
    await mailbox.reserve(batch(["mail_3"], { batchId: "batch_3" }));
    await mailbox.ack(batch(["mail_3"], { batchId: "batch_3" }));
    await mailbox.bury(RUN, "ada", ["mail_4"], "nobody reads it");
    const library = flotilla.openRuns(world.baseDir);
    const places = (): Promise<unknown> =>
      Promise.all(
        [1, 2, 3, 4, 5].map(async (seq) => {
          const found = await library.readMessage(RUN, "ada", `mail_${seq}`);
          return found && [found.message.messageId, found.place, found.reason ?? found.batch?.batchId];
        }),
      );
    const all = [
      ["mail_1", "ready", undefined],
      ["mail_2", "reserved", "batch_1"],
      ["mail_3", "processed", undefined],
      ["mail_4", "dead", "nobody reads it"],
      undefined,
    ];
    expect(await places()).toEqual(all);
    writeFileSync(world.at("inboxes", "ada", "dead", "mail_4.reason.json"), '{"reason":"\\x"}');
    await runs.archive(RUN);
    const [first, second, third] = all;
    expect(await places()).toEqual([first, second, third, ["mail_4", "dead", undefined], undefined]);
    expect(await library.readState(RUN)).toEqual(runState());
  });

  test("rejects with a code for a run that is not there, has no name of a run, or cannot be read", async () => {
    await using world = await openDiskWorld();
    const runs = flotilla.openRuns(world.baseDir);
    await expect(runs.read(RUN)).rejects.toMatchObject({ code: "run_not_found" });
    await expect(runs.read("../run_1")).rejects.toMatchObject({ code: "argument_invalid" });
    await world.one.runs.create(runState());
    writeFileSync(world.at("state.json"), "{}");
    await expect(runs.read(RUN)).rejects.toMatchObject({ code: "record_unreadable" });
    rmSync(world.at("state.json"));
    await expect(runs.read(RUN)).rejects.toMatchObject({ code: "record_unreadable" });
    await expect(runs.read(RUN)).rejects.toBeInstanceOf(flotilla.FlotillaError);
  });

  test("names broken files and leaves them where they are", async () => {
    await using world = await openDiskWorld();
    await world.one.runs.create(runState());
    await world.one.tasks.write(RUN, task(1));
    for (const path of ["tasks/2.json", "owner.json"]) writeFileSync(world.at(path), "[1");
    const before = readdirSync(world.baseDir, { recursive: true }).sort();
    const view = await flotilla.openRuns(world.baseDir).read(RUN);
    expect(view.owner).toBeUndefined();
    expect(view.tasks).toEqual([task(1)]);
    expect(view.unreadable.map(({ path }) => path)).toEqual([
      world.at("owner.json"),
      world.at("tasks", "2.json"),
    ]);
    expect(readdirSync(world.baseDir, { recursive: true }).sort()).toEqual(before);
  });
});
