import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import type { JournalEntry } from "../../src/core/effects.ts";
import { openTraces, PIECE_BYTES } from "../../src/storage/trace-store.ts";
import { line, RUN } from "../contract/samples.ts";
import { scratch } from "../support/scratch.ts";

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
