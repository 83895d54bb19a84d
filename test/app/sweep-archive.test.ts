import { expect, test } from "bun:test";
import { Fleet } from "../../src/app/fleet.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { line, RUN, runState } from "../contract/samples.ts";
import { noWorktrees } from "../support/no-worktrees.ts";
import { silentHost } from "../support/silent-host.ts";

const DAY_MS = 86_400_000;

test("what a run has left is kept for seven days and then removed", async () => {
  const disk = new MemoryDisk();
  const storage = disk.process();
  let now = Date.now();
  const clock = { now: () => now, after: () => () => undefined };
  const fleet = new Fleet({ clock, ids: systemIds, host: silentHost, worktrees: noWorktrees, ...storage });
  await storage.runs.create(runState());
  await storage.runs.exclusively(RUN, (run) => run.appendJournal([line(1)]));
  await storage.runs.archive(RUN);

  now += 6.9 * DAY_MS;
  fleet.sweep();
  await fleet.drained();
  expect(disk.journal(RUN)).toEqual([line(1)]);

  now += 0.2 * DAY_MS;
  fleet.sweep();
  await fleet.drained();
  expect(disk.journal(RUN)).toEqual([]);
});
