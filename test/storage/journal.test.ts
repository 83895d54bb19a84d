import { expect, test } from "bun:test";
import { appendFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import type { JournalEntry } from "../../src/core/effects.ts";
import type { Storage } from "../../src/storage/open.ts";
import { line, RUN, runState } from "../contract/samples.ts";
import { openDiskWorld } from "../contract/worlds.ts";

async function append(storage: Storage, ...entries: readonly JournalEntry[]): Promise<void> {
  await storage.runs.exclusively(RUN, (run) => run.appendJournal(entries));
}

async function withJournal() {
  const world = await openDiskWorld();
  await world.one.runs.create(runState());
  await append(world.one, line(1, 0), line(1, 1), line(2, 0));
  return Object.assign(world, { path: world.at("journal.jsonl") });
}

test("a torn last line is cut by the next one to append, wherever it was torn", async () => {
  await using world = await withJournal();
  const whole = readFileSync(world.path, "utf8");
  const last = `${JSON.stringify(line(3))}\n`;
  for (let at = 0; at < last.length; at += 7) {
    writeFileSync(world.path, whole + last.slice(0, at));
    await append(world.open(), line(2, 0), line(3), line(4));
    expect(readFileSync(world.path, "utf8")).toBe(`${whole}${last}${JSON.stringify(line(4))}\n`);
  }
});

test("a torn last line is cut by a process that had read the journal before", async () => {
  await using world = await withJournal();
  appendFileSync(world.path, JSON.stringify(line(3)).slice(0, 20));
  await append(world.one, line(3));
  expect(await world.journal(RUN)).toEqual([line(1, 0), line(1, 1), line(2, 0), line(3)]);
});

test("several lines torn in the middle are completed, none is doubled", async () => {
  await using world = await withJournal();
  appendFileSync(world.path, `${JSON.stringify(line(3, 0))}\n${JSON.stringify(line(3, 1)).slice(0, 9)}`);
  await append(world.other, line(3, 0), line(3, 1), line(3, 2));
  expect((await world.journal(RUN)).slice(3)).toEqual([line(3, 0), line(3, 1), line(3, 2)]);
});

test("a line that is damaged in the middle of the journal stays and disturbs nobody", async () => {
  await using world = await withJournal();
  appendFileSync(world.path, "\u0000\u0000garbage\n");
  await append(world.open(), line(2, 0), line(3));
  const lines = readFileSync(world.path, "utf8").split("\n");
  expect(lines.slice(3)).toEqual(["\u0000\u0000garbage", JSON.stringify(line(3)), ""]);
});

test("a journal that was replaced behind our back is read anew, shorter or longer", async () => {
  await using world = await withJournal();
  await Bun.file(world.path).delete();
  await append(world.one, line(1, 0), line(2, 0));
  expect(await world.journal(RUN)).toEqual([line(1, 0), line(2, 0)]);
  const others = [11, 12, 13, 14].map((revision) => line(revision));
  writeFileSync(`${world.path}.restored`, others.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  renameSync(`${world.path}.restored`, world.path);
  await append(world.one, line(1, 0), line(12));
  expect(await world.journal(RUN)).toEqual([...others, line(1, 0)]);
});

test("whatever an event says is kept, with revision and index first", async () => {
  await using world = await withJournal();
  await append(world.one, { at: 5, event: "task_claimed", taskId: 7, index: 0, revision: 9 });
  await append(world.open(), { at: 5, event: "task_claimed", taskId: 7, index: 0, revision: 9 });
  const lines = readFileSync(world.path, "utf8").trim().split("\n");
  expect(lines.slice(3)).toEqual(['{"revision":9,"index":0,"at":5,"event":"task_claimed","taskId":7}']);
});
