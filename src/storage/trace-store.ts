import { join } from "node:path";
import { setImmediate as othersTurn } from "node:timers/promises";
import type { JournalEntry } from "../core/effects.ts";
import type { RunId } from "../core/ids.ts";
import type { ExportNote } from "../core/trace/export-note.ts";
import type { TraceStore } from "../ports.ts";
import { parseExportNote } from "../records/export-note.ts";
import { parseJournalEntry } from "../records/journal.ts";
import { Disk } from "./disk.ts";
import { Layout } from "./layout.ts";

/** What is read of a journal at a time: some milliseconds' worth, in which the host does nothing else. */
export const PIECE_BYTES: number = 256 * 1024;

/** A run's journal as its trace is read from it, and `telemetry.json` beside it, wherever the run lies now. */
class DiskTraceStore implements TraceStore {
  readonly #disk: Disk;
  readonly #places: readonly Layout[];

  constructor(disk: Disk, base: string) {
    this.#disk = disk;
    this.#places = [new Layout(base), new Layout(base, "archive")];
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
      const text = await this.#disk.read(noteOf(layout, runId));
      const reading = text === undefined ? undefined : parseExportNote(text);
      if (reading?.ok) return reading.value;
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
