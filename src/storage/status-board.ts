import type { Instant, RunId } from "../core/ids.ts";
import { statusLine } from "../core/status-line.ts";
import type { LeftRunning, ParticipantSurvey, RunSurvey } from "../core/survey.ts";
import type { ShownBefore, StatusBoard } from "../ports.ts";
import {
  formatStatus,
  type ParticipantStatus,
  parseTeamStatus,
  type StatusStamp,
  type TeamStatus,
} from "../records/status.ts";
import type { Disk } from "./disk.ts";
import { isFault, runNotFound } from "./faults.ts";
import type { Layout } from "./layout.ts";
import type { ProcessIdentity } from "./liveness.ts";

export interface StatusWriter {
  readonly self: ProcessIdentity;
  /** Where the server of this process listens, if it does. */
  address(): string | undefined;
  /** What a process that is gone has started and that still runs; nothing of one that lives. */
  leftBy(identity: ProcessIdentity): Promise<readonly LeftRunning[]>;
}

/** What this process has written of a run. */
interface Written {
  sequence: number;
  /** By path, without the stamp: what is as it was is not written again. */
  readonly texts: Map<string, string>;
}

/**
 * Status files. Each appears whole, by a rename; none is synced, as none is of use after the machine's crash. Their order is
 * in `sequence`, which goes on where the writer before left off. Only the run's owner may write: nobody here looks.
 */
export class DiskStatusBoard implements StatusBoard {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #writer: StatusWriter;
  readonly #written = new Map<RunId, Written>();

  constructor(disk: Disk, layout: Layout, writer: StatusWriter) {
    this.#disk = disk;
    this.#layout = layout;
    this.#writer = writer;
  }

  async shown(runId: RunId): Promise<ShownBefore | undefined> {
    // Whoever asks is about to write: others may have written since this process did.
    this.#written.delete(runId);
    const last = await this.#read(runId);
    return last && { survey: last, leftRunning: await this.#writer.leftBy(last) };
  }

  async show(survey: RunSurvey): Promise<void> {
    const { runId, team, label, lead, members } = survey;
    const written = await this.#open(runId);
    // First, with all that the others say: a crash in between leaves no higher number than the one that is read back.
    const stamp = this.#stamp(written.sequence + 1);
    if (!(await this.#put(written, this.#layout.status(runId), survey, { ...stamp, ...survey }))) return;
    written.sequence += 1;
    const whose = { runId, team, ...(label === undefined ? {} : { label }) };
    for (const one of [lead, ...members]) {
      const path = this.#layout.statusOf(runId, one.participant);
      if (isGone(one)) await this.#remove(written, path);
      else await this.#put(written, path, one, { ...stamp, ...whose, ...one });
    }
    await this.#disk.replaceUnsynced(this.#layout.statusLine(runId), `${statusLine(survey)}\n`);
  }

  async shownAt(runId: RunId): Promise<Instant | undefined> {
    const stats = await this.#disk.stat(this.#layout.status(runId));
    return stats && Number(stats.mtimeMs);
  }

  /** The run's folder is gone. */
  forget(runId: RunId): void {
    this.#written.delete(runId);
  }

  async clear(runId: RunId): Promise<void> {
    this.#written.delete(runId);
    await this.#disk.removeFolder(this.#layout.statusFolder(runId));
    await this.#disk.remove(this.#layout.statusLine(runId));
    await this.#disk.remove(this.#layout.status(runId));
  }

  /** Goes on where the writer before has left off. */
  async #open(runId: RunId): Promise<Written> {
    const known = this.#written.get(runId);
    if (known) return known;
    const folder = this.#layout.statusFolder(runId);
    try {
      await this.#disk.makeFolderUnsynced(folder);
    } catch (error) {
      throw isFault(error, "ENOENT") ? runNotFound(runId, error) : error;
    }
    await this.#disk.sweep(folder, await this.#disk.names(folder));
    const written: Written = { sequence: (await this.#read(runId))?.sequence ?? 0, texts: new Map() };
    this.#written.set(runId, written);
    return written;
  }

  async #read(runId: RunId): Promise<TeamStatus | undefined> {
    const reading = parseTeamStatus((await this.#disk.read(this.#layout.status(runId))) ?? "");
    return reading.ok ? reading.value : undefined;
  }

  /** False if it says so already. */
  async #put(
    { texts }: Written,
    path: string,
    content: object,
    status: ParticipantStatus | TeamStatus,
  ): Promise<boolean> {
    const text = JSON.stringify(content);
    if (texts.get(path) === text) return false;
    await this.#disk.replaceUnsynced(path, formatStatus(status));
    texts.set(path, text);
    return true;
  }

  async #remove({ texts }: Written, path: string): Promise<void> {
    if (texts.get(path) === GONE) return;
    await this.#disk.remove(path);
    texts.set(path, GONE);
  }

  #stamp(sequence: number): StatusStamp {
    const { pid, startTime, bootId } = this.#writer.self;
    const serverUrl = this.#writer.address();
    const stamp = { version: 1, sequence, writtenAt: Date.now(), pid, startTime, bootId } as const;
    return serverUrl === undefined ? stamp : { ...stamp, serverUrl };
  }
}

/** In place of a text: the file was removed. */
const GONE = "";

/** Its session was deleted: what it did there is over, and the run's own file says so. */
function isGone({ status, reason }: ParticipantSurvey): boolean {
  return status === "lost" && reason === "session_deleted";
}
