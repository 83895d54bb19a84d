import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StorageReport } from "../../src/storage/faults.ts";
import type { Storage } from "../../src/storage/open.ts";
import { batch, message, RUN, runState, task } from "../contract/samples.ts";
import { type DiskWorld, openDiskWorld } from "../contract/worlds.ts";

async function withReports(): Promise<DiskWorld & { reports: StorageReport[] }> {
  const reports: StorageReport[] = [];
  const world = await openDiskWorld({ report: (report) => reports.push(report) });
  await world.one.runs.create(runState());
  return Object.assign(world, { reports });
}

const text = (record: object): string => JSON.stringify(record);

describe("a message that cannot be read", () => {
  const WRECKS: Readonly<Record<string, readonly [content: string, reason: string]>> = {
    "an empty file": ["", "the file is empty"],
    "a torn file": ['{"version":1,"mess', "not JSON"],
    "a list": ["[1]", "version"],
    "a record of a newer version": [text({ ...message(2), version: 7 }), "newer opencode-flotilla"],
    "a record without a body": [text({ ...message(2), body: undefined }), "body: "],
    "a record with an ill-typed reference": [
      text({ ...message(2), references: [{ path: "a" }, { path: 3 }] }),
      "references.1.path: ",
    ],
    "another message under its name": [text(message(3)), "messageId: "],
    "a message to somebody else": [text(message(2, { to: "bo" })), "to: "],
    "a message of another run": [text(message(2, { runId: "run_2" })), "runId: "],
    "a message to a path": [text(message(2, { to: "../../x" })), "to: "],
  };
  for (const [name, [content, reason]] of Object.entries(WRECKS)) {
    test(`(${name}) is set aside with the reason, and the others arrive`, async () => {
      await using world = await withReports();
      for (const seq of [1, 4]) await world.one.mailbox.put(message(seq));
      writeFileSync(world.at("inboxes", "ada", "mail_2.json"), content);
      expect(await world.other.mailbox.ready(RUN, "ada")).toEqual([message(1), message(4)]);
      expect(world.reports).toMatchObject([
        {
          kind: "set_aside",
          path: world.at("inboxes", "ada", "mail_2.json"),
          movedTo: world.at("inboxes", "ada", "unreadable", "mail_2.json"),
          reason: expect.stringContaining(reason),
        },
      ]);
      const aside = world.at("inboxes", "ada", "unreadable");
      expect(readFileSync(join(aside, "mail_2.json"), "utf8")).toBe(content);
      expect(readFileSync(join(aside, "mail_2.json.reason.json"), "utf8")).toContain(reason);
      expect(await world.other.mailbox.ready(RUN, "ada")).toHaveLength(2);
      expect(world.reports).toHaveLength(1);
    });
  }

  test("and is a folder is set aside like a file", async () => {
    await using world = await withReports();
    await world.one.mailbox.put(message(1));
    mkdirSync(world.at("inboxes", "ada", "mail_2.json"));
    expect(await world.one.mailbox.ready(RUN, "ada")).toEqual([message(1)]);
    expect(readdirSync(world.at("inboxes", "ada", "unreadable"))).toContain("mail_2.json");
  });

  test("does not push another one of its name out of the way", async () => {
    await using world = await withReports();
    await world.one.mailbox.put(message(1));
    for (const wreck of ["one", "two"]) {
      writeFileSync(world.at("inboxes", "ada", "mail_2.json"), wreck);
      await world.one.mailbox.ready(RUN, "ada");
    }
    expect(readdirSync(world.at("inboxes", "ada", "unreadable")).toSorted()).toEqual([
      "mail_2.json",
      "mail_2.json.2",
      "mail_2.json.2.reason.json",
      "mail_2.json.reason.json",
    ]);
  });

  test("can be put again", async () => {
    await using world = await withReports();
    await world.one.mailbox.put(message(1));
    writeFileSync(world.at("inboxes", "ada", "mail_1.json"), "");
    expect(await world.other.mailbox.ready(RUN, "ada")).toEqual([]);
    await world.other.mailbox.put(message(1));
    expect(await world.other.mailbox.ready(RUN, "ada")).toEqual([message(1)]);
  });

  test("counts for no quota", async () => {
    await using world = await withReports();
    await world.one.mailbox.put(message(1, { body: "1234" }));
    writeFileSync(world.at("inboxes", "ada", ".delivering-mail_2.json"), "{");
    expect(await world.one.mailbox.unreadBytes(RUN, "ada")).toBe(4);
    expect(await world.one.mailbox.unreadCount(RUN, "ada")).toBe(1);
  });
});

describe("a batch that cannot be read", () => {
  for (const [name, content] of Object.entries({
    "a torn file": "{",
    "the batch of another recipient": text(batch(["mail_1"], { recipient: "bo" })),
    "a batch with a path in it": text(batch(["mail_1", "../../state"])),
  })) {
    test(`(${name}) is set aside, and its messages are ready again`, async () => {
      await using world = await withReports();
      await world.one.mailbox.put(message(1));
      await world.one.mailbox.reserve(batch(["mail_1"]));
      writeFileSync(world.at("inboxes", "ada", ".batch-batch_1.json"), content);
      expect(await world.other.mailbox.mend(RUN, "ada")).toEqual([]);
      expect(await world.other.mailbox.ready(RUN, "ada")).toEqual([message(1)]);
      expect(world.reports).toMatchObject([{ kind: "set_aside" }]);
    });
  }
});

describe("an inbox", () => {
  async function reserved(storage: Storage): Promise<void> {
    for (const seq of [1, 2]) await storage.mailbox.put(message(seq));
    await storage.mailbox.reserve(batch(["mail_1", "mail_2"]));
  }

  test("with a reservation that no batch announces gives it back", async () => {
    await using world = await withReports();
    await reserved(world.one);
    await Bun.file(world.at("inboxes", "ada", ".batch-batch_1.json")).delete();
    expect(await world.other.mailbox.mend(RUN, "ada")).toEqual([]);
    expect(await world.other.mailbox.ready(RUN, "ada")).toEqual([message(1), message(2)]);
  });

  test("that looks half done is left as it is by a reader: it may be what a living process is doing", async () => {
    await using world = await withReports();
    await reserved(world.one);
    await Bun.file(world.at("inboxes", "ada", ".batch-batch_1.json")).delete();
    const before = readdirSync(world.at("inboxes", "ada")).toSorted();
    expect(await world.other.mailbox.batches(RUN, "ada")).toEqual([]);
    expect(readdirSync(world.at("inboxes", "ada")).toSorted()).toEqual(before);
  });

  test("with a batch all of whose messages are gone has no such batch any more", async () => {
    await using world = await withReports();
    await reserved(world.one);
    const left = readFileSync(world.at("inboxes", "ada", ".batch-batch_1.json"));
    await world.one.mailbox.ack(batch(["mail_1", "mail_2"]));
    writeFileSync(world.at("inboxes", "ada", ".batch-batch_1.json"), left);
    expect(await world.other.mailbox.mend(RUN, "ada")).toEqual([]);
    expect(readdirSync(world.at("inboxes", "ada"))).toEqual(["processed"]);
  });

  test("leaves files alone that are none of ours", async () => {
    await using world = await withReports();
    await world.one.mailbox.put(message(1));
    const foreign = [".DS_Store", "notes.txt", "my mail.json", ".batch-.json", "a.b.json"];
    for (const name of foreign) writeFileSync(world.at("inboxes", "ada", name), "x");
    expect(await world.one.mailbox.ready(RUN, "ada")).toEqual([message(1)]);
    await world.one.mailbox.mend(RUN, "ada");
    expect(readdirSync(world.at("inboxes", "ada"))).toEqual(expect.arrayContaining(foreign));
    expect(world.reports).toEqual([]);
  });
});

describe("a task that cannot be read", () => {
  test("is set aside, and the others are listed", async () => {
    await using world = await withReports();
    for (const taskId of [1, 2, 3]) await world.one.tasks.write(RUN, task(taskId));
    writeFileSync(world.at("tasks", "2.json"), text({ ...task(2), blockedBy: ["1"] }));
    expect((await world.other.tasks.list(RUN)).map(({ taskId }) => taskId)).toEqual([1, 3]);
    expect(await world.other.tasks.read(RUN, 2)).toBeUndefined();
    expect(world.reports).toMatchObject([{ reason: expect.stringContaining("blockedBy.0: ") }]);
    await world.other.tasks.write(RUN, task(2));
    expect(await world.one.tasks.read(RUN, 2)).toEqual(task(2));
  });
});

describe("a run that cannot be read", () => {
  test("is refused with the file and the place of the fault, stays as it is, and stops no other", async () => {
    await using world = await withReports();
    await world.one.runs.create(runState({ runId: "run_2" }));
    const broken = text({ ...runState(), members: { ada: { ...runState().members["ada"], since: "noon" } } });
    writeFileSync(world.at("state.json"), broken);
    const refusal = {
      code: "record_unreadable",
      message: expect.stringContaining("members.ada.since"),
      details: { path: world.at("state.json") },
    };
    await expect(world.one.runs.read(RUN)).rejects.toMatchObject(refusal);
    await expect(world.one.runs.exclusively(RUN, (run) => run.load())).rejects.toMatchObject(refusal);
    expect(readFileSync(world.at("state.json"), "utf8")).toBe(broken);
    expect((await world.one.runs.read("run_2"))?.revision).toBe(1);
    expect(await world.one.runs.list()).toEqual([RUN, "run_2"]);
  });
});
