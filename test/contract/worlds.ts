import { utimesSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { JournalEntry } from "../../src/core/effects.ts";
import type { Liveness, ProcessIdentity } from "../../src/storage/liveness.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { openStorage, type Storage, type StorageOptions } from "../../src/storage/open.ts";
import { scratch } from "../support/scratch.ts";
import { RUN } from "./samples.ts";

/** Two processes at one base folder, and what a test needs to know that no port says. */
export interface World extends AsyncDisposable {
  readonly one: Storage;
  readonly other: Storage;
  /** The process of `one` is gone; `one` is not to be used any more. */
  killOne(): void;
  /** Every line of the run's journal, archived or not. */
  journal(runId: string): Promise<readonly JournalEntry[]>;
  deadReason(runId: string, recipient: string, messageId: string): Promise<string | undefined>;
  /** As if the run had been archived at that time. */
  backdate(runId: string, archivedAt: number): void;
}

export type OpenWorld = () => Promise<World>;

/** Processes as the operating system would tell of them, without starting any. */
export class PretendedProcesses {
  readonly #alive = new Set<number>();
  #lastPid = 1000;

  start(): Liveness {
    this.#lastPid += 1;
    const self: ProcessIdentity = { pid: this.#lastPid, startTime: "pretended:1", bootId: "boot" };
    this.#alive.add(self.pid);
    return { self, isAlive: async ({ pid }) => this.#alive.has(pid) };
  }

  kill({ self }: Liveness): void {
    this.#alive.delete(self.pid);
  }
}

export const memoryWorld: OpenWorld = async () => {
  const disk = new MemoryDisk();
  const one = disk.process();
  return {
    one,
    other: disk.process(),
    killOne: () => one.die(),
    journal: async (runId) => disk.journal(runId),
    deadReason: async (runId, recipient, messageId) => disk.deadReason(runId, recipient, messageId),
    backdate: (runId, archivedAt) => disk.backdate(runId, archivedAt),
    [Symbol.asyncDispose]: async () => undefined,
  };
};

export const diskWorld: OpenWorld = async () => openDiskWorld();

/** A disk world that a test can look into. */
export interface DiskWorld extends World {
  readonly baseDir: string;
  /** The path of something below `runs/<RUN>`. */
  at(...path: readonly string[]): string;
  /** One more process at the folder. */
  open(): Storage;
}

export async function openDiskWorld(options: Partial<StorageOptions> = {}): Promise<DiskWorld> {
  const folder = await scratch("storage");
  const processes = new PretendedProcesses();
  const first = processes.start();
  const open = (liveness: Liveness): Storage => openStorage({ baseDir: folder.path, liveness, ...options });
  const textOf = async (...path: readonly string[]): Promise<string | undefined> => {
    for (const place of ["runs", "archive"]) {
      const file = Bun.file(folder.at(place, ...path));
      if (await file.exists()) return readFile(folder.at(place, ...path), "utf8");
    }
    return undefined;
  };
  return {
    baseDir: folder.path,
    at: (...path) => folder.at("runs", RUN, ...path),
    open: () => open(processes.start()),
    one: open(first),
    other: open(processes.start()),
    killOne: () => processes.kill(first),
    async journal(runId: string): Promise<readonly JournalEntry[]> {
      const text = (await textOf(runId, "journal.jsonl")) ?? "";
      return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as JournalEntry]));
    },
    async deadReason(runId: string, recipient: string, messageId: string): Promise<string | undefined> {
      const text = await textOf(runId, "inboxes", recipient, "dead", `${messageId}.reason.json`);
      return text === undefined ? undefined : (JSON.parse(text) as { reason: string }).reason;
    },
    backdate: (runId, archivedAt) =>
      utimesSync(folder.at("archive", runId), archivedAt / 1000, archivedAt / 1000),
    [Symbol.asyncDispose]: folder.remove,
  };
}
