import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { StorageReport } from "../../src/storage/faults.ts";
import { batch, line, message, RUN, runState, task } from "../contract/samples.ts";
import { openDiskWorld } from "../contract/worlds.ts";

describe("modes", () => {
  for (const umask of [0o000, 0o077]) {
    test(`are 0700 and 0600 under umask ${umask.toString(8)}`, async () => {
      const before = process.umask(umask);
      try {
        await using world = await openDiskWorld();
        await world.one.runs.create(runState());
        for (const seq of [1, 2, 3]) await world.one.mailbox.put(message(seq));
        await world.one.mailbox.reserve(batch(["mail_1", "mail_2"]));
        await world.one.mailbox.bury(RUN, "ada", ["mail_2"], "no");
        await world.one.tasks.write(RUN, task(1));
        await world.one.ownership.take(RUN);
        await world.one.runs.exclusively(RUN, async (run) => {
          await run.commit(runState({ revision: 2 }));
          await run.appendJournal([line(2)]);
          expect(modesBelow(world.baseDir)).toEqual({ folders: ["700"], files: ["600"] });
        });
        await world.one.mailbox.ack(batch(["mail_1"]));
        expect(modesBelow(world.baseDir)).toEqual({ folders: ["700"], files: ["600"] });
      } finally {
        process.umask(before);
      }
    });
  }

  test("of our own folders are tightened if somebody left them open", async () => {
    await using world = await openDiskWorld();
    for (const name of ["runs", "archive"]) {
      mkdirSync(join(world.baseDir, name));
      chmodSync(join(world.baseDir, name), 0o755);
    }
    await world.one.runs.create(runState());
    expect(modesBelow(world.baseDir)).toEqual({ folders: ["700"], files: ["600"] });
    // By another life of the program, or by hand: whoever opens a run next closes them again.
    for (const name of ["runs", "archive"]) chmodSync(join(world.baseDir, name), 0o755);
    await world.other.runs.exclusively(RUN, async () => undefined);
    expect(modesBelow(world.baseDir)).toEqual({ folders: ["700"], files: ["600"] });
  });
});

describe("what is answered is safe", () => {
  test("a message is synced before it has its name, and its folder before the sender is answered", async () => {
    const steps = await stepsOf((world) => world.one.mailbox.put(message(1)));
    const inbox = `runs/${RUN}/inboxes/ada`;
    expect(steps).toEqual([
      `mkdir ${inbox}`,
      `sync runs/${RUN}/inboxes`,
      `open ${inbox}/mail_1.json`,
      `write ${inbox}/mail_1.json`,
      `sync ${inbox}/mail_1.json`,
      `link ${inbox}/mail_1.json`,
      "unlink a temporary file",
      `sync ${inbox}`,
    ]);
  });

  test("a message or a task that is there already is safe too before anybody is answered", async () => {
    const steps = await stepsOf(
      async (world) => {
        await world.other.mailbox.put(message(1));
        await world.other.tasks.write(RUN, task(1));
        await world.other.mailbox.reserve(batch(["mail_2"]));
      },
      async (world) => {
        for (const seq of [1, 2]) await world.one.mailbox.put(message(seq));
        await world.one.tasks.write(RUN, task(1));
        await world.one.mailbox.reserve(batch(["mail_2"]));
      },
    );
    const inbox = `sync runs/${RUN}/inboxes/ada`;
    expect(steps).toEqual([inbox, `sync runs/${RUN}/tasks`, inbox]);
  });

  test("a commit is synced before it replaces the state, and its folder after", async () => {
    const steps = await stepsOf((world) =>
      world.one.runs.exclusively(RUN, (run) => run.commit(runState({ revision: 2 }))),
    );
    const path = `runs/${RUN}/state.json`;
    expect(steps.filter((step) => !step.includes(".lock") && !step.includes("temporary"))).toEqual([
      `open ${path}`,
      `write ${path}`,
      `sync ${path}`,
      `rename ${path}`,
      `sync runs/${RUN}`,
    ]);
  });

  test("a batch is safe before the first of its messages is reserved", async () => {
    const steps = await stepsOf(
      (world) => world.one.mailbox.reserve(batch(["mail_1"])),
      (world) => world.one.mailbox.put(message(1)),
    );
    const inbox = `runs/${RUN}/inboxes/ada`;
    expect(steps).toEqual([
      `open ${inbox}/.batch-batch_1.json`,
      `write ${inbox}/.batch-batch_1.json`,
      `sync ${inbox}/.batch-batch_1.json`,
      `rename ${inbox}/.batch-batch_1.json`,
      `sync ${inbox}`,
      `rename ${inbox}/.delivering-mail_1.json`,
    ]);
  });

  test("acks are safe before their batch goes", async () => {
    const steps = await stepsOf(
      (world) => world.one.mailbox.ack(batch(["mail_1"])),
      async (world) => {
        await world.one.mailbox.put(message(1));
        await world.one.mailbox.reserve(batch(["mail_1"]));
      },
    );
    const inbox = `runs/${RUN}/inboxes/ada`;
    expect(steps).toEqual([
      `mkdir ${inbox}/processed`,
      `sync ${inbox}`,
      `rename ${inbox}/processed/mail_1.json`,
      `sync ${inbox}/processed`,
      `sync ${inbox}`,
      `unlink ${inbox}/.batch-batch_1.json`,
    ]);
  });
});

describe("a file system", () => {
  for (const code of ["EPERM", "EINVAL"]) {
    test(`that answers a sync with ${code} is used all the same, and said so once`, async () => {
      const reports: StorageReport[] = [];
      await using world = await openDiskWorld({
        step: failing("before sync", code),
        report: (report) => reports.push(report),
      });
      await world.one.runs.create(runState());
      await world.one.mailbox.put(message(1));
      expect(await world.one.mailbox.ready(RUN, "ada")).toEqual([message(1)]);
      expect(reports).toEqual([
        { kind: "unsynced", path: expect.any(String), reason: expect.stringContaining(code) },
      ]);
    });
  }

  test("that is full refuses with the reason and leaves nothing behind", async () => {
    await using world = await openDiskWorld({ step: failing("before write", "ENOSPC", "mail_1") });
    await world.one.runs.create(runState());
    await expect(world.one.mailbox.put(message(1))).rejects.toMatchObject({
      code: "storage_failed",
      message: expect.stringContaining("ENOSPC"),
      hint: expect.stringContaining("disk is full"),
    });
    expect(readdirSync(world.at("inboxes", "ada"))).toEqual([]);
  });

  test("that fails a sync for good fails the message", async () => {
    await using world = await openDiskWorld({ step: failing("before sync", "EIO", "mail_1") });
    await world.one.runs.create(runState());
    await expect(world.one.mailbox.put(message(1))).rejects.toMatchObject({ code: "storage_failed" });
    expect(await world.one.mailbox.find(RUN, "ada", "mail_1")).toBeUndefined();
  });

  test("without hard links is refused with the way out", async () => {
    await using world = await openDiskWorld({ step: failing("before link", "EPERM") });
    await world.one.runs.create(runState());
    await expect(world.one.mailbox.put(message(1))).rejects.toMatchObject({
      code: "storage_failed",
      hint: expect.stringContaining("hard links"),
    });
  });
});

function modesBelow(baseDir: string): { folders: string[]; files: string[] } {
  const folders = new Set<string>();
  const files = new Set<string>();
  for (const entry of readdirSync(baseDir, { recursive: true, withFileTypes: true })) {
    const mode = (statSync(join(entry.parentPath, entry.name)).mode & 0o777).toString(8);
    if (entry.isDirectory()) folders.add(mode);
    else files.add(mode);
  }
  return { folders: [...folders], files: [...files] };
}

type DiskWorld = Awaited<ReturnType<typeof openDiskWorld>>;

/** The writes of a deed, in order, in a run that is there. */
async function stepsOf(
  deed: (world: DiskWorld) => Promise<unknown>,
  before: (world: DiskWorld) => Promise<unknown> = async () => undefined,
): Promise<string[]> {
  const steps: string[] = [];
  let listening = false;
  await using world = await openDiskWorld({
    step(step) {
      if (!listening || !step.startsWith("after ")) return;
      steps.push(step.slice("after ".length).replace(/unlink \S*\.tmp-\S+/, "unlink a temporary file"));
    },
  });
  await world.one.runs.create(runState());
  await before(world);
  listening = true;
  await deed(world);
  return steps;
}

/** The file system answers such steps with an error. */
function failing(step: string, code: string, name = ""): (at: string) => void {
  return (at) => {
    if (at.startsWith(step) && at.includes(name)) throw Object.assign(new Error(code), { code });
  };
}
