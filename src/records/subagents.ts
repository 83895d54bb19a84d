import { z } from "zod";
import type { Ending, Remains } from "../core/subagent-ending.ts";
import type { CallNote, ProcessRef, Subagent, SubagentCall, SubagentLedger } from "../core/subagents.ts";
import { parseRecord } from "./record.ts";
import { count, instant, openWord, type Reading, recordOf } from "./shape.ts";

const processRef = recordOf<ProcessRef>({ pid: count, startTime: z.string(), bootId: z.string() });

const subagent = recordOf<Subagent>({
  sessionId: z.string(),
  name: z.string().exactOptional(),
  agent: z.string(),
  label: z.string(),
  status: openWord<Subagent["status"]>(),
  generation: count,
  call: recordOf<SubagentCall>({
    callId: z.string(),
    hostMessageId: z.string().exactOptional(),
    startedAt: instant,
    background: z.boolean(),
  }),
  ending: openWord<Ending>().exactOptional(),
  remains: recordOf<Remains>({ calls: count, files: count, text: z.boolean() }).exactOptional(),
  shells: z.array(processRef),
  usedAt: instant,
});

const ledger = recordOf<SubagentLedger>({
  version: z.literal(1),
  parentId: z.string(),
  directory: z.string().exactOptional(),
  owner: processRef,
  names: z.record(z.string(), count),
  subagents: z.array(subagent),
  notes: z.array(
    recordOf<CallNote>({
      hostMessageId: z.string(),
      callId: z.string(),
      endedAt: instant,
      text: z.string().exactOptional(),
    }),
  ),
  forgottenTo: instant.exactOptional(),
});

/** `subagents/<parent session>.json`. */
export function parseSubagents(text: string): Reading<SubagentLedger> {
  return parseRecord(ledger, text);
}
