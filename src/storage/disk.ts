import { randomBytes } from "node:crypto";
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  fstatSync,
  fsync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { promisify } from "node:util";
import type { FlotillaError } from "../errors.ts";
import { isFault, type StorageReport, storageFault } from "./faults.ts";

/**
 * Called before and after each primitive write with `before <primitive> <path from the base>`, so that a test can let the
 * process die between any two. After a step has thrown, nothing more may be written: dead processes do not clean up.
 */
export type Step = (step: string) => void;

/** Says whether a file is the one that was read before: a replaced file has another inode, or another time. */
export interface Stamp {
  readonly inode: bigint;
  readonly modifiedNs: bigint;
  readonly size: number;
}

/** Temporary files are `.tmp-<chance>`, beside what they become; no reader looks at them. */
const TEMP = ".tmp-";
/** A write takes milliseconds. One that stands still for a minute fails at its rename and is repeated by its caller. */
const TEMP_MAX_AGE_MS = 60_000;

/** File systems that cannot sync a folder, or anything, say one of these (network and FUSE file systems, mostly). */
const CANNOT_SYNC: ReadonlySet<string> = new Set([
  "EPERM",
  "EINVAL",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EISDIR",
]);

/** Waits for the device, which takes from a fraction of a millisecond to tens of them. */
const syncToDevice = promisify(fsync);

/**
 * The few ways in which storage touches the disk. Everything is written 0600 in folders of 0700 (a umask can only take
 * away from that), and appears under its name in one moment, whole.
 *
 * What the system answers from memory (a name, a rename, a small file) is done at once, in some tens of microseconds: to
 * await it would take a turn of the host's event loop, which is milliseconds while a model is being called, and one
 * message needs some fifty of them on its way. What waits for the device is awaited. The price is paid on a file system
 * that is slow to answer, a network's: there the host stands still meanwhile. `base_dir` must be on a local disk anyway.
 *
 * Errors of the file system reject as `storage_failed`, with `details.errno`.
 */
export class Disk {
  readonly #base: string;
  readonly #step: Step;
  readonly #report: (report: StorageReport) => void;
  #unsynced = false;

  constructor(base: string, step: Step, report: (report: StorageReport) => void) {
    this.#base = base;
    this.#step = step;
    this.#report = report;
  }

  /** Puts the text in the file's place, durably. The folder must exist. */
  async replace(path: string, text: string): Promise<Stamp> {
    const { temp, stamp } = await this.#writeTemp(path, text, true);
    await this.#at("rename", path, () => renameSync(temp, path));
    await this.syncFolder(dirname(path));
    return stamp;
  }

  /** Like {@link replace}, for what nobody needs after the machine has crashed. */
  async replaceUnsynced(path: string, text: string): Promise<void> {
    const { temp } = await this.#writeTemp(path, text, false);
    await this.#at("rename", path, () => renameSync(temp, path));
  }

  /** Creates the file with its text, durably; false if it exists. */
  async create(path: string, text: string): Promise<boolean> {
    const created = await this.#create(path, text, true);
    if (created) await this.syncFolder(dirname(path));
    return created;
  }

  /** Like {@link create}, for what nobody needs after the machine has crashed. */
  createUnsynced(path: string, text: string): Promise<boolean> {
    return this.#create(path, text, false);
  }

  /** Renames within a folder or between two; the caller syncs. False if there is no such file. */
  async move(from: string, to: string): Promise<boolean> {
    return this.#ifThere(() => this.#at("rename", to, () => renameSync(from, to)));
  }

  /** False if there was no such file. */
  async remove(path: string): Promise<boolean> {
    return this.#ifThere(() => this.#at("unlink", path, () => unlinkSync(path)));
  }

  /** Makes the folder; false if it exists. Its parent must exist. */
  async makeFolder(path: string): Promise<boolean> {
    const made = await this.makeFolderUnsynced(path);
    if (made) await this.syncFolder(dirname(path));
    return made;
  }

  /** Like {@link makeFolder}, for what nobody needs after the machine has crashed. */
  async makeFolderUnsynced(path: string): Promise<boolean> {
    try {
      await this.#at("mkdir", path, () => mkdirSync(path, { mode: 0o700 }));
      return true;
    } catch (error) {
      if (isFault(error, "EEXIST")) return false;
      throw error;
    }
  }

  /** Makes the folder and those above it. */
  async makeFolders(path: string): Promise<void> {
    await this.#at("mkdir", path, () => mkdirSync(path, { mode: 0o700, recursive: true }));
  }

  /** Closes a folder of ours that others may look into, as a backup or an older version may have left it. */
  async tighten(path: string): Promise<void> {
    const stats = await this.stat(path);
    if (stats && (stats.mode & 0o077n) !== 0n) await this.#at("chmod", path, () => chmodSync(path, 0o700));
  }

  /** An empty folder under a temporary name, to be filled and moved to where it belongs. */
  async makeTempFolder(parent: string): Promise<string> {
    const path = tempName(parent);
    await this.#at("mkdir", path, () => mkdirSync(path, { mode: 0o700 }));
    return path;
  }

  /** Moves a folder to a name that is free; false if something is there. */
  async moveFolder(from: string, to: string): Promise<boolean> {
    try {
      await this.#at("rename", to, () => renameSync(from, to));
      return true;
    } catch (error) {
      if (isFault(error, "ENOTEMPTY") || isFault(error, "EEXIST")) return false;
      throw error;
    }
  }

  /** Removes a folder of ours that nobody uses, with what is in it. */
  async discardFolder(path: string): Promise<void> {
    await this.#at("discard", path, () => rm(path, { recursive: true, force: true }));
  }

  /** Removes a folder of ours from under its name at once, with what is in it. */
  async removeFolder(path: string): Promise<void> {
    const doomed = tempName(dirname(path));
    if (await this.move(path, doomed)) await this.discardFolder(doomed);
  }

  /** Cuts the file to `size` and appends the text, unsynced. */
  async append(path: string, text: string, size: number): Promise<void> {
    await this.#at("append", path, () => {
      const file = openSync(path, "a", 0o600);
      try {
        if (fstatSync(file).size > size) ftruncateSync(file, size);
        writeFileSync(file, text);
      } finally {
        closeSync(file);
      }
    });
  }

  async syncFolder(path: string): Promise<void> {
    await this.#sync(path, async () => {
      const folder = openSync(path, "r");
      try {
        await syncToDevice(folder);
      } finally {
        closeSync(folder);
      }
    });
  }

  /** undefined: there is no such file. */
  async read(path: string): Promise<string | undefined> {
    return this.#unlessMissing("read", path, () => readFileSync(path, "utf8"));
  }

  /** The bytes from `start` on. undefined: there is no such file. */
  async readFrom(path: string, start: number, most: number = Infinity): Promise<Buffer | undefined> {
    return this.#unlessMissing("read", path, () => {
      const file = openSync(path, "r");
      try {
        const { size } = fstatSync(file);
        const bytes = Buffer.alloc(Math.min(most, Math.max(0, size - start)));
        return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, start));
      } finally {
        closeSync(file);
      }
    });
  }

  async stat(path: string): Promise<BigIntStats | undefined> {
    return this.#translated("look at", path, () => statSync(path, { bigint: true, throwIfNoEntry: false }));
  }

  /** As {@link stat}, and a link is not followed. */
  async statLink(path: string): Promise<BigIntStats | undefined> {
    return this.#translated("look at", path, () => lstatSync(path, { bigint: true, throwIfNoEntry: false }));
  }

  async exists(path: string): Promise<boolean> {
    return (await this.stat(path)) !== undefined;
  }

  /** Names in the folder, in no order; none if there is no folder. */
  async names(path: string): Promise<readonly string[]> {
    return (await this.#unlessMissing("list", path, () => readdirSync(path))) ?? [];
  }

  /** Those of the names that a crash has left behind: nobody works on a temporary file for that long. */
  async leftBehind(path: string, names: readonly string[]): Promise<readonly string[]> {
    const left: string[] = [];
    for (const name of names) {
      const found = isTemp(name) ? await this.stat(join(path, name)) : undefined;
      if (found && Date.now() - Number(found.mtimeMs) >= TEMP_MAX_AGE_MS) left.push(name);
    }
    return left;
  }

  /** Removes temporary files that a crash left in the folder. */
  async sweep(path: string, names: readonly string[]): Promise<void> {
    for (const name of await this.leftBehind(path, names)) {
      const temp = join(path, name);
      if ((await this.stat(temp))?.isDirectory()) await this.discardFolder(temp);
      else await this.remove(temp);
    }
  }

  async #create(path: string, text: string, durable: boolean): Promise<boolean> {
    const { temp } = await this.#writeTemp(path, text, durable);
    try {
      await this.#at("link", path, () => linkSync(temp, path));
    } catch (error) {
      await this.remove(temp);
      if (isFault(error, "EEXIST")) return false;
      throw error;
    }
    await this.remove(temp);
    return true;
  }

  async #writeTemp(path: string, text: string, durable: boolean): Promise<{ temp: string; stamp: Stamp }> {
    const temp = tempName(dirname(path));
    this.#mark("before", "open", path);
    const file = await this.#translated("open", path, () => openSync(temp, "wx", 0o600));
    try {
      this.#mark("after", "open", path);
      await this.#at("write", path, () => writeFileSync(file, text));
      if (durable) await this.#sync(path, () => syncToDevice(file));
      return { temp, stamp: stampOf(fstatSync(file, { bigint: true })) };
    } catch (error) {
      await this.remove(temp);
      throw error;
    } finally {
      closeSync(file);
    }
  }

  async #sync(path: string, act: () => Promise<void>): Promise<void> {
    try {
      await this.#at("sync", path, act);
    } catch (error) {
      if (!isFault(error, ...CANNOT_SYNC)) throw error;
      // Said once: what is so for one file below base_dir is so for all.
      if (this.#unsynced) return;
      this.#unsynced = true;
      this.#report({ kind: "unsynced", path, reason: (error as FlotillaError).message });
    }
  }

  async #at<T>(primitive: string, path: string, act: () => Promise<T> | T): Promise<T> {
    return this.#translated(primitive, path, async () => {
      this.#mark("before", primitive, path);
      const result = await act();
      this.#mark("after", primitive, path);
      return result;
    });
  }

  #mark(side: "before" | "after", primitive: string, path: string): void {
    this.#step(`${side} ${primitive} ${relative(this.#base, path)}`);
  }

  async #translated<T>(deed: string, path: string, act: () => Promise<T> | T): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw storageFault(error, deed, path);
    }
  }

  async #ifThere(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      if (isFault(error, "ENOENT")) return false;
      throw error;
    }
  }

  async #unlessMissing<T>(deed: string, path: string, act: () => Promise<T> | T): Promise<T | undefined> {
    try {
      return await this.#translated(deed, path, act);
    } catch (error) {
      if (isFault(error, "ENOENT")) return undefined;
      throw error;
    }
  }
}

/** Whether it is the name of a file that is about to become another. */
export function isTemp(name: string): boolean {
  return name.startsWith(TEMP);
}

function tempName(folder: string): string {
  return join(folder, `${TEMP}${randomBytes(8).toString("hex")}`);
}

export function stampOf(stats: BigIntStats): Stamp {
  return { inode: stats.ino, modifiedNs: stats.mtimeNs, size: Number(stats.size) };
}

export function sameStamp(one: Stamp, other: Stamp): boolean {
  return one.inode === other.inode && one.modifiedNs === other.modifiedNs && one.size === other.size;
}
