import type { Batch } from "../../src/core/delivery.ts";
import type { JournalEntry } from "../../src/core/effects.ts";
import type { Message } from "../../src/core/message.ts";
import type { Member, RunState } from "../../src/core/run.ts";
import type { Task } from "../../src/core/task.ts";
import { NO_TASKS } from "../../src/core/task.ts";

/** Records that are whole and plain, to be varied by the field that a test is about. */

export const RUN = "run_1";
export const NOON = 1_750_000_000_000;

export function runState(parts: Partial<RunState> = {}): RunState {
  return {
    version: 1,
    revision: 1,
    runId: RUN,
    team: { name: "explorers", source: "inline", allowMemberBroadcast: false },
    status: "active",
    since: NOON,
    createdAt: NOON,
    limits: {
      maxMembers: 8,
      maxParallelMembers: 4,
      maxMessages: 10_000,
      maxWallClockMs: 7_200_000,
      maxMemberTurns: 500,
      messageMaxBytes: 32_768,
      unreadMaxBytes: 262_144,
      pollIntervalMs: 3_000,
    },
    lead: {
      sessionId: "ses_lead",
      directory: "/project",
      tasks: [],
      gates: [],
      heldByPerson: false,
      deniedTools: [],
      toolsPending: false,
    },
    members: { ada: member("ada"), bo: member("bo") },
    messages: 0,
    tasks: 0,
    taskCounts: NO_TASKS,
    spent: [],
    outbox: [],
    ...parts,
  };
}

export function member(name: string, parts: Partial<Member> = {}): Member {
  return {
    plan: {
      name,
      kind: "subagent_type",
      agent: "general",
      worktree: false,
      rules: [{ permission: "question", pattern: "*", action: "deny" }],
    },
    generation: 1,
    sessionId: `ses_${name}`,
    directory: "/project",
    status: "waiting",
    since: NOON,
    gates: [],
    heldByPerson: false,
    shutdown: { status: "none", changedAt: NOON },
    usage: { turns: 0, tokens: 0, cost: 0 },
    tasks: [],
    ...parts,
  };
}

export function message(seq: number, parts: Partial<Message> = {}): Message {
  return {
    version: 1,
    messageId: `mail_${seq}`,
    runId: RUN,
    from: "lead",
    to: "ada",
    kind: "message",
    body: `body of ${seq}`,
    createdAt: NOON + seq,
    seq,
    ...parts,
  };
}

export function batch(messageIds: readonly string[], parts: Partial<Batch> = {}): Batch {
  return {
    version: 1,
    batchId: "batch_1",
    runId: RUN,
    recipient: "ada",
    sessionId: "ses_ada",
    generation: 1,
    messageIds,
    round: 1,
    hostMessageId: "msg_1",
    hostPartId: "prt_1",
    textDigest: "d1",
    phase: "reserved",
    attempts: 0,
    reservedAt: NOON,
    dueAt: NOON,
    heldMs: 0,
    stored: false,
    ...parts,
  };
}

export function task(taskId: number, parts: Partial<Task> = {}): Task {
  return {
    version: 1,
    taskId,
    subject: `task ${taskId}`,
    description: "to be done",
    status: "pending",
    createdBy: "lead",
    blockedBy: [],
    unblocks: [],
    generation: 0,
    createdAt: NOON,
    changedAt: NOON,
    revision: 1,
    ...parts,
  };
}

export function line(revision: number, index = 0): JournalEntry {
  return { revision, index, at: NOON + revision, event: "member_waiting", member: "ada" };
}
