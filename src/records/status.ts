import { z } from "zod";
import type {
  Budget,
  LeftRunning,
  OpenGate,
  ParticipantSurvey,
  RunningTool,
  RunSurvey,
} from "../core/survey.ts";
import { formatRecord, parseRecord } from "./record.ts";
import { memberStatus, runStatus } from "./run.ts";
import { count, instant, openWord, type Reading, recordOf } from "./shape.ts";
import { taskCounts } from "./task.ts";

/**
 * Who wrote a status file, and as its how-manieth. What a file says holds while that process lives: whoever reads it looks
 * for the process (`docs/status.md`).
 */
export interface StatusStamp {
  readonly version: 1;
  /** Rises with every writing, through all processes that write it. */
  readonly sequence: number;
  readonly writtenAt: number;
  readonly pid: number;
  /** When the process started, `<how it was asked>:<what was answered>`; `proc:` is field 22 of `/proc/<pid>/stat`. */
  readonly startTime: string;
  readonly bootId: string;
  /** Where its server listens, if it does. */
  readonly serverUrl?: string;
}

/** `status/<participant>.json` */
export interface ParticipantStatus extends StatusStamp, ParticipantSurvey {
  readonly runId: string;
  readonly team: string;
  readonly label?: string;
}

/** `status.json` */
export interface TeamStatus extends StatusStamp, RunSurvey {}

const stamp = {
  version: z.literal(1),
  sequence: count,
  writtenAt: instant,
  pid: z.int().min(1),
  startTime: z.string(),
  bootId: z.string(),
  serverUrl: z.string().exactOptional(),
};

const participant = {
  participant: z.string(),
  generation: count,
  agent: z.string().exactOptional(),
  model: z.string().exactOptional(),
  sessionId: z.string().exactOptional(),
  directory: z.string(),
  pane: z.string().exactOptional(),
  status: memberStatus,
  reason: openWord<NonNullable<ParticipantSurvey["reason"]>>().exactOptional(),
  since: instant,
  tool: recordOf<RunningTool>({ name: z.string(), startedAt: instant }).exactOptional(),
  retry: recordOf<NonNullable<ParticipantSurvey["retry"]>>({
    attempt: count,
    nextAt: instant,
  }).exactOptional(),
  gates: z.array(
    recordOf<OpenGate>({
      kind: openWord<OpenGate["kind"]>(),
      requestId: z.string(),
      subject: z.string().exactOptional(),
      since: instant,
    }),
  ),
  unread: count,
  hold: openWord<NonNullable<ParticipantSurvey["hold"]>>().exactOptional(),
  attempts: count.exactOptional(),
  dead: count.exactOptional(),
  lastActivityAt: instant,
  turns: count,
  tokens: z.number(),
  cost: z.number(),
  tasks: z.array(z.int().min(1)),
  shutdown: openWord<NonNullable<ParticipantSurvey["shutdown"]>>().exactOptional(),
};

const survey = recordOf<ParticipantSurvey>(participant);

export const participantStatusSchema: z.ZodType<ParticipantStatus> = recordOf<ParticipantStatus>({
  ...stamp,
  runId: z.string(),
  team: z.string(),
  label: z.string().exactOptional(),
  ...participant,
});

export const teamStatusSchema: z.ZodType<TeamStatus> = recordOf<TeamStatus>({
  ...stamp,
  runId: z.string(),
  team: z.string(),
  label: z.string().exactOptional(),
  directory: z.string(),
  createdAt: instant,
  runStatus,
  status: memberStatus,
  reason: openWord<NonNullable<RunSurvey["reason"]>>().exactOptional(),
  since: instant,
  attention: z.array(z.string()),
  lead: survey,
  members: z.array(survey),
  tasks: taskCounts,
  budgets: z.record(z.string(), recordOf<Budget>({ used: z.number(), limit: z.number(), left: z.number() })),
  endsAt: instant,
  spent: z.array(z.string()),
  stuck: z.string().exactOptional(),
  leftRunning: z
    .array(recordOf<LeftRunning>({ pid: z.int().min(1), program: z.string(), directory: z.string() }))
    .exactOptional(),
});

export function parseTeamStatus(text: string): Reading<TeamStatus> {
  return parseRecord(teamStatusSchema, text);
}

export function parseParticipantStatus(text: string): Reading<ParticipantStatus> {
  return parseRecord(participantStatusSchema, text);
}

export function formatStatus(status: ParticipantStatus | TeamStatus): string {
  return formatRecord(status);
}
