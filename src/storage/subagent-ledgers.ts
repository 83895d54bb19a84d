import type { SessionId } from "../core/ids.ts";
import type { SubagentLedger } from "../core/subagents.ts";
import { FlotillaError } from "../errors.ts";
import type { SubagentLedgers } from "../ports.ts";
import { formatRecord } from "../records/record.ts";
import { parseSubagents } from "../records/subagents.ts";
import type { Disk } from "./disk.ts";
import type { StorageReport } from "./faults.ts";
import { type Layout, sessionIdOf } from "./layout.ts";
import type { Locks } from "./lock.ts";
import { setAside } from "./set-aside.ts";
import { Shelf } from "./shelf.ts";

/** One file a parent session, replaced under a lock of its own. */
export class DiskSubagentLedgers implements SubagentLedgers {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #locks: Locks;
  readonly #report: (report: StorageReport) => void;
  readonly #ledgers: Shelf<SubagentLedger>;

  constructor(disk: Disk, layout: Layout, locks: Locks, report: (report: StorageReport) => void) {
    this.#disk = disk;
    this.#layout = layout;
    this.#locks = locks;
    this.#report = report;
    this.#ledgers = new Shelf(disk, parseSubagents);
  }

  async parents(): Promise<readonly SessionId[]> {
    return (await this.#disk.names(this.#layout.subagents)).flatMap((name) => sessionIdOf(name) ?? []);
  }

  /** A file that makes no sense is set aside: what it knew is lost, and nothing else. */
  async read(parentId: SessionId): Promise<SubagentLedger | undefined> {
    const path = this.#layout.subagentsOf(parentId);
    try {
      return await this.#ledgers.read(path);
    } catch (error) {
      if (!(error instanceof FlotillaError) || error.code !== "record_unreadable") throw error;
      await setAside(this.#disk, this.#report, path, String(error.details["fault"]));
      return undefined;
    }
  }

  async change(
    parentId: SessionId,
    change: (ledger: SubagentLedger | undefined) => SubagentLedger | undefined,
  ): Promise<SubagentLedger | undefined> {
    const path = this.#layout.subagentsOf(parentId);
    await this.#disk.makeFolders(this.#layout.subagents);
    const lock = await this.#locks.acquire(this.#layout.subagentsLock(parentId));
    try {
      const before = await this.read(parentId);
      const after = change(before);
      if (after === before) return after;
      if (after === undefined) await this.#disk.remove(path);
      else this.#ledgers.keep(path, await this.#disk.replace(path, formatRecord(after)), after);
      return after;
    } finally {
      await lock.release();
    }
  }
}
