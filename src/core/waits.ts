import type { Batch } from "./delivery.ts";
import type { Gate, HostFault } from "./facts.ts";
import { type Instant, LEAD, type MemberName, type Participant, type Sender, type TaskId } from "./ids.ts";
import type { Message } from "./message.ts";
import { type HoldReason, holdOf, usedOf, workingMembers } from "./policy.ts";
import {
  type BudgetName,
  isLive,
  type Limits,
  type Member,
  type MemberStatus,
  memberOf,
  type RunState,
  type RunStatus,
  turnOf,
} from "./run.ts";
import { budgetIn } from "./spend.ts";
import type { ParticipantSurvey, RunSurvey } from "./survey.ts";
import type { Task, TaskStatus } from "./task.ts";
import { isSettled, openBlockers, type TaskIndex } from "./task-graph.ts";
import { VOLLEY_MAX } from "./volley.ts";

/** What is known of a run to whoever only reads its files. */
export interface Standing {
  readonly state: RunState;
  /** Whether a living process moves the run; `none`: the last one ended in good order. */
  readonly owner: "alive" | "dead" | "none";
  readonly tasks: readonly Task[];
  /** Mail that is not acknowledged, with what it travels in. */
  readonly mail: readonly { readonly message: Message; readonly batch?: Batch }[];
  /** What the owner shows of the run, as long as it lives. */
  readonly shown?: Pick<RunSurvey, "lead" | "members">;
}

/** One answer to "who waits for whom, and for what, since when". */
export type Wait =
  /** All of it, for a process that moves it. */
  | { readonly kind: "owner"; readonly owner: "dead" | "none"; readonly since?: Instant }
  /** For its beginning or its end to be carried out. */
  | { readonly kind: "run"; readonly status: RunStatus; readonly since: Instant }
  | { readonly kind: "approval"; readonly who: Participant; readonly gate: Gate; readonly since: Instant }
  /** A person has stopped its turn, and it waits for a word. */
  | { readonly kind: "stopped"; readonly who: Participant; readonly since?: Instant }
  | {
      readonly kind: "budget";
      readonly budget: BudgetName;
      readonly member?: MemberName;
      readonly limit: keyof Limits;
      readonly used: number;
      readonly allowed: number;
    }
  | {
      readonly kind: "backoff";
      readonly who: MemberName;
      readonly since: Instant;
      readonly until: Instant;
      readonly failures: number;
      readonly fault?: HostFault;
    }
  /** Its turn was cut short, and nothing is on its way that would wake it. */
  | {
      readonly kind: "interrupted";
      readonly who: MemberName;
      readonly since: Instant;
      readonly reason?: string;
    }
  | {
      readonly kind: "slot";
      readonly who: readonly MemberName[];
      readonly since: Instant;
      readonly working: readonly MemberName[];
    }
  | {
      readonly kind: "shutdown";
      readonly who: MemberName;
      readonly status: "requested" | "approved";
      readonly since: Instant;
      readonly by?: Participant;
      readonly reason?: string;
    }
  | { readonly kind: "starting"; readonly who: MemberName; readonly since: Instant }
  /** Mail or tasks are left to a member that takes them no more. */
  | {
      readonly kind: "ended";
      readonly who: MemberName;
      readonly status: MemberStatus;
      readonly since: Instant;
      readonly reason?: string;
    }
  | WaitingMail
  /** Two members that have answered each other too often. */
  | { readonly kind: "circles"; readonly who: readonly Participant[]; readonly count: number }
  /** Tasks that wait for another one, which itself waits for none. */
  | {
      readonly kind: "task";
      readonly taskId: TaskId;
      readonly blocks: readonly TaskId[];
      /** Absent where the record of the task cannot be read. */
      readonly status?: TaskStatus;
      readonly owner?: Participant;
      readonly since?: Instant;
    }
  /** Nobody works, no mail is unread, and there is work. */
  | {
      readonly kind: "quiet";
      readonly open: readonly TaskId[];
      readonly told?: Participant;
    }
  /** For its provider, which has failed and is tried again by the host. */
  | {
      readonly kind: "retry";
      readonly who: Participant;
      readonly attempt: number;
      readonly nextAt: Instant;
    }
  /** For the end of a turn: nothing is in its way. */
  | { readonly kind: "turn"; readonly who: Participant; readonly since: Instant };

export interface WaitingMail {
  readonly kind: "mail";
  readonly to: Participant;
  readonly from: readonly Sender[];
  readonly count: number;
  readonly since: Instant;
  /** What is in its way; absent if nothing is. */
  readonly hold?: HoldReason | "owner";
  /** The host has not taken it so far. */
  readonly trouble?: { readonly attempts: number; readonly error: string; readonly nextAt: Instant };
  /** How many of them have been posted to the reader's session. */
  readonly underway: number;
}

export type WaitKind = Wait["kind"];

/**
 * Everything that anybody in the run waits for, what most depends on first; empty if there is nothing left to wait for. What
 * is only in the memory of the owner is known as far as the owner shows it.
 */
export function waitsOf(standing: Standing, now: Instant): readonly Wait[] {
  const { state, owner } = standing;
  const members = Object.values(state.members);
  const lasting: readonly Wait[] = [
    ...stops(state, members),
    ...budgets(state, now),
    ...ends(standing, members),
    ...circles(state),
  ];
  // Turns and requests have ended with the process that ran them, whatever the files say.
  if (owner !== "alive") {
    return [
      { kind: "owner", owner, ...(owner === "none" ? { since: state.since } : {}) },
      ...lasting,
      ...letters(standing, now),
      ...chains(standing.tasks),
    ];
  }
  const mail = letters(standing, now);
  return [
    ...(state.status === "active"
      ? []
      : [{ kind: "run", status: state.status, since: state.since } as const]),
    ...approvals(state, members),
    ...lasting,
    ...members.flatMap((member) => setback(member, mail, now)),
    ...slots(state, mail),
    ...members.flatMap(shutdown),
    ...members.flatMap(({ plan, status, since }) =>
      status === "starting" ? [{ kind: "starting", who: plan.name, since } as const] : [],
    ),
    ...mail,
    ...chains(standing.tasks),
    ...quiet(standing),
    ...retries(standing),
    ...turns(state),
  ];
}

function approvals(state: RunState, members: readonly Member[]): readonly Wait[] {
  const seats = [
    { who: LEAD, gates: state.lead.gates },
    ...members.filter(isLive).map(({ plan, gates }) => ({ who: plan.name, gates })),
  ];
  return seats.flatMap(({ who, gates }) =>
    gates.map((gate): Wait => ({ kind: "approval", who, gate, since: gate.openedAt })),
  );
}

function stops(state: RunState, members: readonly Member[]): readonly Wait[] {
  const stopped = members.filter((member) => isLive(member) && member.heldByPerson);
  return [
    ...(state.lead.heldByPerson ? [{ kind: "stopped", who: LEAD } as const] : []),
    ...stopped.map(({ plan, since }): Wait => ({ kind: "stopped", who: plan.name, since })),
  ];
}

const LIMITS: Readonly<Record<BudgetName, keyof Limits>> = {
  messages: "maxMessages",
  wall_clock: "maxWallClockMs",
  turns: "maxMemberTurns",
  tokens: "maxTokens",
  cost: "maxCost",
};

function budgets(state: RunState, now: Instant): readonly Wait[] {
  const usage = usedOf(state, now);
  return state.spent.flatMap((key): readonly Wait[] => {
    const { budget, member } = budgetIn(key);
    // One that only a newer version knows.
    if (!Object.hasOwn(LIMITS, budget)) return [];
    const limit = LIMITS[budget];
    const used = (member === undefined ? usage[limit] : memberOf(state, member)?.usage.turns) ?? 0;
    const allowed = state.limits[limit] ?? 0;
    return [{ kind: "budget", budget, limit, used, allowed, ...(member === undefined ? {} : { member }) }];
  });
}

/** A member that has ended holds up only what is still addressed to it. */
function ends({ mail }: Standing, members: readonly Member[]): readonly Wait[] {
  return members
    .filter((member) => !isLive(member) && mail.some(({ message }) => message.to === member.plan.name))
    .map(
      ({ plan, status, since, reason }): Wait => ({
        kind: "ended",
        who: plan.name,
        status,
        since,
        ...(reason === undefined ? {} : { reason }),
      }),
    );
}

function circles({ volleys = {} }: RunState): readonly Wait[] {
  return Object.entries(volleys)
    .filter(([, { count }]) => count >= VOLLEY_MAX)
    .map(([pair, { count }]): Wait => ({ kind: "circles", who: pair.split(" "), count }));
}

/** What an error has left: a wait before the next wake, or nothing that would wake it at all. */
function setback(member: Member, mail: readonly WaitingMail[], now: Instant): readonly Wait[] {
  const { plan, status, since, reason, backoff, lastFault, heldByPerson } = member;
  if (!isLive(member) || heldByPerson) return [];
  const who = plan.name;
  const isWritten = mail.some(({ to }) => to === who);
  if (backoff && backoff.until > now && isWritten) {
    const { until, failures } = backoff;
    return [
      {
        kind: "backoff",
        who,
        since,
        until,
        failures,
        ...(lastFault === undefined ? {} : { fault: lastFault }),
      },
    ];
  }
  if (status !== "interrupted" || isWritten) return [];
  return [{ kind: "interrupted", who, since, ...(reason === undefined ? {} : { reason }) }];
}

function slots(state: RunState, mail: readonly WaitingMail[]): readonly Wait[] {
  const waiting = mail.filter(({ hold }) => hold === "slot");
  if (waiting.length === 0) return [];
  const working = Object.values(state.members).filter(({ status }) => status === "working");
  return [
    {
      kind: "slot",
      who: waiting.map(({ to }) => to),
      since: Math.min(...waiting.map(({ since }) => since)),
      working: working.map(({ plan }) => plan.name),
    },
  ];
}

function shutdown(member: Member): readonly Wait[] {
  const { status, changedAt, requestedBy, reason } = member.shutdown;
  if (!isLive(member) || (status !== "requested" && status !== "approved")) return [];
  return [
    {
      kind: "shutdown",
      who: member.plan.name,
      status,
      since: changedAt,
      ...(requestedBy === undefined ? {} : { by: requestedBy }),
      ...(reason === undefined ? {} : { reason }),
    },
  ];
}

/** Unread mail by reader, in the order in which the oldest was written. */
function letters({ state, owner, mail, shown }: Standing, now: Instant): readonly WaitingMail[] {
  const readers = [...new Set(mail.map(({ message }) => message.to))];
  return readers.map((to): WaitingMail => {
    const own = mail.filter(({ message }) => message.to === to);
    const batches = own.flatMap(({ batch }) => batch ?? []);
    const underway = batches.filter(({ phase }) => phase !== "reserved").length;
    const starts = turnOf(state, to) === undefined;
    const slotsFree = state.limits.maxParallelMembers - workingMembers(state);
    const held = batches.find((batch) => batch.held !== undefined)?.held?.by as HoldReason | undefined;
    const told = seatsIn(shown).find(({ participant }) => participant === to)?.hold;
    const hold = owner === "alive" ? (held ?? told ?? holdOf(state, to, starts, slotsFree, now)) : "owner";
    const failing = batches.find(({ lastError }) => lastError !== undefined);
    return {
      kind: "mail",
      to,
      from: [...new Set(own.map(({ message }) => message.from))],
      count: own.length,
      since: Math.min(...own.map(({ message }) => message.createdAt)),
      // What has arrived needs no slot and no budget any more.
      ...(hold === undefined || (underway === own.length && hold !== "owner") ? {} : { hold }),
      ...(failing?.lastError === undefined
        ? {}
        : {
            trouble: { attempts: failing.attempts, error: failing.lastError, nextAt: failing.dueAt },
          }),
      underway,
    };
  });
}

/** Each task at the end of a chain, with all that wait for it in the end. */
function chains(tasks: readonly Task[]): readonly Wait[] {
  const index = new Map(tasks.map((task) => [task.taskId, task]));
  const blocks = new Map<TaskId, TaskId[]>();
  for (const task of tasks.filter((one) => !isSettled(one))) {
    for (const end of endsOf(index, task)) blocks.set(end, [...(blocks.get(end) ?? []), task.taskId]);
  }
  return [...blocks]
    .toSorted(([one], [other]) => one - other)
    .map(([taskId, waiting]): Wait => {
      const task = index.get(taskId);
      if (!task) return { kind: "task", taskId, blocks: waiting };
      const { status, owner, changedAt } = task;
      const whose = owner === undefined ? {} : { owner };
      return { kind: "task", taskId, blocks: waiting, status, ...whose, since: changedAt };
    });
}

/** What a task waits for that waits for nothing: the ends of its chains. */
function endsOf(index: TaskIndex, task: Task): readonly TaskId[] {
  const ends = new Set<TaskId>();
  const seen = new Set<TaskId>();
  const open = [...openBlockers(index, task)];
  for (let taskId = open.pop(); taskId !== undefined; taskId = open.pop()) {
    if (seen.has(taskId)) continue;
    seen.add(taskId);
    const found = index.get(taskId);
    const further = found ? openBlockers(index, found) : [];
    if (further.length === 0) ends.add(taskId);
    else open.push(...further);
  }
  return [...ends];
}

const AT_WORK: ReadonlySet<MemberStatus> = new Set<MemberStatus>(["starting", "working", "needs_approval"]);

function quiet({ state, tasks, mail }: Standing): readonly Wait[] {
  const open = tasks.filter((task) => !isSettled(task)).map(({ taskId }) => taskId);
  const isAtWork =
    state.lead.turn !== undefined || Object.values(state.members).some(({ status }) => AT_WORK.has(status));
  if (state.status !== "active" || isAtWork || mail.length > 0 || open.length === 0) return [];
  const told = state.quietTold?.to;
  return [{ kind: "quiet", open, ...(told === undefined ? {} : { told }) }];
}

function retries({ shown }: Standing): readonly Wait[] {
  return seatsIn(shown).flatMap(({ participant, retry }): readonly Wait[] =>
    retry ? [{ kind: "retry", who: participant, ...retry }] : [],
  );
}

function seatsIn(shown: Standing["shown"]): readonly ParticipantSurvey[] {
  return shown ? [shown.lead, ...shown.members] : [];
}

function turns(state: RunState): readonly Wait[] {
  const atWork = Object.values(state.members).filter(({ status }) => status === "working");
  return [LEAD, ...atWork.map(({ plan }) => plan.name)].flatMap((who): readonly Wait[] => {
    const since = turnOf(state, who)?.startedAt ?? memberOf(state, who)?.since;
    return since === undefined ? [] : [{ kind: "turn", who, since }];
  });
}
