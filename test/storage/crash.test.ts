import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, utimesSync } from "node:fs";
import type { Step } from "../../src/storage/disk.ts";
import { openStorage } from "../../src/storage/open.ts";
import { readProcesses } from "../../src/system/process-identity.ts";
import { PretendedProcesses } from "../contract/worlds.ts";
import { scratch } from "../support/scratch.ts";
import {
  brokenPromises,
  type Chapter,
  filesOf,
  messagesIn,
  observe,
  recover,
  STORY,
  unmended,
} from "./crash-story.ts";

/** The process is dead: thrown at the chosen step and at every one after it. */
class Crash extends Error {}

/**
 * Lets a process die before its n-th write, counted from 1. Between the end of one write and the beginning of the next
 * nothing on the disk changes, so this is every state of the disk that a crash can leave.
 */
function fuse(at: number): { readonly step: Step; readonly burnt: () => boolean } {
  let writes = 0;
  return {
    step(step) {
      if (step.startsWith("before ")) writes += 1;
      if (writes >= at) throw new Crash(`write ${at}`);
    },
    burnt: () => writes >= at,
  };
}

describe("a crash at every step of", () => {
  for (const [at, chapter] of STORY.entries()) {
    test(`"${chapter.name}" breaks no promise, and repeating it ends as if nothing had happened`, async () => {
      await using before = await scratch("before");
      await tell(before.path, STORY.slice(0, at));
      const putBefore = messagesIn(before.path);
      await using after = await scratch("after");
      cpSync(before.path, after.path, { recursive: true });
      const wanted = await tell(after.path, [chapter]);

      let crashes = 0;
      for (let step = 1; await crashAt(step, chapter, before.path, putBefore, wanted); step++) crashes += 1;
      // A release is a rename and an unlink; all others have at least an open, a write and a rename.
      expect(crashes).toBeGreaterThanOrEqual(chapter.name === "release it" ? 2 : 3);
    });
  }
});

/** False if the chapter has fewer steps: it came to its end. */
async function crashAt(
  step: number,
  chapter: Chapter,
  before: string,
  putBefore: readonly string[],
  wanted: unknown,
): Promise<boolean> {
  await using folder = await scratch("crash");
  cpSync(before, folder.path, { recursive: true });
  const processes = new PretendedProcesses();
  const mortal = processes.start();
  const { step: burn, burnt } = fuse(step);
  const died = await chapter
    .act(openStorage({ baseDir: folder.path, liveness: mortal, step: burn }))
    .then(() => false)
    .catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error;
      return true;
    });
  if (!burnt()) return false;
  expect(died).toBe(true);
  expect(brokenPromises(folder.path, putBefore)).toEqual([]);

  processes.kill(mortal);
  const storage = openStorage({ baseDir: folder.path, liveness: processes.start() });
  await recover(storage);
  expect(brokenPromises(folder.path, putBefore)).toEqual([]);
  if (!chapter.name.startsWith("ack")) expect(unmended(folder.path)).toEqual([]);
  await chapter.act(storage);
  expect(await observe(storage, folder.path)).toEqual(wanted);
  expect(filesOf(folder.path).filter((path) => path.includes(".lock"))).toEqual(
    // A run that was archived and not yet unlocked: nobody will ever ask for that lock.
    existsSync(folder.at("archive", "run_1", ".lock")) ? ["archive/run_1/.lock"] : [],
  );
  return true;
}

/** Acts the chapters as one process that then ends, and says what is there. */
async function tell(baseDir: string, chapters: readonly Chapter[]): Promise<unknown> {
  const processes = new PretendedProcesses();
  const storage = openStorage({ baseDir, liveness: processes.start() });
  for (const chapter of chapters) await chapter.act(storage);
  return observe(storage, baseDir);
}

describe("leftovers of a crash", () => {
  test("temporary files that are a minute old are swept, younger ones are somebody's", async () => {
    await using folder = await scratch("sweep");
    const processes = new PretendedProcesses();
    await tell(folder.path, STORY.slice(0, 6));
    const old = [
      "runs/.tmp-a/state.json",
      "runs/run_1/.tmp-b",
      "runs/run_1/tasks/.tmp-c",
      "runs/run_1/inboxes/ada/.tmp-d",
    ];
    const young = [
      "runs/.tmp-e",
      "runs/run_1/.tmp-f",
      "runs/run_1/tasks/.tmp-g",
      "runs/run_1/inboxes/ada/.tmp-h",
    ];
    for (const path of [...old, ...young]) await Bun.write(folder.at(path), "{");
    const longAgo = Date.now() / 1000 - 61;
    for (const path of ["runs/.tmp-a", ...old]) utimesSync(folder.at(path), longAgo, longAgo);

    const storage = openStorage({ baseDir: folder.path, liveness: processes.start() });
    await recover(storage);
    const state = await storage.runs.read("run_1");
    if (state) await storage.runs.create({ ...state, runId: "run_2" });
    expect(filesOf(folder.path).filter((path) => path.includes(".tmp-"))).toEqual(young.toSorted());
  });
});

describe("kill -9", () => {
  const STEPS: readonly (readonly [chapter: string, step: string])[] = [
    ["create the run", "before rename runs/run_1"],
    ["put a third", "after link runs/run_1/inboxes/ada/mail_3.json"],
    ["commit with a task and lines", "after rename runs/run_1/state.json"],
    ["reserve two", "after rename runs/run_1/inboxes/ada/.delivering-mail_1.json"],
    ["ack both", "after rename runs/run_1/inboxes/ada/processed/mail_1.json"],
    ["bury the fifth", "after rename runs/run_1/inboxes/ada/dead/mail_5.json"],
    ["archive the run", "before rename archive/run_1"],
  ];
  for (const [name, step] of STEPS) {
    test(`of a real process ${step} breaks no promise`, async () => {
      const at = STORY.findIndex((chapter) => chapter.name === name);
      const chapter = STORY[at] as Chapter;
      await using folder = await scratch("kill");
      await using plain = await scratch("plain");
      const wanted = await tell(plain.path, STORY.slice(0, at + 1));

      const child = spawn(process.execPath, [
        Bun.fileURLToPath(new URL("./crash-child.ts", import.meta.url)),
        folder.path,
        step,
      ]);
      const [, signal] = (await once(child, "exit")) as [number | null, string | null];
      expect(signal).toBe("SIGKILL");
      const putBefore = messagesIn(plain.path).slice(0, name === "put a third" ? 2 : undefined);
      expect(brokenPromises(folder.path, name === "create the run" ? [] : putBefore)).toEqual([]);

      const storage = openStorage({ baseDir: folder.path, liveness: await readProcesses() });
      await recover(storage);
      await chapter.act(storage);
      expect(await observe(storage, folder.path)).toEqual(wanted);
    });
  }
});
