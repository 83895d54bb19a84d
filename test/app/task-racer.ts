import { loadBook } from "../../src/app/task-books.ts";
import { Transactor } from "../../src/app/transact.ts";
import type { TaskChange } from "../../src/core/commands.ts";
import { FlotillaError } from "../../src/errors.ts";
import { openStorage } from "../../src/storage/open.ts";
import { systemClock } from "../../src/system/clock.ts";
import { readProcesses } from "../../src/system/process-identity.ts";

/**
 * One of two processes at one base folder that reach for the same tasks at the same time:
 * `bun task-racer.ts FOLDER RUN MEMBER TASKS`. Says "ready", begins when it is told anything, and at last says which tasks
 * it got and with which codes it lost the others.
 */
const [, , baseDir = "", runId = "", by = "", tasks = ""] = process.argv;
// Hundreds of callers wait in line for one lock: what is measured is who gets a task, not who loses patience.
const storage = openStorage({ baseDir, liveness: await readProcesses(), lockWaitMs: 300_000 });
const transactor = new Transactor({ ...storage, clock: systemClock }, () => undefined);

async function claim(taskId: number): Promise<string> {
  const change: TaskChange = { status: "in_progress" };
  try {
    await transactor.transact(runId, async (state) => ({
      type: "update_task",
      by,
      taskId,
      change,
      book: await loadBook(storage, state, { type: "update", taskId, change }),
    }));
    return "won";
  } catch (refusal) {
    if (refusal instanceof FlotillaError) return refusal.code;
    throw refusal;
  }
}

console.log("ready");
for await (const _line of console) break;
const outcomes = await Promise.all(Array.from({ length: Number(tasks) }, (_, at) => claim(at + 1)));
console.log(JSON.stringify(outcomes));
