import type { Decision } from "../../src/core/change.ts";
import type { Command, SendMessage, TaskChange, TaskDraft, TurnSettled } from "../../src/core/commands.ts";
import { decide } from "../../src/core/decide.ts";
import { openRun, type RunPlan } from "../../src/core/decide-run.ts";
import type { Effect, JournalEntry } from "../../src/core/effects.ts";
import type { Gate, ModelStep } from "../../src/core/facts.ts";
import type { Message } from "../../src/core/message.ts";
import type { Refusal } from "../../src/core/refusal.ts";
import type { Limits, Member, MemberPlan, RunState } from "../../src/core/run.ts";
import type { Task } from "../../src/core/task.ts";

export const NOON = 1_750_000_000_000;

export const LIMITS: Limits = {
  maxMembers: 8,
  maxParallelMembers: 4,
  maxMessages: 10_000,
  maxWallClockMs: 7_200_000,
  maxMemberTurns: 500,
  messageMaxBytes: 32_768,
  unreadMaxBytes: 262_144,
  pollIntervalMs: 3_000,
};

export function memberPlan(name: string, parts: Partial<MemberPlan> = {}): MemberPlan {
  return { name, kind: "subagent_type", agent: "general", worktree: false, rules: [], ...parts };
}

export function runPlan(names: readonly string[], parts: Partial<RunPlan> = {}): RunPlan {
  return {
    runId: "run_1",
    team: { name: "explorers", source: "inline", allowMemberBroadcast: false },
    limits: LIMITS,
    lead: { sessionId: "ses_lead", directory: "/project", deniedTools: [], toolsPending: false },
    members: names.map((name) => memberPlan(name)),
    tasks: [],
    ...parts,
  };
}

export function draft(subject: string, parts: Partial<TaskDraft> = {}): TaskDraft {
  return { subject, description: "as said", blockedBy: [], blockedByDraft: [], ...parts };
}

export function permission(requestId: string): Gate {
  return { kind: "permission", requestId, subject: "bash", detail: "rm -r build", openedAt: NOON };
}

/** What one commit left behind. */
export interface Committed {
  readonly state: RunState;
  readonly effects: readonly Effect[];
  readonly mail: readonly Message[];
  readonly journal: readonly JournalEntry[];
}

export function mailOf(effects: readonly Effect[]): readonly Message[] {
  return effects.flatMap((effect) => (effect.type === "put_message" ? [effect.message] : []));
}

export function journalOf(effects: readonly Effect[]): readonly JournalEntry[] {
  return effects.flatMap((effect) => (effect.type === "append_journal" ? [effect.entry] : []));
}

/** `kind from>to` of each message, in order. */
export function letters(mail: readonly Message[]): readonly string[] {
  return mail.map(({ kind, from, to }) => `${kind} ${from}>${to}`);
}

/**
 * A run that is told a story: each command is decided on the state that the one before left. State and tasks are frozen, so
 * that a decision that changes what it was given breaks its test.
 */
export class Story {
  state: RunState;
  now: number = NOON;
  readonly book: Map<number, Task> = new Map();
  /** Every line of the journal. */
  readonly journal: JournalEntry[] = [];
  /** Every message that was ever written. */
  readonly mail: Message[] = [];

  constructor(plan: RunPlan) {
    const opened = openRun(plan, this.now);
    if (opened.kind === "refused") throw new Error(opened.refusal.message);
    this.state = frozen(opened.state);
    this.#take(opened.effects);
  }

  /** A run in which every member has its session and waits. */
  static active(names: readonly string[], parts: Partial<RunPlan> = {}): Story {
    const story = new Story(runPlan(names, parts));
    for (const name of names) story.open(name);
    return story;
  }

  decide(command: Command): Decision {
    return decide(this.state, command, this.now);
  }

  /** Decides and commits; a refusal or a command without effect fails the test. */
  accept(command: Command): Committed {
    this.now += 1;
    const decision = this.decide(command);
    if (decision.kind !== "accepted") throw new Error(`${command.type}: ${JSON.stringify(decision)}`);
    this.state = frozen(decision.state);
    this.#take(decision.effects);
    const { effects } = decision;
    return { state: this.state, effects, mail: mailOf(effects), journal: journalOf(effects) };
  }

  refuse(command: Command): Refusal {
    const decision = this.decide(command);
    if (decision.kind !== "refused") throw new Error(`${command.type} was ${decision.kind}`);
    return decision.refusal;
  }

  member(name: string): Member {
    const member = this.state.members[name];
    if (!member) throw new Error(`no member ${name}`);
    return member;
  }

  open(name: string, generation: number = this.member(name).generation): Committed {
    return this.accept(opened(name, generation));
  }

  start(
    name: string,
    cause: "lead" | "person" | "brief" | "peer" | "notice" | "foreign" = "lead",
  ): Committed {
    return this.accept({ type: "note_turn_started", participant: name, cause });
  }

  settle(name: string, parts: Partial<TurnSettled> = {}): Committed {
    return this.accept(this.settled(name, parts));
  }

  settled(name: string, parts: Partial<TurnSettled> = {}): TurnSettled {
    return {
      type: "note_turn_settled",
      participant: name,
      outcome: "ended",
      stepId: "msg_1",
      text: "",
      unanswered: 0,
      jitter: 0,
      book: this.book,
      ...parts,
    };
  }

  update(by: string, taskId: number, change: TaskChange): Committed {
    return this.accept({ type: "update_task", by, taskId, change, book: this.book });
  }

  spawnFailed(name: string, reason: string): Committed {
    const { generation } = this.member(name);
    return this.accept({ type: "note_spawn_failed", member: name, generation, reason, book: this.book });
  }

  approve(by: string, member: string): Committed {
    return this.accept({ type: "approve_shutdown", by, member, book: this.book });
  }

  deleted(sessionId: string): Command {
    return { type: "note_session_deleted", sessionId, book: this.book };
  }

  /** Commits a state as it is: for what takes too many commands to come about. */
  set(parts: Partial<RunState>): void {
    this.state = frozen({ ...this.state, ...parts });
  }

  patch(name: string, parts: Partial<Member>): void {
    this.set({ members: { ...this.state.members, [name]: { ...this.member(name), ...parts } } });
  }

  #take(effects: readonly Effect[]): void {
    this.mail.push(...mailOf(effects));
    this.journal.push(...journalOf(effects));
    for (const effect of effects) {
      if (effect.type === "write_task") this.book.set(effect.task.taskId, frozen(effect.task));
    }
  }
}

export function opened(member: string, generation = 1): Command {
  const sessionId = `ses_${member}_${generation}`;
  return { type: "note_session_opened", member, generation, sessionId, directory: "/project" };
}

/** A model call that was completed at that time. */
export function stepped(
  participant: string,
  completedAt: number,
  {
    tokens = 0,
    cost = 0,
    ...parts
  }: { tokens?: number; cost?: number } & Partial<Omit<ModelStep, "tokens">> = {},
): Extract<Command, { type: "note_step" }> {
  return {
    type: "note_step",
    participant,
    step: {
      hostMessageId: `msg_${participant}_${completedAt}`,
      providerId: "mock",
      modelId: "m",
      finish: "stop",
      summary: false,
      tokens: { input: tokens, output: 0, reasoning: 0, cacheRead: 0, cacheWrite: 0 },
      cost,
      startedAt: completedAt - 1,
      completedAt,
      ...parts,
    },
    tools: [],
    mail: [],
  };
}

let letterCount = 0;

export function send(by: string, to: string, parts: Partial<SendMessage> = {}): SendMessage {
  letterCount += 1;
  return {
    type: "send_message",
    by,
    to,
    messageId: `mail_said_${letterCount}`,
    kind: "message",
    body: "hello",
    unreadBytes: {},
    ...parts,
  };
}

export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) frozen(inner);
  return value;
}
