import { setImmediate } from "node:timers/promises";
import type { RunId, TaskId } from "../core/ids.ts";
import type { Task } from "../core/task.ts";
import { FlotillaError } from "../errors.ts";
import type { TaskStore } from "../ports.ts";
import { formatRecord } from "../records/record.ts";
import { parseTask } from "../records/task.ts";
import type { Disk } from "./disk.ts";
import { isFault, runNotFound, type StorageReport } from "./faults.ts";
import { type Layout, taskIdOf } from "./layout.ts";
import { setAside } from "./set-aside.ts";
import { Shelf } from "./shelf.ts";

/** Files that are looked at in one turn of the host's event loop when all tasks are listed: about a millisecond. */
const LIST_WIDTH = 100;

/** One file a task, found by its number. */
export class DiskTaskStore implements TaskStore {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #report: (report: StorageReport) => void;
  readonly #tasks: Shelf<Task>;

  constructor(disk: Disk, layout: Layout, report: (report: StorageReport) => void) {
    this.#disk = disk;
    this.#layout = layout;
    this.#report = report;
    this.#tasks = new Shelf(disk, parseTask);
  }

  async write(runId: RunId, task: Task): Promise<void> {
    const path = this.#layout.task(runId, task.taskId);
    const there = await this.#read(path);
    // Whoever wrote it may have died before its name was safe; the answer says that it is.
    if (there && there.revision >= task.revision) return this.#disk.syncFolder(this.#layout.tasks(runId));
    try {
      this.#tasks.keep(path, await this.#disk.replace(path, formatRecord(task)), task);
    } catch (error) {
      throw isFault(error, "ENOENT") ? runNotFound(runId, error) : error;
    }
  }

  async read(runId: RunId, taskId: TaskId): Promise<Task | undefined> {
    return this.#read(this.#layout.task(runId, taskId));
  }

  async list(runId: RunId): Promise<readonly Task[]> {
    const ids = (await this.#disk.names(this.#layout.tasks(runId)))
      .map(taskIdOf)
      .filter((taskId) => taskId !== undefined)
      .toSorted((one, other) => one - other);
    const tasks: Task[] = [];
    for (const [at, taskId] of ids.entries()) {
      if (at > 0 && at % LIST_WIDTH === 0) await setImmediate();
      const task = await this.read(runId, taskId);
      if (task) tasks.push(task);
    }
    return tasks;
  }

  /** Lets go of what is remembered of tasks below a folder. */
  forget(folder: string): void {
    this.#tasks.forget(folder);
  }

  /** A file that makes no sense is set aside: the task is then unknown, the others are not. */
  async #read(path: string): Promise<Task | undefined> {
    try {
      return await this.#tasks.read(path);
    } catch (error) {
      if (!(error instanceof FlotillaError) || error.code !== "record_unreadable") throw error;
      await setAside(this.#disk, this.#report, path, String(error.details["fault"]));
      return undefined;
    }
  }
}
