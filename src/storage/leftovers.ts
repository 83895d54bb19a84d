import { basename, dirname, join } from "node:path";
import type { Instant, RunId } from "../core/ids.ts";
import { parseClaim } from "../records/claim.ts";
import { Disk } from "./disk.ts";
import { isId, Layout, lockIn } from "./layout.ts";
import type { Liveness } from "./liveness.ts";
import { openStorage } from "./open.ts";
import { isExpired } from "./run-store.ts";

/** Something that nobody needs any more. */
export interface Leftover {
  /** A run that is over for long enough; a file in the making, or a lock, of a process that is gone. */
  readonly kind: "archived_run" | "temporary" | "lock";
  readonly path: string;
  readonly since: Instant;
}

/**
 * What crashes and time leave in a base folder. Only what is surely ours and surely over is found, and nothing in a run whose
 * owner lives; each is looked at once more before it goes.
 */
export class Leftovers {
  readonly #options: { readonly baseDir: string; readonly liveness: Liveness };
  readonly #disk: Disk;
  readonly #layout: Layout;

  constructor(options: { readonly baseDir: string; readonly liveness: Liveness }) {
    this.#options = options;
    this.#disk = new Disk(
      options.baseDir,
      () => undefined,
      () => undefined,
    );
    this.#layout = new Layout(options.baseDir);
  }

  /** @param before runs that were archived earlier than that have been kept for long enough. */
  async list(before: Instant): Promise<readonly Leftover[]> {
    const { runs, archive, subagents } = this.#layout;
    const found: Leftover[] = [];
    for (const runId of await this.#ids(archive)) {
      if (await isExpired(this.#disk, this.#layout, runId, before)) {
        found.push(await this.#leftover("archived_run", this.#layout.archived(runId)));
      }
    }
    for (const folder of [runs, archive, subagents]) found.push(...(await this.#temporaries(folder)));
    for (const runId of await this.#ids(runs)) {
      if (!(await this.#isAlive(this.#layout.owner(runId)))) found.push(...(await this.#inRun(runId)));
    }
    return found;
  }

  /** Removes one of them, unless it is not one any more. */
  async remove({ kind, path }: Leftover, before: Instant): Promise<void> {
    const { runs } = openStorage(this.#options);
    if (kind === "archived_run") await runs.sweepArchive(before);
    else if (kind === "temporary") await this.#disk.sweep(dirname(path), [basename(path)]);
    // Whoever takes a dead one's lock inherits it, and lets it go like any other.
    else await runs.exclusively(basename(dirname(path)), async () => undefined);
  }

  async #ids(folder: string): Promise<readonly RunId[]> {
    return (await this.#disk.names(folder)).filter(isId).toSorted();
  }

  async #inRun(runId: RunId): Promise<readonly Leftover[]> {
    const folder = this.#layout.run(runId);
    const inboxes = this.#layout.inboxes(runId);
    const folders = [
      folder,
      this.#layout.tasks(runId),
      this.#layout.sessions(runId),
      this.#layout.statusFolder(runId),
    ];
    for (const name of await this.#disk.names(inboxes)) {
      const inbox = join(inboxes, name);
      folders.push(inbox, join(inbox, "processed"), join(inbox, "dead"));
    }
    const found: Leftover[] = [];
    for (const one of folders) found.push(...(await this.#temporaries(one)));
    const lock = lockIn(folder);
    const isDead = (await this.#disk.exists(lock)) && !(await this.#isAlive(lock));
    return isDead ? [...found, await this.#leftover("lock", lock)] : found;
  }

  async #temporaries(folder: string): Promise<readonly Leftover[]> {
    const names = await this.#disk.leftBehind(folder, await this.#disk.names(folder));
    return Promise.all(names.map((name) => this.#leftover("temporary", join(folder, name))));
  }

  async #leftover(kind: Leftover["kind"], path: string): Promise<Leftover> {
    return { kind, path, since: Number((await this.#disk.statLink(path))?.mtimeMs ?? 0) };
  }

  async #isAlive(path: string): Promise<boolean> {
    const reading = parseClaim((await this.#disk.read(path)) ?? "");
    return reading.ok && this.#options.liveness.isAlive(reading.value);
  }
}
