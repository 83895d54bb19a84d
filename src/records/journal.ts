import { z } from "zod";
import type { JournalEntry } from "../core/effects.ts";
import { parseTimeless } from "./record.ts";
import { count, instant, type Reading } from "./shape.ts";

/** A line of `journal.jsonl`: the fields that order it, and whatever the event has to say. */
export const journalEntrySchema: z.ZodType<JournalEntry> = z.looseObject({
  revision: count,
  index: count,
  at: instant,
  event: z.string(),
});

/** Of any version: an event that this one does not know is shown as it stands. */
export function parseJournalEntry(line: string): Reading<JournalEntry> {
  return parseTimeless(journalEntrySchema, line);
}
