import { join } from "node:path";
import { setImmediate as othersTurn } from "node:timers/promises";
import type { JournalEntry } from "../core/effects.ts";
import type { Instant, RunId } from "../core/ids.ts";
import type { ExportNote } from "../core/trace/export-note.ts";
import type { TraceStore } from "../ports.ts";
import { parseExportNote } from "../records/export-note.ts";
import { parseJournalEntry } from "../records/journal.ts";
import { Disk } from "./disk.ts";
import { isId, Layout } from "./layout.ts";

/** What is read of a journal at a time: some milliseconds' worth, in which the host does nothing else. */
export const PIECE_BYTES: number = 256 * 1024;

/** A run's journal as its trace is read from it, and `telemetry.json` beside it, wherever the run lies now. */
class DiskTraceStore implements TraceStore {
  readonly #disk: Disk;
  readonly #archive: Layout;
  readonly #places: readonly Layout[];

  constructor(disk: Disk, base: string) {
    this.#disk = disk;
    this.#archive = new Layout(base, "archive");
    this.#places = [new Layout(base), this.#archive];
  }

  async read(
    runId: RunId,
    from: number,
  ): Promise<{ readonly entries: readonly JournalEntry[]; readonly next: number }> {
    for (const layout of this.#places) {
      const bytes = await this.#piece(layout.journal(runId), from);
      if (!bytes) continue;
      const end = bytes.lastIndexOf("\n") + 1;
      const lines = bytes.toString("utf8", 0, end).split("\n");
      const entries = lines.flatMap((line) => {
        const reading = line === "" ? undefined : parseJournalEntry(line);
        return reading?.ok ? [reading.value] : [];
      });
      return { entries, next: from + end };
    }
    return { entries: [], next: from };
  }

  /** As much as that, or more where a line is longer. */
  async #piece(path: string, from: number, most: number = PIECE_BYTES): Promise<Buffer | undefined> {
    await othersTurn();
    const piece = await this.#disk.readFrom(path, from, most);
    return piece?.length === most && !piece.includes("\n") ? this.#piece(path, from, 2 * most) : piece;
  }

  async note(runId: RunId): Promise<ExportNote | undefined> {
    for (const layout of this.#places) {
      const note = await this.#noteIn(layout, runId);
      if (note) return note;
    }
    return undefined;
  }

  async keep(runId: RunId, note: ExportNote): Promise<void> {
    for (const layout of this.#places) {
      if (!(await this.#disk.exists(layout.run(runId)))) continue;
      // What a crash of the machine takes of it is exported again, under the same ids.
      await this.#disk.replaceUnsynced(noteOf(layout, runId), `${JSON.stringify(note, null, 2)}\n`);
      return;
    }
  }

  /**
   * A folder's time is moved by a note that is written into it, so it is the journal's that counts: its last line is that of
   * the closing. An export that fails for ever must not keep a run in the archive for ever.
   */
  async unfinished(since: Instant): Promise<readonly RunId[]> {
    const found: { readonly runId: RunId; readonly closedAt: number }[] = [];
    for (const runId of (await this.#disk.names(this.#archive.archive)).filter(isId)) {
      const note = await this.#noteIn(this.#archive, runId);
      if (!note || note.isComplete) continue;
      const closedAt = Number((await this.#disk.stat(this.#archive.journal(runId)))?.mtimeMs ?? 0);
      if (closedAt >= since) found.push({ runId, closedAt });
    }
    return found.toSorted((one, other) => other.closedAt - one.closedAt).map(({ runId }) => runId);
  }

  async #noteIn(layout: Layout, runId: RunId): Promise<ExportNote | undefined> {
    const text = await this.#disk.read(noteOf(layout, runId));
    const reading = text === undefined ? undefined : parseExportNote(text);
    return reading?.ok ? reading.value : undefined;
  }
}

function noteOf(layout: Layout, runId: RunId): string {
  return join(layout.run(runId), "telemetry.json");
}

export function openTraces(baseDir: string): TraceStore {
  return new DiskTraceStore(
    new Disk(
      baseDir,
      () => undefined,
      () => undefined,
    ),
    baseDir,
  );
}
