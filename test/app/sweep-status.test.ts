import { expect, test } from "bun:test";
import { existsSync, readdirSync, utimesSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { sweepStatus } from "../../src/app/sweep-status.ts";
import type { World } from "../../src/app/world.ts";
import { openStorage } from "../../src/storage/open.ts";
import { runState } from "../contract/samples.ts";
import { runSurvey } from "../contract/status-board.ts";
import { PretendedProcesses } from "../contract/worlds.ts";
import { scratch } from "../support/scratch.ts";
import { silentHost } from "../support/silent-host.ts";

const DAY = 24 * 60 * 60 * 1_000;

test("what is shown of runs that nobody has moved for long is taken down, and no living owner's", async () => {
  await using folder = await scratch("sweep");
  const processes = new PretendedProcesses();
  const [dead, alive] = [processes.start(), processes.start()];
  const [former, owner] = [dead, alive].map((liveness) => openStorage({ baseDir: folder.path, liveness }));
  const now = Date.now();
  const show = async (storage: typeof former, runId: string, at: number): Promise<void> => {
    if (!storage) throw new Error("no storage");
    await storage.runs.create(runState({ runId }));
    await storage.ownership.take(runId);
    await storage.board.show(runSurvey({ runId }));
    utimesSync(folder.at("runs", runId, "status.json"), at / 1_000, at / 1_000);
  };
  const stale = Array.from({ length: 50 }, (_, n) => `run_stale${n}`);
  for (const runId of stale) await show(former, runId, now - 8 * DAY);
  await show(former, "run_young", now - DAY);
  await show(owner, "run_live", now - 8 * DAY);
  await show(former, "run_open", now - 8 * DAY);
  await writeFile(folder.at("runs", "run_stale0", "status", ".tmp-00"), "half");
  await mkdir(folder.at("runs", "run_unreadable"));
  await writeFile(folder.at("runs", "run_unreadable", "status.json"), "nonsense");
  processes.kill(dead);

  const mine = openStorage({ baseDir: folder.path, liveness: processes.start() });
  const world = { ...mine, host: silentHost } as unknown as World;
  await sweepStatus(world, now - 7 * DAY, (runId) => runId === "run_open");

  for (const runId of stale) {
    const names = readdirSync(folder.at("runs", runId)).filter((name) => name.includes("status"));
    expect(names).toEqual([]);
    expect(readdirSync(folder.at("runs", runId)).filter((name) => /lock|tmp|owner/.test(name))).toEqual([]);
    expect(existsSync(folder.at("runs", runId, "state.json"))).toBe(true);
  }
  for (const runId of ["run_young", "run_live", "run_open"]) {
    expect(existsSync(folder.at("runs", runId, "status", "ada.json"))).toBe(true);
    expect(existsSync(folder.at("runs", runId, "owner.json"))).toBe(true);
  }
});
