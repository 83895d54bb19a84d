import { z } from "zod";
import type { Message, Reference } from "../core/message.ts";
import { parseRecord } from "./record.ts";
import { count, instant, openWord, type Reading, recordOf } from "./shape.ts";

const reference = recordOf<Reference>({ path: z.string(), description: z.string().exactOptional() });

/** `inboxes/<member>/<messageId>.json`. A kind that this version does not know is delivered like any other. */
export const messageSchema: z.ZodType<Message> = recordOf<Message>({
  version: z.literal(1),
  messageId: z.string(),
  runId: z.string(),
  from: z.string(),
  to: z.string(),
  kind: openWord(),
  body: z.string(),
  summary: z.string().exactOptional(),
  references: z.array(reference).exactOptional(),
  correlationId: z.string().exactOptional(),
  createdAt: instant,
  seq: count,
});

export function parseMessage(text: string): Reading<Message> {
  return parseRecord(messageSchema, text);
}
