import { z } from "zod";
import type { ExportNote } from "../core/trace/export-note.ts";
import { parseRecord } from "./record.ts";
import { count, instant, type Reading, recordOf } from "./shape.ts";

const schema = recordOf<ExportNote>({
  version: z.literal(1),
  revision: z.int(),
  index: z.int(),
  exported: count,
  isComplete: z.literal(true).exactOptional(),
  rejected: count,
  lastFault: recordOf<NonNullable<ExportNote["lastFault"]>>({
    code: z.number().exactOptional(),
    message: z.string(),
    at: instant,
  }).exactOptional(),
});

/** `telemetry.json`. */
export function parseExportNote(text: string): Reading<ExportNote> {
  return parseRecord(schema, text);
}
