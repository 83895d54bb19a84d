import { basename } from "node:path";
import type {
  Mailbox,
  Ownership,
  RunStore,
  SessionLeases,
  StatusBoard,
  SubagentLedgers,
  TaskStore,
} from "../ports.ts";
import { Claims } from "./claims.ts";
import { Disk, type Step } from "./disk.ts";
import type { StorageReport } from "./faults.ts";
import { Layout } from "./layout.ts";
import type { Liveness } from "./liveness.ts";
import { LOCK_WAIT_MS, Locks } from "./lock.ts";
import { DiskMailbox } from "./mailbox.ts";
import { DiskOwnership, DiskSessionLeases } from "./ownership.ts";
import { DiskRunStore } from "./run-store.ts";
import { DiskStatusBoard, type StatusWriter } from "./status-board.ts";
import { DiskSubagentLedgers } from "./subagent-ledgers.ts";
import { DiskTaskStore } from "./task-store.ts";
import { Tenures } from "./tenures.ts";

export interface StorageOptions {
  /** Absolute. Made when the first run is created, not before. */
  readonly baseDir: string;
  readonly liveness: Liveness;
  readonly report?: (report: StorageReport) => void;
  /** For tests that let the process die at a chosen write. */
  readonly step?: Step;
  readonly lockWaitMs?: number;
  /** What status files say about the process that writes them. */
  readonly writer?: Omit<StatusWriter, "self">;
}

export interface Storage {
  readonly runs: RunStore;
  readonly mailbox: Mailbox;
  readonly tasks: TaskStore;
  readonly ownership: Ownership;
  readonly leases: SessionLeases;
  readonly board: StatusBoard;
}

/** A writer that listens nowhere and knows of no other process. */
const NOBODY: Omit<StatusWriter, "self"> = { address: () => undefined, leftBy: async () => [] };

/** The stores of one base folder. One a process: its locks line callers up before they line processes up. */
export function openStorage(options: StorageOptions): Storage {
  const report = options.report ?? (() => undefined);
  const disk = new Disk(options.baseDir, options.step ?? (() => undefined), report);
  const layout = new Layout(options.baseDir);
  const claims = new Claims(disk, options.liveness);
  const tenures = new Tenures(claims);
  const mailbox = new DiskMailbox(disk, layout, report);
  const tasks = new DiskTaskStore(disk, layout, report);
  const locks = new Locks(claims, options.lockWaitMs ?? LOCK_WAIT_MS);
  const board = new DiskStatusBoard(disk, layout, {
    ...NOBODY,
    ...options.writer,
    self: options.liveness.self,
  });
  const runs = new DiskRunStore(disk, layout, locks, (runFolder) => {
    mailbox.forget(runFolder);
    tasks.forget(runFolder);
    board.forget(basename(runFolder));
  });
  return {
    runs,
    mailbox,
    tasks,
    ownership: new DiskOwnership(tenures, layout),
    leases: new DiskSessionLeases(tenures, layout, disk),
    board,
  };
}

/** What is known of subagents below one base folder. One a process, as {@link openStorage}. */
export function openSubagents(options: StorageOptions): SubagentLedgers {
  const report = options.report ?? (() => undefined);
  const disk = new Disk(options.baseDir, options.step ?? (() => undefined), report);
  const locks = new Locks(new Claims(disk, options.liveness), options.lockWaitMs ?? LOCK_WAIT_MS);
  return new DiskSubagentLedgers(disk, new Layout(options.baseDir), locks, report);
}
