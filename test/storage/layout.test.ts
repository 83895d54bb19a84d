import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { batch, message, RUN, runState, task } from "../contract/samples.ts";
import { openDiskWorld } from "../contract/worlds.ts";
import { filesOf } from "./crash-story.ts";

const UNSAFE = [
  "",
  ".",
  "..",
  "../x",
  "a/b",
  "/etc/passwd",
  "a\\b",
  ".hidden",
  "a.json",
  "a\u0000",
  "a\n",
  "ä",
  "x".repeat(200),
];

describe("a name that is not safe as a file name", () => {
  for (const name of UNSAFE) {
    test(`${JSON.stringify(name.slice(0, 12))} never becomes a path`, async () => {
      await using world = await openDiskWorld();
      await world.one.runs.create(runState());
      await world.one.mailbox.put(message(1));
      const before = filesOf(world.baseDir);
      const { runs, mailbox, tasks, ownership } = world.one;
      const deeds: readonly (() => Promise<unknown>)[] = [
        () => runs.create(runState({ runId: name })),
        () => runs.read(name),
        () => runs.exclusively(name, (run) => run.load()),
        () => runs.archive(name),
        () => mailbox.put(message(2, { runId: name })),
        () => mailbox.put(message(2, { to: name })),
        () => mailbox.put(message(2, { messageId: name })),
        () => mailbox.ready(RUN, name),
        () => mailbox.unreadCount(name, "ada"),
        () => mailbox.find(RUN, "ada", name),
        () => mailbox.reserve(batch(["mail_1", name])),
        () => mailbox.reserve(batch(["mail_1"], { batchId: name })),
        () => mailbox.batches(RUN, name),
        () => mailbox.mend(RUN, name),
        () => mailbox.bury(RUN, name, ["mail_1"], "x"),
        () => tasks.write(name, task(1)),
        () => tasks.list(name),
        () => ownership.take(name),
      ];
      for (const deed of deeds) await expect(deed()).rejects.toMatchObject({ code: "argument_invalid" });
      expect(filesOf(world.baseDir)).toEqual(before);
    });
  }

  for (const taskId of [0, -1, 1.5, Number.NaN, 2 ** 60, "../../state" as unknown as number]) {
    test(`task ${String(taskId)} never becomes a path`, async () => {
      await using world = await openDiskWorld();
      await world.one.runs.create(runState());
      await expect(world.one.tasks.read(RUN, taskId)).rejects.toMatchObject({ code: "argument_invalid" });
      await expect(world.one.tasks.write(RUN, task(taskId))).rejects.toMatchObject({
        code: "argument_invalid",
      });
    });
  }
});

test("participants with capitals are refused: two of them could be one file", async () => {
  await using world = await openDiskWorld();
  await world.one.runs.create(runState());
  await expect(world.one.mailbox.put(message(1, { to: "Ada" }))).rejects.toMatchObject({
    code: "argument_invalid",
  });
});

test("folders below runs/ that can be no run are not listed", async () => {
  await using world = await openDiskWorld();
  await world.one.runs.create(runState());
  for (const name of [".tmp-x", ".DS_Store", "a b", "x.old"]) mkdirSync(`${world.baseDir}/runs/${name}`);
  expect(await world.one.runs.list()).toEqual([RUN]);
});

test("nothing is written before the first run is created", async () => {
  await using world = await openDiskWorld();
  await world.one.runs.list();
  await world.one.runs.read(RUN);
  await world.one.mailbox.mend(RUN, "ada");
  await world.one.runs.archive(RUN);
  expect(filesOf(world.baseDir)).toEqual([]);
});

test("a message that comes after the run was archived does not bring its folder back", async () => {
  await using world = await openDiskWorld();
  await world.one.runs.create(runState());
  await world.one.mailbox.put(message(1));
  await world.other.runs.archive(RUN);
  const before = filesOf(world.baseDir);
  await expect(world.one.mailbox.put(message(2))).rejects.toMatchObject({ code: "run_not_found" });
  await expect(world.one.tasks.write(RUN, task(1))).rejects.toMatchObject({ code: "run_not_found" });
  await expect(world.one.ownership.take(RUN)).rejects.toMatchObject({ code: "run_not_found" });
  expect(filesOf(world.baseDir)).toEqual(before);
});
