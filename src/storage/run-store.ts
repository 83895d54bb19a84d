import { join } from "node:path";
import type { JournalEntry } from "../core/effects.ts";
import type { Instant, RunId } from "../core/ids.ts";
import type { RunState } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import type { HeldRun, RunStore } from "../ports.ts";
import { formatRun, parseRun } from "../records/run.ts";
import { type Disk, isTemp } from "./disk.ts";
import { isFault, runNotFound } from "./faults.ts";
import { watchFolder } from "./folder-watch.ts";
import { Journal } from "./journal.ts";
import { isId, isStatusName, type Layout, lockIn } from "./layout.ts";
import type { Held, Locks } from "./lock.ts";
import { Shelf } from "./shelf.ts";

/** Runs as folders below `runs/`, closed ones below `archive/`. */
export class DiskRunStore implements RunStore {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #locks: Locks;
  readonly #states: Shelf<RunState>;
  readonly #journal: Journal;
  readonly #forget: (runFolder: string) => void;
  /** Runs whose leftovers this process has swept. */
  readonly #swept = new Set<RunId>();

  /** @param forget told when a run's folder has moved away, so that nobody keeps its records in memory. */
  constructor(disk: Disk, layout: Layout, locks: Locks, forget: (runFolder: string) => void) {
    this.#forget = forget;
    this.#disk = disk;
    this.#layout = layout;
    this.#locks = locks;
    this.#states = new Shelf(disk, parseRun);
    this.#journal = new Journal(disk);
  }

  /** The folder is filled under a temporary name and appears with its state in it, or not at all. */
  async create(state: RunState): Promise<void> {
    const place = this.#layout.run(state.runId);
    for (const folder of this.#outermost()) await this.#disk.makeFolders(folder);
    await this.#tighten();
    await this.#disk.sweep(this.#layout.runs, await this.#disk.names(this.#layout.runs));
    const staged = await this.#disk.makeTempFolder(this.#layout.runs);
    await this.#disk.makeFolder(`${staged}/inboxes`);
    await this.#disk.makeFolder(`${staged}/tasks`);
    await this.#disk.replace(`${staged}/state.json`, formatRun(state));
    if (await this.#disk.moveFolder(staged, place)) {
      await this.#disk.syncFolder(this.#layout.runs);
      return;
    }
    await this.#disk.discardFolder(staged);
    throw new FlotillaError({
      code: "storage_failed",
      message: `run ${state.runId} exists already`,
      hint: "Create the run under another id.",
      details: { runId: state.runId },
    });
  }

  async exclusively<T>(runId: RunId, work: (run: HeldRun) => Promise<T>): Promise<T> {
    const folder = this.#layout.run(runId);
    const held = await this.#hold(runId);
    const run = new HeldDiskRun(this.#disk, this.#layout, this.#states, this.#journal, runId);
    try {
      await this.#sweepOnce(runId, folder);
      return await work(run);
    } finally {
      run.close();
      await held.release();
    }
  }

  async read(runId: RunId): Promise<RunState | undefined> {
    return this.#states.read(this.#layout.state(runId));
  }

  watch(runId: RunId, changed: () => void): () => void {
    return watchFolder(this.#layout.run(runId), changed, (name) => isTemp(name) || isStatusName(name));
  }

  async list(): Promise<readonly RunId[]> {
    return (await this.#disk.names(this.#layout.runs)).filter(isId).toSorted();
  }

  /** Takes the run's lock: not to be called from within {@link exclusively} of the same run. */
  async archive(runId: RunId): Promise<void> {
    const from = this.#layout.run(runId);
    const to = this.#layout.archived(runId);
    if (!(await this.#disk.exists(from))) return;
    await this.#disk.makeFolders(this.#layout.archive);
    const held = await this.#hold(runId);
    let lockFolder = from;
    try {
      if (!(await this.#disk.moveFolder(from, to))) {
        throw new FlotillaError({
          code: "storage_failed",
          message: `run ${runId} cannot be archived: ${to} exists already`,
          hint: "Move that folder away, then delete the team again.",
          details: { runId, path: to },
        });
      }
      lockFolder = to;
      await this.#disk.syncFolder(this.#layout.archive);
      await this.#disk.syncFolder(this.#layout.runs);
    } finally {
      await held.release(lockIn(lockFolder));
    }
    this.#states.forget(from);
    this.#journal.forget(this.#layout.journal(runId));
    this.#swept.delete(runId);
    this.#forget(from);
  }

  /**
   * A folder's time is that of its archiving: the last that changed in it was the removal of its lock. So a young one costs
   * a look at its name and time. An old one is removed only if it is what its name says, and goes under a temporary name
   * first: what a crash leaves of it is swept like any other leftover.
   */
  async sweepArchive(before: Instant): Promise<readonly RunId[]> {
    const names = await this.#disk.names(this.#layout.archive);
    await this.#disk.sweep(this.#layout.archive, names);
    const swept: RunId[] = [];
    for (const runId of names.filter(isId)) {
      if (!(await isExpired(this.#disk, this.#layout, runId, before))) continue;
      await this.#disk.removeFolder(this.#layout.archived(runId));
      swept.push(runId);
    }
    return swept;
  }

  async #hold(runId: RunId): Promise<Held> {
    try {
      return await this.#locks.acquire(lockIn(this.#layout.run(runId)));
    } catch (error) {
      throw isFault(error, "ENOENT") ? runNotFound(runId, error) : error;
    }
  }

  /** Folders behind whose permissions everything of ours lies. */
  #outermost(): readonly string[] {
    return [this.#layout.runs, this.#layout.archive];
  }

  async #tighten(): Promise<void> {
    for (const folder of this.#outermost()) await this.#disk.tighten(folder);
  }

  async #sweepOnce(runId: RunId, folder: string): Promise<void> {
    if (this.#swept.has(runId)) return;
    this.#swept.add(runId);
    await this.#tighten();
    for (const swept of [folder, this.#layout.tasks(runId)]) {
      await this.#disk.sweep(swept, await this.#disk.names(swept));
    }
  }
}

/** Whether it is an archived run, and was archived before that. */
export async function isExpired(disk: Disk, layout: Layout, runId: RunId, before: Instant): Promise<boolean> {
  const folder = layout.archived(runId);
  const found = await disk.statLink(folder);
  if (!found?.isDirectory() || Number(found.mtimeMs) >= before) return false;
  const reading = parseRun((await disk.read(join(folder, "state.json"))) ?? "");
  return reading.ok && reading.value.runId === runId;
}

class HeldDiskRun implements HeldRun {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #states: Shelf<RunState>;
  readonly #journal: Journal;
  readonly #runId: RunId;
  #open = true;

  constructor(disk: Disk, layout: Layout, states: Shelf<RunState>, journal: Journal, runId: RunId) {
    this.#disk = disk;
    this.#layout = layout;
    this.#states = states;
    this.#journal = journal;
    this.#runId = runId;
  }

  async load(): Promise<RunState> {
    this.#assertOpen();
    const state = await this.#states.read(this.#layout.state(this.#runId));
    if (!state) throw runNotFound(this.#runId);
    return state;
  }

  async commit(state: RunState): Promise<void> {
    this.#assertOpen();
    const path = this.#layout.state(this.#runId);
    this.#states.keep(path, await this.#disk.replace(path, formatRun(state)), state);
  }

  async appendJournal(entries: readonly JournalEntry[]): Promise<void> {
    this.#assertOpen();
    await this.#journal.append(this.#layout.journal(this.#runId), entries);
  }

  close(): void {
    this.#open = false;
  }

  /** What is kept beyond the lock would write over somebody else's commit. */
  #assertOpen(): void {
    if (this.#open) return;
    throw new FlotillaError({
      code: "internal",
      message: `run ${this.#runId} was used after its lock had been let go`,
      hint: "Report this as a defect of opencode-flotilla.",
    });
  }
}
