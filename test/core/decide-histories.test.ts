import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { takesMail } from "../../src/core/change.ts";
import type { Command } from "../../src/core/commands.ts";
import { decide } from "../../src/core/decide.ts";
import { openRun } from "../../src/core/decide-run.ts";
import type { Effect } from "../../src/core/effects.ts";
import type { Gate } from "../../src/core/facts.ts";
import { MESSAGE_KINDS, type Message } from "../../src/core/message.ts";
import { mayCall, sentMessages } from "../../src/core/policy.ts";
import {
  isLive,
  type LeadSeat,
  type Limits,
  MEMBER_COMMANDS,
  MEMBER_STATUSES,
  type Member,
  memberTable,
  RUN_COMMANDS,
  RUN_STATUSES,
  type RunState,
  runTable,
  SHUTDOWN_STATUSES,
} from "../../src/core/run.ts";
import { step, type Table } from "../../src/core/table.ts";
import { TASK_STATUSES, type Task } from "../../src/core/task.ts";
import { isReady } from "../../src/core/task-graph.ts";
import type { ToolName } from "../../src/core/tool-names.ts";
import { parseRun } from "../../src/records/run.ts";
import {
  draft,
  frozen,
  journalOf,
  LIMITS,
  mailOf,
  memberPlan,
  NOON,
  permission,
  runPlan,
  stepped,
} from "./decide-builders.ts";

/**
 * Lives of a run as clocks go: forward. A history is a list of wishes by number ("the third who is there settles his turn");
 * each becomes a command about the run as it stands, so that most of them hit. What the tools would not let through
 * (`mayCall`) is not asked; everything else is, also late, twice, and of those who are not there. After every commit the
 * whole run is looked at.
 */
const NAMES = ["ada", "bo", "cy"] as const;

/** Tight enough for every limit to be reached within a history. */
const TIGHT: Limits = {
  ...LIMITS,
  maxMembers: 3,
  maxMessages: 4,
  maxMemberTurns: 3,
  maxTokens: 400,
  maxCost: 4,
  maxWallClockMs: 600_000,
  messageMaxBytes: 20,
  unreadMaxBytes: 100,
};

/** The participant's own, or one of its subagent's. */
function gateOf(what: number): Gate {
  const gate = permission(`per_${what % 3}`);
  return what % 2 === 0 ? gate : { ...gate, sessionId: "ses_below" };
}

/** A person gives more, less, and takes both back. */
const LIMITS_BY_PERSON: readonly Partial<Limits>[] = [
  { maxMessages: 6, maxMemberTurns: 9 },
  { maxTokens: 4_000, maxCost: 40 },
  { maxWallClockMs: 6_000_000 },
  TIGHT,
];

const WISHES = [
  "open",
  "fail_spawn",
  "open",
  "start",
  "start",
  "start",
  "settle",
  "settle",
  "settle",
  "settle",
  "spend",
  "open_gate",
  "close_gate",
  "close_gates",
  "answer_gate",
  "prompt",
  "rest",
  "delete_session",
  "give_up",
  "look_at_clock",
  "look_around",
  "change_limits",
  "change_hands",
  "send",
  "send",
  "broadcast",
  "add",
  "add_two",
  "create_task",
  "create_task",
  "take_task",
  "take_task",
  "start_task",
  "end_task",
  "give_task",
  "release_task",
  "delete_task",
  "request",
  "request",
  "approve",
  "approve",
  "reject",
  "close",
  "force",
  "finish",
] as const;

interface Wish {
  readonly wish: (typeof WISHES)[number];
  /** Chooses who, and whom or what about. */
  readonly who: number;
  readonly what: number;
  readonly ms: number;
  /** The command is told a second time. */
  readonly twice: boolean;
}

// Ending everything is rare, or no history would get anywhere.
const RARE: ReadonlySet<string> = new Set(["close", "force", "delete_session"]);

const wishes: fc.Arbitrary<Wish[]> = fc.array(
  fc.record({
    wish: fc.oneof(
      ...WISHES.map((wish) => ({ weight: RARE.has(wish) ? 1 : 6, arbitrary: fc.constant(wish) })),
    ),
    who: fc.nat(11),
    what: fc.nat(11),
    ms: fc.oneof({ weight: 9, arbitrary: fc.nat(4_000) }, { weight: 1, arbitrary: fc.nat(400_000) }),
    twice: fc.boolean(),
  }),
  { minLength: 20, maxLength: 150, size: "max" },
);

class Life {
  state: RunState;
  now = NOON;
  readonly book = new Map<number, Task>();
  /** What has come about: types of accepted commands, statuses, limits reached, kinds of mail. */
  readonly seen: Map<string, number> = new Map();
  readonly #effectIds = new Set<string>();
  readonly #lastWords = new Set<string>();
  /** Generations whose end was approved while a turn was on its way. */
  readonly #ahead = new Set<string>();
  readonly #notices = new Map<string, number>();
  #steps = 0;
  #letters = 0;

  constructor() {
    const tasks = [
      draft("a", { owner: "ada" }),
      draft("b", { owner: "bo", blockedByDraft: [0] }),
      draft("c"),
    ];
    const opened = openRun(runPlan(["ada", "bo"], { limits: TIGHT, tasks }), this.now);
    if (opened.kind === "refused") throw new Error(opened.refusal.message);
    this.state = frozen(opened.state);
    this.#take(undefined, opened.effects);
    this.#look();
  }

  live({ wish, who, what, ms, twice }: Wish): void {
    this.now += ms;
    const command = this.#command(wish, who, what);
    if (!command) return;
    this.tell(command);
    // What a tool asks twice is asked anew; what the host tells twice is nothing new.
    if (twice && command.type.startsWith("note_")) this.#repeat(command);
  }

  tell(command: Command): void {
    const before = this.state;
    const decision = decide(before, command, this.now);
    if (decision.kind !== "accepted") return;
    if (before.status === "closed" || before.status === "failed") throw new Error("it was over");
    expect(decision.state.revision).toBe(before.revision + 1);
    this.state = frozen(decision.state);
    expect(this.state.outbox.slice(-decision.effects.length || this.state.outbox.length)).toEqual([
      ...decision.effects,
    ]);
    this.#take(command, decision.effects);
    if (command.type === "approve_shutdown" && command.turnAhead) {
      this.#ahead.add(`${command.member} ${this.state.members[command.member]?.generation}`);
    }
    this.#moves(before);
    this.#look();
    this.#see(command, decision.effects);
  }

  #see({ type }: Command, effects: readonly Effect[]): void {
    const members = Object.values(this.state.members);
    for (const what of [
      type,
      `run ${this.state.status}`,
      ...members.map(({ status }) => `member ${status}`),
      ...members.map(({ shutdown }) => `shutdown ${shutdown.status}`),
      ...members.filter(({ generation }) => generation > 1).map(() => "a later generation"),
      ...this.state.spent.map((budget) => `budget ${budget.split(":")[0]}`),
      ...mailOf(effects).map(({ kind }) => `mail ${kind}`),
      ...[...this.book.values()].map(({ status }) => `task ${status}`),
    ]) {
      this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
    }
  }

  #repeat(command: Command): void {
    const decision = decide(this.state, command, this.now);
    // A notice of given-up mail has its old ids.
    if (command.type === "note_undeliverable") return;
    // Where the first look woke a member and nothing came of it, the second one tells the lead.
    if (command.type === "note_quiet") return;
    // A turn that settled and a name that ended are over: the same fact again finds nothing.
    expect(decision.kind).toBe("unchanged");
  }

  #command(wish: Wish["wish"], who: number, what: number): Command | undefined {
    const { state, book } = this;
    const participant = this.#aim(wish, who);
    const everybody = ["lead", ...Object.keys(state.members)];
    const other = everybody[what % everybody.length] ?? "lead";
    const starting = Object.values(state.members).filter(({ status }) => status === "starting");
    const spawning = starting[who % Math.max(1, starting.length)]?.plan.name;
    const spawns = wish === "open" || wish === "fail_spawn";
    const name = (spawns ? spawning : undefined) ?? NAMES[who % NAMES.length] ?? "ada";
    const member = state.members[name];
    const seat = participant === "lead" ? state.lead : state.members[participant];
    // Facts come from sessions, and of a generation that is there.
    const hosted = participant === "lead" || (seat?.sessionId !== undefined && isLive(seat as Member));
    const taskId = 1 + (what % Math.max(1, state.tasks));
    switch (wish) {
      case "open":
      case "fail_spawn": {
        const generation = (member?.generation ?? 1) - (what === 0 ? 1 : 0);
        return wish === "open"
          ? {
              type: "note_session_opened",
              member: name,
              generation,
              sessionId: `ses_${name}_${generation}`,
              directory: "/project",
            }
          : { type: "note_spawn_failed", member: name, generation, reason: "no", book };
      }
      case "start": {
        const causes = ["lead", "person", "brief", "peer", "notice", "foreign"] as const;
        const cause = causes[what % causes.length] ?? "lead";
        return hosted ? { type: "note_turn_started", participant, cause } : undefined;
      }
      case "settle": {
        if (!hosted || seat?.turn === undefined) return undefined;
        // Each turn has a last step of its own.
        this.#steps += 1;
        return {
          type: "note_turn_settled",
          participant,
          outcome: (["ended", "ended", "failed", "aborted"] as const)[what % 4] ?? "ended",
          stepId: `msg_${this.#steps}`,
          text: what % 3 === 0 ? "" : "done",
          unanswered: what % 2,
          jitter: what / 11,
          book,
        };
      }
      case "spend":
        return hosted ? stepped(participant, this.now, { tokens: what * 20, cost: what / 5 }) : undefined;
      case "change_limits":
        return { type: "change_limits", limits: LIMITS_BY_PERSON[what % LIMITS_BY_PERSON.length] ?? {} };
      case "open_gate":
        return hosted ? { type: "note_gate_opened", participant, gate: gateOf(what) } : undefined;
      case "close_gate":
        return { type: "note_gate_closed", participant, requestId: `per_${what % 3}` };
      case "close_gates":
        return { type: "note_gate_closed", participant };
      case "answer_gate":
        return { type: "answer_gate", participant, requestId: `per_${what % 3}`, reply: "once" };
      case "prompt":
        return hosted ? { type: "note_prompted", participant } : undefined;
      case "rest":
        return { type: "note_at_rest", member: this.#leaving() ?? name, book };
      case "delete_session": {
        const generation = (member?.generation ?? 1) - (what < 3 ? 1 : 0);
        return { type: "note_session_deleted", sessionId: `ses_${name}_${generation}`, book };
      }
      case "give_up": {
        const messages = [{ messageId: `mail_${what}`, from: other === participant ? "system" : other }];
        return { type: "note_undeliverable", recipient: participant, messages, reason: "8 attempts" };
      }
      case "look_at_clock":
        return { type: "note_time" };
      case "change_hands":
        return { type: this.state.status === "orphaned" ? "note_adopted" : "note_orphaned" };
      case "look_around": {
        const open = [...book.values()].filter(
          ({ status }) => status !== "completed" && status !== "deleted",
        );
        const ready = open.filter((task) => isReady(book, task)).map((task) => task.taskId);
        return { type: "note_quiet", list: JSON.stringify(open), open, ready };
      }
      case "send":
      case "broadcast": {
        const by = who === 0 ? "person" : this.#caller("team_send_message", participant);
        if (by === undefined) return undefined;
        this.#letters += 1;
        return {
          type: "send_message",
          by,
          to: wish === "broadcast" ? "*" : other,
          messageId: `mail_said_${this.#letters}`,
          kind: by === "person" ? "person" : "message",
          body: "x".repeat(what * 2),
          unreadBytes: { [other]: who * 9 },
        };
      }
      case "add":
        return this.#asLead("team_create", { type: "add_members", by: "lead", plans: [memberPlan(name)] });
      case "add_two":
        return this.#asLead("team_create", {
          type: "add_members",
          by: "lead",
          plans: [memberPlan(name), memberPlan(NAMES[(who + 1) % NAMES.length] ?? "bo")],
        });
      case "create_task": {
        const by = this.#caller("team_task_create", participant);
        const blockedBy = what % 3 === 0 && state.tasks > 0 ? [taskId] : [];
        const owner = by === "lead" && what % 2 === 0 ? { owner: other } : {};
        return by === undefined
          ? undefined
          : { type: "create_tasks", by, drafts: [draft("more", { blockedBy, ...owner })], book };
      }
      case "take_task":
        return this.#update(participant, taskId, { status: "claimed" });
      case "start_task":
        return this.#update(participant, taskId, { status: "in_progress" });
      case "end_task": {
        const owner = book.get(taskId)?.owner ?? participant;
        return this.#update(owner, taskId, { status: "completed", result: { text: "so", artifacts: [] } });
      }
      case "give_task":
        return this.#update("lead", taskId, { owner: NAMES[who % NAMES.length] ?? "ada" });
      case "release_task":
        return this.#update(book.get(taskId)?.owner ?? participant, taskId, { status: "pending" });
      case "delete_task":
        return this.#update("lead", taskId, { status: "deleted" });
      case "request": {
        const by = this.#caller("team_shutdown_request", what < 9 ? "lead" : name);
        return by === undefined ? undefined : { type: "request_shutdown", by, member: name };
      }
      case "approve": {
        const member = this.#asked(who) ?? other;
        const by = this.#caller("team_approve_shutdown", what < 6 ? "lead" : member);
        const turnAhead = what % 2 === 0;
        return by === undefined ? undefined : { type: "approve_shutdown", by, member, turnAhead, book };
      }
      case "reject": {
        const member = this.#asked(who) ?? other;
        const by = this.#caller("team_reject_shutdown", what < 6 ? "lead" : member);
        return by === undefined ? undefined : { type: "reject_shutdown", by, member, reason: "not yet" };
      }
      case "close":
      case "force": {
        const unread = { [name]: what % 2 };
        return this.#asLead("team_delete", {
          type: "close_run",
          force: wish === "force",
          reason: "end",
          unread,
        });
      }
      case "finish":
        return { type: "finish_run" };
    }
  }

  /** Somebody to whom the wish can happen, mostly; else anybody. */
  #aim(wish: Wish["wish"], who: number): string {
    const { lead, members } = this.state;
    const seats = [["lead", lead] as const, ...Object.entries(members)];
    const fits: Partial<Record<Wish["wish"], (seat: LeadSeat | Member) => boolean>> = {
      start: ({ turn }) => turn === undefined,
      settle: ({ turn }) => turn !== undefined,
      close_gate: ({ gates }) => gates.length > 0,
      close_gates: ({ gates }) => gates.length > 0,
      answer_gate: ({ gates }) => gates.length > 0,
      prompt: ({ heldByPerson }) => heldByPerson,
    };
    const aimed = seats.filter(([, seat]) => who % 4 !== 0 && (fits[wish]?.(seat) ?? true));
    const chosen = aimed.length > 0 ? aimed : seats;
    return chosen[who % chosen.length]?.[0] ?? "lead";
  }

  /** A member that was asked to shut down, or has asked for it. */
  #asked(who: number): string | undefined {
    const asked = Object.values(this.state.members).filter(({ shutdown }) => shutdown.status === "requested");
    return asked[who % Math.max(1, asked.length)]?.plan.name;
  }

  #leaving(): string | undefined {
    const members = Object.values(this.state.members);
    return members.find(({ shutdown }) => shutdown.status === "approved")?.plan.name;
  }

  #caller(tool: ToolName, participant: string): string | undefined {
    const member = this.state.members[participant];
    const role = member && isLive(member) ? "member" : "ended";
    const allowed = mayCall(tool, participant === "lead" ? "lead" : role, this.state.status);
    return allowed ? participant : undefined;
  }

  #asLead(tool: ToolName, command: Command): Command | undefined {
    return this.#caller(tool, "lead") === undefined ? undefined : command;
  }

  #update(
    participant: string,
    taskId: number,
    change: Extract<Command, { type: "update_task" }>["change"],
  ): Command | undefined {
    const by = this.#caller("team_task_update", participant);
    return by === undefined ? undefined : { type: "update_task", by, taskId, change, book: this.book };
  }

  /** What a commit wants done: numbered without gaps, and addressed to those who can read it. */
  #take(command: Command | undefined, effects: readonly Effect[]): void {
    const { revision, messages } = this.state;
    for (const [at, { effectId }] of effects.entries()) {
      expect(effectId).toBe(`run_1/${revision}/${at}`);
      expect(this.#effectIds.has(effectId)).toBe(false);
      this.#effectIds.add(effectId);
    }
    const mail = mailOf(effects);
    expect(mail.map(({ seq }) => seq)).toEqual(mail.map((_, at) => messages - mail.length + 1 + at));
    // What a person gives can be used up anew.
    if (command?.type === "change_limits") this.#notices.clear();
    for (const message of mail) this.#read(message);
    if (command?.type === "send_message") {
      const sent = mail.filter(({ messageId }) => messageId === command.messageId).length;
      expect(sent).toBeGreaterThan(0);
      expect(sentMessages(this.state)).toBeLessThanOrEqual(this.state.limits.maxMessages);
    }
    const lines = journalOf(effects);
    expect(lines.map(({ index }) => index)).toEqual(lines.map((_, at) => at));
    for (const line of lines) expect(line).toMatchObject({ revision, at: this.now });
    for (const effect of effects) {
      if (effect.type !== "write_task") continue;
      expect(effect.task.revision).toBe(revision);
      this.book.set(effect.task.taskId, frozen(effect.task));
    }
  }

  #read(message: Message): void {
    const { to, kind, messageId, from, body, createdAt } = message;
    expect(createdAt).toBe(this.now);
    expect(from).not.toBe(to);
    const member = this.state.members[to];
    if (to !== "lead" && !(member && takesMail(member))) {
      throw new Error(`${kind} to ${to}, which is ${member?.status}, ${member?.shutdown.status}`);
    }
    if (kind === "final_report") {
      expect(this.#lastWords.has(messageId)).toBe(false);
      this.#lastWords.add(messageId);
    }
    if (kind === "budget") {
      const notice = `${to}: ${body}`;
      expect(this.#notices.has(notice)).toBe(false);
      this.#notices.set(notice, 1);
    }
  }

  /** Nobody moves but along the tables. */
  #moves(before: RunState): void {
    const { state } = this;
    expectMove(runTable, RUN_COMMANDS, before.status, state.status);
    for (const [name, was] of Object.entries(before.members)) {
      const is = this.#member(name);
      if (is.generation === was.generation) {
        // A commit may hold two moves: a turn that ends, and the member with it.
        expect(within(memberTable, MEMBER_COMMANDS, was.status)).toContain(is.status);
        expect(is.usage.turns - was.usage.turns).toBeLessThanOrEqual(1);
        expect(is.sessionId ?? was.sessionId).toBe(is.sessionId as string);
      } else {
        expect(is.generation).toBe(was.generation + 1);
        expect([isLive(was), is.status]).toEqual([false, "starting"]);
      }
      if (is.status === was.status && is.generation === was.generation) expect(is.since).toBe(was.since);
    }
  }

  #member(name: string): Member {
    const member = this.state.members[name];
    if (!member) throw new Error(`${name} is gone`);
    return member;
  }

  /** What is so after every commit. */
  #look(): void {
    const { state } = this;
    const members = Object.values(state.members);
    const live = members.filter(isLive);
    expect(live.length).toBeLessThanOrEqual(TIGHT.maxMembers);
    expect(new Set(state.spent).size).toBe(state.spent.length);
    if (state.status === "creating") expect(members.some(({ status }) => status === "starting")).toBe(true);
    if (state.status === "failed") expect(live).toEqual([]);
    if (state.status === "closing" || state.status === "closed") expect(live).toEqual([]);
    for (const member of members) this.#lookAt(member);
    if (state.status !== "closing" && state.status !== "closed") this.#lookAtTasks();
  }

  #lookAt(member: Member): void {
    const { plan, generation, status, sessionId, turn, gates, shutdown } = member;
    const wanted = this.state.outbox.filter(
      (effect) => effect.type === "open_session" && effect.member === plan.name,
    );
    // Who has no session is about to get one, and nobody else is.
    if (status === "starting") expect(wanted).toMatchObject([{ generation }]);
    else expect(wanted).toEqual([]);
    const atWork = status === "working" || status === "needs_approval";
    expect(turn !== undefined).toBe(atWork);
    expect(gates.length > 0).toBe(status === "needs_approval");
    if (isLive(member) && status !== "starting") expect(sessionId).toBe(`ses_${plan.name}_${generation}`);
    if (!isLive(member)) expect(member.heldByPerson).toBe(false);
    if (status === "done") expect(["none", "complete"]).toContain(shutdown.status);
    // An agreed end waits for nothing but the end of a turn that runs or is on its way.
    const awaited = atWork || status === "lost" || this.#ahead.has(`${plan.name} ${generation}`);
    if (shutdown.status === "approved") expect(awaited).toBe(true);
    if (shutdown.status === "complete") expect(status).toBe("done");
    expect(member.since).toBeLessThanOrEqual(this.now);
  }

  #lookAtTasks(): void {
    const held = new Map<string, number[]>();
    for (const { taskId, status, owner } of this.book.values()) {
      const claimed = status === "claimed" || status === "in_progress";
      if (claimed) expect(owner).toBeDefined();
      if (status === "completed" || status === "deleted" || owner === undefined) continue;
      held.set(owner, [...(held.get(owner) ?? []), taskId]);
      if (owner !== "lead") expect(isLive(this.#member(owner))).toBe(true);
    }
    const seats = [["lead", this.state.lead.tasks] as const].concat(
      Object.entries(this.state.members).map(([name, { tasks }]) => [name, tasks] as never),
    );
    for (const [name, tasks] of seats) {
      expect([name, [...tasks].toSorted((one, other) => one - other)]).toEqual([name, held.get(name) ?? []]);
    }
    expect([...this.book.keys()]).toEqual(Array.from({ length: this.state.tasks }, (_, at) => at + 1));
  }
}

/** No history adopts a run: that is not decided by a command. */
const WANTED: readonly string[] = [
  ...RUN_STATUSES.filter((status) => status !== "orphaned").map((status) => `run ${status}`),
  ...MEMBER_STATUSES.map((status) => `member ${status}`),
  ...SHUTDOWN_STATUSES.map((status) => `shutdown ${status}`),
  ...TASK_STATUSES.map((status) => `task ${status}`),
  ...["messages", "wall_clock", "turns", "tokens", "cost"].map((budget) => `budget ${budget}`),
  ...MESSAGE_KINDS.filter((kind) => kind !== "announcement").map((kind) => `mail ${kind}`),
  "a later generation",
  "send_message",
  "add_members",
  "change_limits",
  "create_tasks",
  "update_task",
  "request_shutdown",
  "approve_shutdown",
  "reject_shutdown",
  "close_run",
  "finish_run",
  "note_session_opened",
  "note_spawn_failed",
  "note_turn_started",
  "note_step",
  "note_turn_settled",
  "note_gate_opened",
  "answer_gate",
  "note_gate_closed",
  "note_prompted",
  "note_at_rest",
  "note_session_deleted",
  "note_undeliverable",
  "note_time",
  "note_quiet",
  "note_orphaned",
  "note_adopted",
];

function expectMove<S extends string, C extends string>(
  table: Table<S, C>,
  commands: readonly C[],
  from: S,
  to: S,
): void {
  if (from === to) return;
  expect(commands.map((command) => step(table, from, command).state)).toContain(to);
}

/** States that two commands can lead to. */
function within<S extends string, C extends string>(
  table: Table<S, C>,
  commands: readonly C[],
  from: S,
): S[] {
  const once = commands.map((command) => step(table, from, command).state);
  return once.flatMap((state) => commands.map((command) => step(table, state, command).state));
}

describe("over any history of a run", () => {
  test("every commit keeps all that a run promises, and what is over stays over", () => {
    fc.assert(
      fc.property(wishes, (history) => {
        const life = new Life();
        for (const wish of history) life.live(wish);
      }),
      { numRuns: 400 },
    );
  });

  test("there is every command, every status, every kind of mail, every limit", () => {
    const seen = new Map<string, number>();
    for (const history of fc.sample(wishes, { numRuns: 450, seed: 7 })) {
      const life = new Life();
      for (const wish of history) life.live(wish);
      for (const [what, times] of life.seen) seen.set(what, (seen.get(what) ?? 0) + times);
    }
    const rare = [...WANTED].filter((what) => (seen.get(what) ?? 0) < 10);
    expect(rare).toEqual([]);
  });

  test("the state can be written and read back as it is", () => {
    fc.assert(
      fc.property(wishes, (history) => {
        const life = new Life();
        for (const wish of history) life.live(wish);
        const reading = parseRun(JSON.stringify(life.state));
        expect(reading.ok ? reading.value : reading.fault).toEqual(JSON.parse(JSON.stringify(life.state)));
      }),
      { numRuns: 40 },
    );
  });

  test("a run can always be closed by force, and is over then", () => {
    fc.assert(
      fc.property(wishes, (history) => {
        const life = new Life();
        for (const wish of history) life.live(wish);
        life.tell({ type: "close_run", force: true, reason: "end", unread: {} });
        life.tell({ type: "finish_run" });
        expect(["closed", "failed"]).toContain(life.state.status);
        for (const wish of history) life.live(wish);
        expect(Object.values(life.state.members).filter(isLive)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });
});
