import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { openStorage } from "../../src/storage/open.ts";
import { readProcesses } from "../../src/system/process-identity.ts";

/**
 * A process at somebody's base folder: `bun lock-child.ts FOLDER RUN hold` takes the run's lock and keeps it;
 * `… raise N` raises the run's revision N times; `… own` takes the ownership and keeps it. Says "ready" when it is there.
 */
const [, , baseDir = "", runId = "", deed = "", times = "1"] = process.argv;
const storage = openStorage({ baseDir, liveness: await readProcesses() });

function stay(): Promise<never> {
  console.log("ready");
  return new Promise(() => setInterval(() => undefined, 60_000));
}

if (deed === "hold") await storage.runs.exclusively(runId, stay);
if (deed === "own") {
  await storage.ownership.take(runId);
  await stay();
}
if (deed === "raise") {
  for (let time = 0; time < Number(times); time++) {
    await storage.runs.exclusively(runId, async (run) => {
      // Fails if anybody else is between these two lines.
      mkdirSync(join(baseDir, "inside"));
      const state = await run.load();
      await run.commit({ ...state, revision: state.revision + 1 });
      rmdirSync(join(baseDir, "inside"));
    });
  }
}
