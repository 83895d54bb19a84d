import { afterEach, describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { parseClaim } from "../../src/records/claim.ts";
import { openStorage, type Storage, type StorageOptions } from "../../src/storage/open.ts";
import { readProcesses } from "../../src/system/process-identity.ts";
import { RUN, runState } from "../contract/samples.ts";
import { type Scratch, scratch } from "../support/scratch.ts";

/** The promise is "well under 2 s" for everything that nobody alive holds. */
const SOON_MS = 1_500;

const children: ChildProcess[] = [];

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  }
});

describe("the lock of a run", () => {
  test("is there with its whole content or not at all, and gone after the work", async () => {
    await using folder = await withRun();
    const storage = await open(folder);
    const text = await storage.runs.exclusively(RUN, async () => readFileSync(lockOf(folder), "utf8"));
    expect(parseClaim(text)).toMatchObject({ ok: true, value: { pid: process.pid } });
    expect(existsSync(lockOf(folder))).toBe(false);
  });

  test("goes with the folder of a run that is archived, and is gone there too", async () => {
    await using folder = await withRun();
    await (await open(folder)).runs.archive(RUN);
    expect(existsSync(folder.at("archive", RUN, "state.json"))).toBe(true);
    expect(existsSync(folder.at("archive", RUN, ".lock"))).toBe(false);
  });

  test("of a process that was killed is taken over soon", async () => {
    await using folder = await withRun();
    const holder = await start(folder, "hold");
    const storage = await open(folder);
    holder.kill("SIGKILL");
    await once(holder, "exit");
    await takesSoon(storage);
  });

  test("of a process that was killed while others wait goes to one of them at a time", async () => {
    await using folder = await withRun();
    const holder = await start(folder, "hold");
    const waiters = Array.from({ length: 8 }, () => run(folder, "raise", "5"));
    const ends = waiters.map((child) => once(child, "exit"));
    holder.kill("SIGKILL");
    expect((await Promise.all(ends)).map(([code]) => code as number)).toEqual(Array(8).fill(0));
    expect((await (await open(folder)).runs.read(RUN))?.revision).toBe(41);
  }, 20_000);

  test("of a living process is not touched: who waits too long is told who has it", async () => {
    await using folder = await withRun();
    const holder = await start(folder, "hold");
    const storage = await open(folder, { lockWaitMs: 100 });
    await expect(storage.runs.exclusively(RUN, (held) => held.load())).rejects.toMatchObject({
      code: "lock_timeout",
      message: expect.stringContaining(`process ${holder.pid} since`),
      details: { holder: { pid: holder.pid } },
    });
  });

  test("that another caller of the same process keeps is waited for, but not for ever", async () => {
    await using folder = await withRun();
    const storage = await open(folder, { lockWaitMs: 50 });
    const { promise: goOn, resolve } = Promise.withResolvers<void>();
    const keeping = storage.runs.exclusively(RUN, () => goOn);
    await expect(storage.runs.exclusively(RUN, (held) => held.load())).rejects.toMatchObject({
      code: "lock_timeout",
      message: expect.stringContaining("another call of this process"),
    });
    resolve();
    await keeping;
    await takesSoon(storage);
  });

  test("that the disk would not let go of is still its holder's, and goes with the next", async () => {
    await using folder = await withRun();
    let broken = true;
    const storage = await open(folder, {
      lockWaitMs: 100,
      step(step) {
        if (broken && step === `before unlink runs/${RUN}/.lock`) {
          throw Object.assign(new Error("EIO"), { code: "EIO" });
        }
      },
    });
    await expect(storage.runs.exclusively(RUN, (held) => held.load())).rejects.toMatchObject({
      code: "storage_failed",
    });
    broken = false;
    await takesSoon(storage);
    expect(existsSync(lockOf(folder))).toBe(false);
  });

  const WRECKS: Readonly<Record<string, string>> = {
    "a zero-byte lock file": "",
    "a torn lock file": '{"version":1,"pid":1',
    "a lock file of another program": "4711\n",
  };
  for (const [name, text] of Object.entries(WRECKS)) {
    test(`that is ${name} is broken soon`, async () => {
      await using folder = await withRun();
      writeFileSync(lockOf(folder), text);
      await takesSoon(await open(folder));
      expect(existsSync(lockOf(folder))).toBe(false);
    });
  }

  test("that is unreadable and young is left to whoever may still be writing it", async () => {
    await using folder = await withRun();
    writeFileSync(lockOf(folder), "");
    // An old modification time is no age: the file may have been copied here just now.
    utimesSync(lockOf(folder), 0, 0);
    const storage = await open(folder, { lockWaitMs: 50 });
    await expect(storage.runs.exclusively(RUN, (held) => held.load())).rejects.toMatchObject({
      code: "lock_timeout",
      message: expect.stringContaining("an unreadable lock file"),
    });
  });

  test("of a living process of a newer version is not touched", async () => {
    await using folder = await withRun();
    plant(folder, { ...(await readProcesses()).self, version: 2, mood: "calm" });
    const storage = await open(folder, { lockWaitMs: 50 });
    await expect(storage.runs.exclusively(RUN, (held) => held.load())).rejects.toMatchObject({
      code: "lock_timeout",
    });
  });

  test("whose pid was given out again belongs to nobody", async () => {
    await using folder = await withRun();
    // Process 1 lives, but did not start when the holder did.
    plant(folder, { pid: 1, startTime: "proc:1" });
    await takesSoon(await open(folder));
  });

  test("from before the machine started belongs to nobody", async () => {
    await using folder = await withRun();
    const { self } = await readProcesses();
    plant(folder, { ...self, bootId: "another boot" });
    await takesSoon(await open(folder));
  });
});

describe("owner.json", () => {
  test("of a process that was killed is there for the taking", async () => {
    await using folder = await withRun();
    const owner = await start(folder, "own");
    const { ownership } = await open(folder);
    expect(await ownership.take(RUN)).toBe(false);
    owner.kill("SIGKILL");
    await once(owner, "exit");
    expect(await ownership.take(RUN)).toBe(true);
    const text = readFileSync(folder.at("runs", RUN, "owner.json"), "utf8");
    expect(JSON.parse(text)).toMatchObject({ pid: process.pid, leaseEndsAt: expect.any(Number) });
  });

  test("that the owner takes again has a later end of its lease and the same owner", async () => {
    await using folder = await withRun();
    const { ownership } = await open(folder);
    const path = folder.at("runs", RUN, "owner.json");
    await ownership.take(RUN);
    const first = JSON.parse(readFileSync(path, "utf8")) as { token: string };
    writeFileSync(path, JSON.stringify({ ...first, leaseEndsAt: 5 }));
    await ownership.take(RUN);
    const second = JSON.parse(readFileSync(path, "utf8")) as { token: string; leaseEndsAt: number };
    expect(second.token).toBe(first.token);
    expect(second.leaseEndsAt).toBeGreaterThan(Date.now());
  });

  test("that is somebody else's now is not let go by its former owner", async () => {
    await using folder = await withRun();
    const { ownership } = await open(folder);
    await ownership.take(RUN);
    const path = folder.at("runs", RUN, "owner.json");
    const theirs = JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), token: "theirs" });
    writeFileSync(path, theirs);
    await ownership.release(RUN);
    expect(readFileSync(path, "utf8")).toBe(theirs);
  });
});

async function withRun(): Promise<Scratch> {
  const folder = await scratch("lock");
  await (await open(folder)).runs.create(runState());
  return folder;
}

async function open(folder: Scratch, options: Partial<StorageOptions> = {}): Promise<Storage> {
  return openStorage({ baseDir: folder.path, liveness: await readProcesses(), ...options });
}

function lockOf(folder: Scratch): string {
  return folder.at("runs", RUN, ".lock");
}

function plant(folder: Scratch, holder: object): void {
  const claim = { version: 1, startTime: "x", bootId: bootId(), token: "t1", takenAt: 1, ...holder };
  writeFileSync(lockOf(folder), JSON.stringify(claim));
}

function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

async function takesSoon(storage: Storage): Promise<void> {
  const begin = performance.now();
  await storage.runs.exclusively(RUN, (held) => held.load());
  expect(performance.now() - begin).toBeLessThan(SOON_MS);
}

function run(folder: Scratch, ...deed: readonly string[]): ChildProcess {
  const script = Bun.fileURLToPath(new URL("./lock-child.ts", import.meta.url));
  const child = spawn(process.execPath, [script, folder.path, RUN, ...deed], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  return child;
}

/** Resolves when the child says that it is there. */
async function start(folder: Scratch, ...deed: readonly string[]): Promise<ChildProcess> {
  const child = run(folder, ...deed);
  if (child.stdout) await once(child.stdout, "data");
  return child;
}
