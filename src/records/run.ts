import { z } from "zod";
import type { Effect } from "../core/effects.ts";
import type { CallId, Gate, HostFault } from "../core/facts.ts";
import type {
  LeadSeat,
  Limits,
  Member,
  MemberPlan,
  MemberStatus,
  ModelChoice,
  RunState,
  RunStatus,
  Shutdown,
  ShutdownStatus,
  SpentBudget,
  TeamIdentity,
  Turn,
  Usage,
} from "../core/run.ts";
import type { ToolName } from "../core/tool-names.ts";
import type { Volley } from "../core/volley.ts";
import type { Worktree, WorktreeEnd } from "../core/worktree.ts";
import { type ForeignEffect, isKnown, outboxEntrySchema, ruleSchema } from "./effect.ts";
import { formatRecord, parseRecord } from "./record.ts";
import { count, instant, oneOf, openWord, type Reading, recordOf } from "./shape.ts";
import { taskCounts } from "./task.ts";
import { veil } from "./veil.ts";

export const runStatus: z.ZodType<RunStatus> = oneOf<RunStatus>({
  creating: true,
  active: true,
  orphaned: true,
  closing: true,
  closed: true,
  failed: true,
});

export const memberStatus: z.ZodType<MemberStatus> = oneOf<MemberStatus>({
  starting: true,
  waiting: true,
  working: true,
  needs_approval: true,
  interrupted: true,
  failed: true,
  lost: true,
  done: true,
});

const shutdownStatus = oneOf<ShutdownStatus>({ none: true, requested: true, approved: true, complete: true });

const memberName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/);
const taskIds = z.array(z.int().min(1));

const model = recordOf<ModelChoice>({
  providerId: z.string(),
  modelId: z.string(),
  variant: z.string().exactOptional(),
});

const gate = recordOf<Gate>({
  kind: openWord(),
  requestId: z.string(),
  sessionId: z.string().exactOptional(),
  subject: z.string(),
  detail: z.string(),
  always: z.array(z.string()).exactOptional(),
  call: recordOf<CallId>({ hostMessageId: z.string(), callId: z.string() }).exactOptional(),
  openedAt: instant,
});

const fault = recordOf<HostFault>({
  name: z.string(),
  message: z.string(),
  statusCode: z.number().exactOptional(),
  retryable: z.boolean().exactOptional(),
});

const turn = recordOf<Turn>({ startedAt: instant, cause: openWord(), reported: z.boolean() });

const limits = recordOf<Limits>({
  maxMembers: count,
  maxParallelMembers: count,
  maxMessages: count,
  maxWallClockMs: z.number(),
  maxMemberTurns: count,
  maxTokens: z.number().exactOptional(),
  maxCost: z.number().exactOptional(),
  messageMaxBytes: count,
  unreadMaxBytes: count,
  pollIntervalMs: z.number(),
});

const team = recordOf<TeamIdentity>({
  name: z.string(),
  description: z.string().exactOptional(),
  source: openWord(),
  leadPrompt: z.string().exactOptional(),
  allowMemberBroadcast: z.boolean(),
});

const lead = recordOf<LeadSeat>({
  sessionId: z.string(),
  directory: z.string(),
  tasks: taskIds,
  gates: z.array(gate),
  turn: turn.exactOptional(),
  turns: count.exactOptional(),
  countedTo: instant.exactOptional(),
  settledStepId: z.string().exactOptional(),
  heldByPerson: z.boolean(),
  deniedTools: z.array(openWord<ToolName>()),
  toolsPending: z.boolean(),
});

const plan = recordOf<MemberPlan>({
  name: memberName,
  kind: openWord(),
  agent: z.string(),
  category: z.string().exactOptional(),
  model: model.exactOptional(),
  prompt: z.string().exactOptional(),
  worktree: z.union([z.boolean(), z.string()]),
  rules: z.array(ruleSchema),
});

const worktree = recordOf<Worktree>({
  repository: z.string(),
  path: z.string(),
  branch: z.string(),
  base: z.string(),
  baseBranch: z.string().exactOptional(),
  mark: z.string(),
  made: z.boolean(),
  end: recordOf<WorktreeEnd>({
    outcome: openWord(),
    reason: z.string().exactOptional(),
    wayOut: z.string().exactOptional(),
  }).exactOptional(),
});

type StoredShutdown = Omit<Shutdown, "status"> & { readonly status: string };
type StoredMember = Omit<Member, "status" | "shutdown"> & {
  readonly status: string;
  readonly shutdown: StoredShutdown;
};

const storedMember = recordOf<StoredMember>({
  plan,
  generation: count,
  sessionId: z.string().exactOptional(),
  directory: z.string().exactOptional(),
  peers: z.array(z.string()).exactOptional(),
  worktree: worktree.exactOptional(),
  status: z.string(),
  reason: z.string().exactOptional(),
  since: instant,
  turn: turn.exactOptional(),
  settledStepId: z.string().exactOptional(),
  gates: z.array(gate),
  loops: count.exactOptional(),
  heldByPerson: z.boolean(),
  backoff: recordOf<NonNullable<Member["backoff"]>>({ failures: count, until: instant }).exactOptional(),
  lastFault: fault.exactOptional(),
  shutdown: recordOf<StoredShutdown>({
    status: z.string(),
    requestedBy: z.string().exactOptional(),
    reason: z.string().exactOptional(),
    changedAt: instant,
  }),
  usage: recordOf<Usage>({ turns: count, tokens: z.number(), cost: z.number() }),
  countedTo: instant.exactOptional(),
  tasks: taskIds,
  left: taskIds.exactOptional(),
});

/** A status that this version does not know reads as `lost`, reason `unknown:<word>`: never woken, never written to. */
const member: z.ZodType<Member> = storedMember.transform((stored): Member => {
  const status = memberStatus.safeParse(stored.status);
  const ending = shutdownStatus.safeParse(stored.shutdown.status);
  const known = {
    ...stored,
    shutdown: ending.success
      ? { ...stored.shutdown, status: ending.data }
      : veil(stored.shutdown as Shutdown, { status: "complete" }),
  } as Member;
  if (status.success && ending.success) return known;
  const word = status.success ? stored.shutdown.status : stored.status;
  return veil(known, { status: "lost", reason: `unknown:${word}` });
});

/** A run status that this version does not know makes the run unreadable: it is left to the version that knows it. */
const storedRun = recordOf<
  Omit<RunState, "outbox"> & { readonly outbox: readonly (Effect | ForeignEffect)[] }
>({
  version: z.literal(1),
  revision: count,
  runId: z.string(),
  team,
  label: z.string().exactOptional(),
  status: runStatus,
  reason: z.string().exactOptional(),
  since: instant,
  createdAt: instant,
  limits,
  lead,
  members: z.record(memberName, member),
  messages: count,
  notices: count.exactOptional(),
  tasks: count,
  taskCounts: taskCounts.exactOptional(),
  spent: z.array(openWord<SpentBudget>()),
  quietTold: recordOf<NonNullable<RunState["quietTold"]>>({
    tasks: z.string(),
    to: z.string(),
  }).exactOptional(),
  volleys: z.record(z.string(), recordOf<Volley>({ last: z.string(), count })).exactOptional(),
  outbox: z.array(outboxEntrySchema),
});

/** Effects that only a newer version can perform: out of core's sight, and back in the outbox when the run is written. */
const FOREIGN: unique symbol = Symbol("foreign effects");

const runSchema: z.ZodType<RunState> = storedRun.transform((run): RunState => {
  const outbox = run.outbox.filter(isEffect);
  if (outbox.length === run.outbox.length) return { ...run, outbox };
  return { ...run, outbox, [FOREIGN]: run.outbox.filter((effect) => !isEffect(effect)) } as RunState;
});

export function parseRun(text: string): Reading<RunState> {
  return parseRecord(runSchema, text);
}

export function formatRun(state: RunState): string {
  const foreign = (state as RunState & { readonly [FOREIGN]?: readonly ForeignEffect[] })[FOREIGN];
  return formatRecord(foreign ? { ...state, outbox: [...state.outbox, ...foreign] } : state);
}

function isEffect(effect: Effect | ForeignEffect): effect is Effect {
  return isKnown(effect);
}
