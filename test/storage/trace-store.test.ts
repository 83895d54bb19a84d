import { describe, expect, test } from "bun:test";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { JournalEntry } from "../../src/core/effects.ts";
import type { ExportNote } from "../../src/core/trace/export-note.ts";
import { openTraces, PIECE_BYTES } from "../../src/storage/trace-store.ts";
import { line, RUN } from "../contract/samples.ts";
import { scratch } from "../support/scratch.ts";

const NOTE: ExportNote = { version: 1, revision: 3, index: 0, exported: 7, rejected: 0 };

/** A base folder with runs of which nothing but their journal lies there. */
async function ground() {
  const folder = await scratch("traces");
  return {
    traces: openTraces(folder.path),
    async run(runId: string, closedAt: number, shelf = "archive"): Promise<void> {
      const path = join(folder.path, shelf, runId);
      await mkdir(path, { recursive: true });
      const journal = join(path, "journal.jsonl");
      await writeFile(journal, `{"revision":1,"index":0,"at":5,"event":"run_closed"}\n{"revision":2,"ind`);
      await utimes(journal, closedAt / 1_000, closedAt / 1_000);
    },
    [Symbol.asyncDispose]: () => folder.remove(),
  };
}

describe("traces on disk", () => {
  test("are whole lines of a run's journal, wherever it lies, and a note beside it", async () => {
    await using on = await ground();
    await on.run("run_live", 0, "runs");
    await on.run("run_over", 0);
    for (const runId of ["run_live", "run_over"]) {
      const { entries, next } = await on.traces.read(runId, 0);
      expect(entries.map(({ event }) => event)).toEqual(["run_closed"]);
      expect((await on.traces.read(runId, next)).entries).toEqual([]);
      expect(await on.traces.note(runId)).toBeUndefined();
      await on.traces.keep(runId, NOTE);
      expect(await on.traces.note(runId)).toEqual(NOTE);
    }
    await on.traces.keep("run_gone", NOTE);
    expect(await on.traces.note("run_gone")).toBeUndefined();
  });

  test("are unfinished if the run is closed, not too long ago, and not all of it exported that was to be", async () => {
    await using on = await ground();
    const day = 86_400_000;
    for (const [runId, closedAt, note] of [
      ["run_first", 9 * day, NOTE],
      ["run_last", 10 * day, NOTE],
      ["run_old", 7 * day, NOTE],
      ["run_told", 9 * day, { ...NOTE, isComplete: true }],
      ["run_untraced", 9 * day, undefined],
    ] as const) {
      await on.run(runId, closedAt);
      if (note) await on.traces.keep(runId, note);
    }
    await on.run("run_live", 9 * day, "runs");
    await on.traces.keep("run_live", NOTE);
    expect(await on.traces.unfinished(8 * day)).toEqual(["run_last", "run_first"]);
    expect(await on.traces.note("run_told")).toEqual({ ...NOTE, isComplete: true });
  });

  test("are none where nothing was ever archived", async () => {
    await using on = await ground();
    expect(await on.traces.unfinished(0)).toEqual([]);
  });

  test("a journal is read in pieces of whole lines, a line longer than a piece as one", async () => {
    await using folder = await scratch("trace-store");
    const long = { ...line(2), tools: "x".repeat(PIECE_BYTES + 1) };
    const entries = [line(1), long, ...Array.from({ length: 5_000 }, (_, index) => line(3 + index))];
    mkdirSync(folder.at("runs", RUN), { recursive: true });
    const path = folder.at("runs", RUN, "journal.jsonl");
    writeFileSync(path, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
    appendFileSync(path, '{"revision":9999,');
    const traces = openTraces(folder.path);
    const found: JournalEntry[] = [];
    let pieces = 0;
    for (let from = 0; ; pieces += 1) {
      const { entries: some, next } = await traces.read(RUN, from);
      if (next === from) break;
      from = next;
      found.push(...some);
    }
    expect(found).toEqual(entries);
    expect(pieces).toBeGreaterThan(2);
  });
});
