import type { Gate, RetryNotice } from "./facts.ts";
import { goesOn } from "./glance.ts";
import {
  type Instant,
  LEAD,
  type MemberName,
  type Participant,
  type RunId,
  type SessionId,
  type TaskId,
} from "./ids.ts";
import type { HoldReason } from "./policy.ts";
import {
  directoryOf,
  isEnded,
  type Member,
  type MemberStatus,
  type ModelChoice,
  type RunState,
  type RunStatus,
  type Usage,
} from "./run.ts";
import type { TaskCounts } from "./task.ts";

/**
 * How a run stands, for those who look on: the status files hold it, `team_status` and the command tell of it. Every word in
 * it is one of ours, a name or a number: nobody's prompt, no argument of a tool and no text of an error is in it.
 */
export interface RunSurvey {
  readonly runId: RunId;
  readonly team: string;
  readonly label?: string;
  /** The lead's. */
  readonly directory: string;
  readonly createdAt: Instant;
  /** Where the run is in its life. */
  readonly runStatus: RunStatus;
  /** One glance at its members (`core/glance.ts`). */
  readonly status: MemberStatus;
  readonly reason?: "attention" | "stale";
  readonly since: Instant;
  /** Members that have failed, are lost or were interrupted. */
  readonly attention: readonly MemberName[];
  readonly lead: ParticipantSurvey;
  /** In the order in which they joined. */
  readonly members: readonly ParticipantSurvey[];
  readonly tasks: TaskCounts;
  /** What is used of each, and what is left. Of turns, by the member that has had most. */
  readonly budgets: Readonly<Record<string, Budget>>;
  /** When the time of the run is used up. */
  readonly endsAt: Instant;
  /** Budgets that were reached. */
  readonly spent: readonly string[];
  /** Why nothing moves, when members and mail are at rest and work is left. Of tasks once they have rested a moment. */
  readonly stuck?: string;
  /** What the process that died over the run had started, and what still ran when the next one came. */
  readonly leftRunning?: readonly LeftRunning[];
}

/** A process that nobody waits for any more: a shell of a turn that was cut off, as a rule. Nobody ends it but a person. */
export interface LeftRunning {
  readonly pid: number;
  /** The program's name, without its arguments. */
  readonly program: string;
  /** Where it works. */
  readonly directory: string;
}

export interface ParticipantSurvey extends MailSurvey {
  readonly participant: Participant;
  readonly generation: number;
  readonly agent?: string;
  readonly model?: string;
  readonly sessionId?: SessionId;
  readonly directory: string;
  /** The pane that shows it, or `none` and why; absent where nobody wants panes. */
  readonly pane?: string;
  readonly status: MemberStatus;
  readonly reason?: StatusReason;
  readonly since: Instant;
  /** The call that was begun last, of those that run; its own or one of its subagents'. */
  readonly tool?: RunningTool;
  /** The provider has failed, and the host tries again. */
  readonly retry?: { readonly attempt: number; readonly nextAt: Instant };
  /** What waits for a person. */
  readonly gates: readonly OpenGate[];
  /** The newest sign of life of its session. */
  readonly lastActivityAt: Instant;
  readonly turns: number;
  readonly tokens: number;
  readonly cost: number;
  readonly tasks: readonly TaskId[];
  /** Its end is asked for, or agreed. */
  readonly shutdown?: "requested" | "approved";
}

/** How the mail for one participant stands. */
export interface MailSurvey {
  readonly unread: number;
  /** What keeps it from being delivered. */
  readonly hold?: HoldReason;
  /** Attempts so far, where they have failed. */
  readonly attempts?: number;
  /** Messages that were given up. */
  readonly dead?: number;
}

/**
 * Why a participant stands as it does, where its status alone does not say it.
 *
 * - of `needs_approval`: `permission`, `question`; of `starting`: `waking`, mail has gone to it and its turn has not begun;
 * - of `working`: `retry`, the provider has failed and is tried again;
 * - of `waiting` with unread mail: what holds it;
 * - of `interrupted`: `stopped_by_person`, `error`, or `cut_off` without one, as by the end of its process;
 * - of `failed`: `no_session`; of `lost`: `session_deleted`, `unknown_status` of a newer version;
 * - of `done`: `shut_down`, `run_closed`;
 * - of anything that goes on in a run that nobody owns: `stale`, it is as it was then.
 */
export type StatusReason =
  | Gate["kind"]
  | "waking"
  | "retry"
  | "error"
  | "cut_off"
  | "no_session"
  | "session_deleted"
  | "unknown_status"
  | "shut_down"
  | "run_closed"
  | "stale"
  | HoldReason;

export interface RunningTool {
  readonly name: string;
  readonly startedAt: Instant;
}

export interface OpenGate {
  readonly kind: Gate["kind"];
  readonly requestId: string;
  /** The permission's name. A question has none: its words are the model's. */
  readonly subject?: string;
  readonly since: Instant;
}

export interface Budget {
  readonly used: number;
  readonly limit: number;
  readonly left: number;
}

/** What the process that runs a participant's session knows of it beyond what is committed. */
export interface Pulse {
  readonly tool?: RunningTool;
  readonly retry?: RetryNotice;
  readonly lastActivityAt?: Instant;
  /** Mail has gone to it, which is to start a turn. */
  readonly wakingSince?: Instant;
  readonly pane?: string;
  readonly hasSubagentAtWork: boolean;
  /** The turn that stands in the state is a dead process's, and how it ended is not known yet. */
  readonly abandoned: boolean;
}

export function surveyMember(
  state: RunState,
  member: Member,
  pulse: Pulse,
  mail: MailSurvey,
): ParticipantSurvey {
  const { plan, generation, sessionId, usage, tasks, shutdown } = member;
  const status = statusOf(member, pulse);
  const reason =
    state.status === "orphaned" && goesOn(status) ? "stale" : reasonOf(member, status, pulse, mail);
  const { status: ending } = shutdown;
  return {
    participant: plan.name,
    generation,
    agent: plan.agent,
    ...(plan.model === undefined ? {} : { model: modelName(plan.model) }),
    ...(sessionId === undefined ? {} : { sessionId }),
    directory: member.directory ?? directoryOf(state, member),
    ...(pulse.pane === undefined || isEnded(status) ? {} : { pane: pulse.pane }),
    status,
    ...(reason === undefined ? {} : { reason }),
    since: status === "starting" && pulse.wakingSince !== undefined ? pulse.wakingSince : member.since,
    ...lively(status, pulse),
    gates: member.gates.map(openGate),
    ...mail,
    lastActivityAt: pulse.lastActivityAt ?? member.turn?.startedAt ?? member.countedTo ?? member.since,
    ...usage,
    tasks,
    ...(ending === "requested" || ending === "approved" ? { shutdown: ending } : {}),
  };
}

/** The lead is nobody's to fail or to end; what its model calls use is not the run's. */
export function surveyLead(state: RunState, pulse: Pulse, mail: MailSurvey): ParticipantSurvey {
  const { sessionId, directory, gates, turn, heldByPerson, tasks } = state.lead;
  const asked = gates[0];
  const works = (turn !== undefined && !pulse.abandoned) || pulse.hasSubagentAtWork;
  const ownStatus = works ? "working" : "waiting";
  const status = asked ? "needs_approval" : ownStatus;
  const atRest = heldByPerson ? "stopped_by_person" : heldBy(mail);
  const reason = asked?.kind ?? (works ? retrying(pulse) : atRest);
  return {
    participant: LEAD,
    generation: 1,
    sessionId,
    directory,
    status,
    ...(reason === undefined ? {} : { reason }),
    since: asked?.openedAt ?? turn?.startedAt ?? pulse.lastActivityAt ?? state.createdAt,
    ...lively(status, pulse),
    gates: gates.map(openGate),
    ...mail,
    lastActivityAt: pulse.lastActivityAt ?? turn?.startedAt ?? state.createdAt,
    ...NOTHING_USED,
    tasks,
  };
}

const NOTHING_USED: Usage = { turns: 0, tokens: 0, cost: 0 };

function statusOf(
  { status, turn }: Member,
  { abandoned, wakingSince, hasSubagentAtWork }: Pulse,
): MemberStatus {
  if (abandoned && turn) return "interrupted";
  if (status === "waiting" && hasSubagentAtWork) return "working";
  return status === "waiting" && wakingSince !== undefined ? "starting" : status;
}

function reasonOf(
  member: Member,
  status: MemberStatus,
  pulse: Pulse,
  mail: MailSurvey,
): StatusReason | undefined {
  switch (status) {
    case "needs_approval":
      return member.gates[0]?.kind;
    case "working":
      return retrying(pulse);
    case "starting":
      return pulse.wakingSince === undefined ? undefined : "waking";
    case "waiting":
      return heldBy(mail);
    case "interrupted":
      if (member.heldByPerson) return "stopped_by_person";
      return member.lastFault && !pulse.abandoned ? "error" : "cut_off";
    case "failed":
      return "no_session";
    case "lost":
      return member.reason?.startsWith("unknown:") ? "unknown_status" : "session_deleted";
    case "done":
      return member.shutdown.status === "complete" ? "shut_down" : "run_closed";
  }
}

function retrying({ retry }: Pulse): StatusReason | undefined {
  return retry && "retry";
}

function heldBy({ unread, hold }: MailSurvey): StatusReason | undefined {
  return unread > 0 ? hold : undefined;
}

/** What only a session that works can have. */
function lively(status: MemberStatus, { tool, retry }: Pulse): Pick<ParticipantSurvey, "tool" | "retry"> {
  if (status !== "working" && status !== "needs_approval") return {};
  return {
    ...(tool ? { tool } : {}),
    ...(retry ? { retry: { attempt: retry.attempt, nextAt: retry.nextAt } } : {}),
  };
}

function openGate({ kind, requestId, subject, openedAt }: Gate): OpenGate {
  return { kind, requestId, ...(kind === "permission" ? { subject } : {}), since: openedAt };
}

function modelName({ providerId, modelId, variant }: ModelChoice): string {
  return `${providerId}/${modelId}${variant === undefined ? "" : ` (${variant})`}`;
}
