import { z } from "zod";
import type { Batch, DeliveryPhase } from "../core/delivery.ts";
import { parseRecord } from "./record.ts";
import { count, instant, oneOf, type Reading, recordOf } from "./shape.ts";
import { veil } from "./veil.ts";

const phase = oneOf<DeliveryPhase>({
  reserved: true,
  posted: true,
  stored: true,
  witnessed: true,
  answered: true,
  acked: true,
  returned: true,
  dead: true,
});

const stored = recordOf<Omit<Batch, "phase"> & { readonly phase: string }>({
  version: z.literal(1),
  batchId: z.string(),
  runId: z.string(),
  recipient: z.string(),
  sessionId: z.string(),
  generation: count,
  messageIds: z.array(z.string()),
  round: count,
  hostMessageId: z.string(),
  hostPartId: z.string(),
  textDigest: z.string(),
  phase: z.string(),
  attempts: count,
  reservedAt: instant,
  absentAt: instant.exactOptional(),
  dueAt: instant,
  heldMs: z.number(),
  held: recordOf<NonNullable<Batch["held"]>>({ since: instant, by: z.string() }).exactOptional(),
  stored: z.boolean(),
  missedBy: z.string().exactOptional(),
  lastError: z.string().exactOptional(),
});

/**
 * `inboxes/<member>/.batch-<batchId>.json`. A phase that this version does not know reads as `posted`: the host is asked
 * what became of it, and nothing is posted again unasked.
 */
const batchSchema: z.ZodType<Batch> = stored.transform((batch): Batch => {
  const known = phase.safeParse(batch.phase);
  return known.success ? { ...batch, phase: known.data } : veil(batch as Batch, { phase: "posted" });
});

export function parseBatch(text: string): Reading<Batch> {
  return parseRecord(batchSchema, text);
}
