import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Fleet } from "../../src/app/fleet.ts";
import { sendMessage } from "../../src/app/send-message.ts";
import type { VerbContext } from "../../src/app/team-verbs.ts";
import { LEAD, type Participant, type SessionId } from "../../src/core/ids.ts";
import { FlotillaError } from "../../src/errors.ts";
import type { Ids, Mailbox, Worktrees } from "../../src/ports.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { LIMITS, NOON, runPlan } from "../core/decide-builders.ts";
import { Chance } from "./chance.ts";
import { HostDatabase } from "./host-database.ts";
import { Ledger } from "./ledger.ts";
import { Life } from "./life.ts";
import { type Company, SimulatedHost, type Step, type Thought } from "./simulated-host.ts";
import { rest, TurnedClock } from "./turned-clock.ts";
import { CALM, type Weather, weatherOf } from "./weather.ts";

const RUN = "run_1";

/** Whatever is on its way when nobody writes any more has arrived by then, or is stuck. */
const QUIET_WITHIN_MS = 60 * 60_000;

/** In the worst weather so far, 5,000 messages took a tenth of it. */
const TALK_WITHIN_MS = 100 * QUIET_WITHIN_MS;

/** Nothing is left alone for longer by the people of these histories. */
const PERSON_WITHIN_MS = 20 * 60_000;

/** How a line of the mail board reads when nothing would ever happen. */
const SILENT = "held by undefined, looked at again at undefined";

/** What may come back from a call that is refused for a good reason. */
const FAIR_REFUSALS = new Set(["going_in_circles", "inbox_full", "run_not_live", "host_timeout"]);

export interface HistoryOptions {
  readonly seed: number;
  readonly members: number;
  /** So many messages are promised to senders before everybody falls silent. */
  readonly messages: number;
  /** Default: drawn from the seed. */
  readonly weather?: Weather;
  /** Is told everything that happens, to find out how it came to a violation. */
  readonly tell?: (line: string) => void;
}

export interface Outcome {
  readonly violations: readonly string[];
  /** Promised to senders. */
  readonly promised: number;
  /** Written to inboxes, with those of the plugin itself. */
  readonly written: number;
  readonly steps: number;
  readonly crashes: number;
  readonly simulatedMs: number;
  readonly weather: Weather;
}

/** Nobody in these histories works anywhere but in the lead's directory, so nothing is asked of it. */
const NO_WORKTREES = {} as Worktrees;

/** One process of OpenCode with the plugin in it. */
interface Node {
  readonly life: Life;
  readonly host: SimulatedHost;
  readonly fleet: Fleet;
}

/** One run from its beginning until nobody has anything left to say, in the weather of its seed. */
export async function liveThrough(options: HistoryOptions): Promise<Outcome> {
  return new History(options).run();
}

class History {
  readonly #options: HistoryOptions;
  readonly #chance: Chance;
  readonly #weather: Weather;
  readonly #clock = new TurnedClock(NOON);
  readonly #disk = new MemoryDisk();
  /** Sees the folder as any program may. */
  readonly #onlooker = this.#disk.process();
  readonly #database = new HostDatabase();
  readonly #ledger = new Ledger();
  readonly #ids: Ids;
  readonly #names: readonly string[];
  readonly #leadSession: SessionId;
  #nodes: Node[] = [];
  #crashes = 0;
  #calls = 0;
  #fault: unknown;
  #isOver = false;

  constructor(options: HistoryOptions) {
    this.#options = options;
    this.#chance = new Chance(options.seed);
    this.#weather = options.weather ?? weatherOf(this.#chance);
    this.#names = Array.from({ length: options.members }, (_, at) => `member-${at + 1}`);
    this.#leadSession = this.#database.open({
      title: "lead",
      directory: "/project",
      agent: "build",
      rules: [],
    }).id;
    this.#ledger.seat(this.#leadSession, LEAD);
    this.#ids = {
      ...systemIds,
      fresh: (prefix) => this.#database.freshId(prefix),
      fraction: () => this.#chance.fraction(),
    };
  }

  async run(): Promise<Outcome> {
    await this.#form();
    this.#setWeather(this.#weather);
    void this.#person();
    void this.#watchHolds();
    if (this.#weather.crashEveryMs > 0) void this.#fate();
    if (!(await this.#until(() => !this.#isTalking(), TALK_WITHIN_MS)))
      this.#violated(`only ${this.#ledger.promised} messages could be sent: ${this.#mailBoard().join("; ")}`);
    // What has begun is let to its end: nobody dies any more, but the weather stays.
    const quiet = await this.#until(() => this.#isQuiet(), QUIET_WITHIN_MS);
    if (!quiet) this.#violated(`mail still waits after an hour: ${this.#mailBoard().join("; ")}`);
    const { mailbox } = this.#onlooker;
    await this.#ledger.close(this.#clock.now(), (recipient, id) => mailbox.find(RUN, recipient, id));
    if (quiet) await this.#end();
    return {
      violations: this.#ledger.violations,
      promised: this.#ledger.promised,
      written: this.#ledger.messages,
      steps: this.#ledger.steps,
      crashes: this.#crashes,
      simulatedMs: this.#clock.now() - NOON,
      weather: this.#weather,
    };
  }

  /** A team, formed in good weather. */
  async #form(): Promise<void> {
    const first = this.#start(CALM);
    const limits = { ...LIMITS, maxMembers: 32, maxMessages: 1e9, maxMemberTurns: 1e9, maxWallClockMs: 1e12 };
    const lead = {
      sessionId: this.#leadSession,
      directory: "/project",
      deniedTools: [],
      toolsPending: false,
    };
    void first.fleet.openRun(runPlan(this.#names, { limits, lead }));
    await this.#until(() => first.fleet.index.state(RUN)?.status === "active", QUIET_WITHIN_MS);
    for (const { plan, sessionId } of Object.values(first.fleet.index.state(RUN)?.members ?? {})) {
      if (sessionId !== undefined) this.#ledger.seat(sessionId, plan.name);
    }
    if (this.#weather.paired) this.#start(CALM);
  }

  #setWeather(weather: Weather): void {
    for (const { host } of this.#nodes) host.weather = weather;
  }

  #start(weather: Weather): Node {
    const life = new Life(this.#clock);
    const storage = life.storage(this.#disk);
    const company: Company = {
      think: (step) => this.#think(node, step),
      stored: (session, message, part) => {
        this.#tell(`stored ${session.id} ${message.id} ${part.text}`);
        this.#ledger.stored(session, message, part);
      },
      posted: (prompt) => {
        this.#tell(
          `posted ${prompt.sessionId} ${prompt.hostMessageId} ${JSON.stringify(prompt.mark)} ${prompt.text}`,
        );
        this.#ledger.posted(prompt, this.#clock.now());
      },
      unanswered: (sessionId) => {
        this.#tell(`unanswered ${sessionId}`);
        if (!this.#isHeld(sessionId)) this.#ledger.unanswered(sessionId, this.#clock.now());
      },
      finished: (step) => {
        this.#tell(`finished ${step.sessionId} ${step.stepId}`);
        this.#ledger.finished(step, life);
      },
      logged: (line) => this.#tell(`logged ${line}`),
      broke: (fault) => {
        this.#fault ??= fault;
      },
    };
    const host = new SimulatedHost(this.#database, life.clock, this.#chance, weather, company, (fact) => {
      if (!life.alive) return;
      this.#tell(`told ${JSON.stringify(fact)}`);
      node.fleet.observe(fact);
    });
    const node: Node = {
      life,
      host,
      fleet: new Fleet({
        ...storage,
        mailbox: this.#recorded(storage.mailbox),
        clock: life.clock,
        ids: this.#ids,
        host: life.port(host),
        worktrees: NO_WORKTREES,
      }),
    };
    this.#nodes.push(node);
    life.onDeath(() => {
      this.#nodes = this.#nodes.filter((one) => one !== node);
    });
    void node.fleet.adopt(() => true);
    return node;
  }

  #recorded(mailbox: Mailbox): Mailbox {
    const recorded: Partial<Mailbox> = {
      put: (message) => {
        this.#ledger.written(message);
        return mailbox.put(message);
      },
      saveBatch: (batch) => {
        const done = mailbox.saveBatch(batch);
        void done.then(() => this.#ledger.saved(batch));
        return done;
      },
    };
    return new Proxy(mailbox, {
      get: (target, name) => Reflect.get(recorded, name) ?? Reflect.get(target, name),
    });
  }

  /** Somebody prompts the lead now and then, stops what works, answers what is asked, and takes things back. */
  async #person(): Promise<void> {
    while (this.#isTalking()) {
      await this.#clock.pass(this.#chance.between(1_000, 60_000));
      const node = this.#nodes[0];
      if (!node) continue;
      const { host } = this.#chance.oneOf(this.#nodes);
      this.#prompt(this.#leadSession);
      if (this.#chance.happens(this.#weather.meddling)) this.#prompt(this.#someSession());
      for (const sessionId of host.working()) {
        if (this.#chance.happens(this.#weather.stopping)) host.stop(sessionId);
        if (this.#chance.happens(this.#weather.falseIdle)) host.lie(sessionId);
      }
      for (const sessionId of host.asking()) {
        if (this.#chance.happens(0.5)) host.answer(sessionId, this.#chance.happens(0.7));
      }
      if (this.#chance.happens(this.#weather.undoing)) void this.#stageUndo(this.#someSession());
      if (this.#chance.happens(this.#weather.compacting)) {
        const sessionId = this.#someSession();
        if (this.#mayRun(node, sessionId)) void node.host.compact(sessionId, this.#chance.between(0, 4));
      }
    }
    while (!this.#isOver) {
      await this.#clock.pass(60_000);
      for (const { host } of this.#nodes) {
        for (const sessionId of host.asking()) host.answer(sessionId, true);
      }
      // A session that was stopped waits for its person.
      for (const sessionId of this.#ledgerSessions()) this.#release(sessionId);
    }
  }

  /** Whoever was stopped is told to go on. */
  #release(sessionId: SessionId): void {
    const state = this.#nodes[0]?.fleet.index.state(RUN);
    const held =
      sessionId === this.#leadSession
        ? state?.lead.heldByPerson
        : Object.values(state?.members ?? {}).some((one) => one.sessionId === sessionId && one.heldByPerson);
    if (held === true) this.#prompt(sessionId);
  }

  #prompt(sessionId: SessionId): void {
    const node = this.#nodes.find((one) => this.#mayRun(one, sessionId));
    node?.host.prompt(sessionId, "Go on.");
  }

  /** A person's prompt in a second process while the first works is what nobody can prevent: it is not in these histories. */
  #mayRun(node: Node, sessionId: SessionId): boolean {
    return !this.#nodes.some(
      (other) =>
        other !== node &&
        (other.host.working().includes(sessionId) || other.fleet.world.leases.holds(RUN, sessionId)),
    );
  }

  /** By a turn of it that runs, or an undo that is staged in it. */
  #isHeld(sessionId: SessionId): boolean {
    return (
      this.#database.sessions.get(sessionId)?.undoStaged === true ||
      this.#nodes.some(({ host }) => host.working().includes(sessionId))
    );
  }

  async #stageUndo(sessionId: SessionId): Promise<void> {
    const session = this.#database.sessions.get(sessionId);
    if (!session || this.#nodes.some(({ host }) => host.working().includes(sessionId))) return;
    session.undoStaged = true;
    await this.#clock.pass(this.#chance.between(1_000, PERSON_WITHIN_MS));
    session.undoStaged = false;
  }

  /** Processes die, at whatever they are doing, and others are started. */
  async #fate(): Promise<void> {
    while (this.#isTalking()) {
      await this.#clock.pass(this.#chance.between(1, 2 * this.#weather.crashEveryMs));
      const victim = this.#nodes[0];
      if (!victim || !this.#isTalking()) continue;
      this.#crashes += 1;
      this.#tell("a process is about to die");
      victim.life.dieAfter(this.#chance.between(1, 40));
      await this.#clock.pass(this.#chance.between(100, 60_000));
      victim.life.die();
      this.#start(this.#weather);
    }
  }

  #think(node: Node, step: Step): Thought {
    const chance = this.#chance;
    this.#tell(`shown ${step.sessionId} ${step.stepId}`);
    this.#ledger.shown(step);
    const afterMs = chance.happens(this.#weather.slow)
      ? chance.between(10_000, 180_000)
      : chance.between(50, 3_000);
    if (chance.happens(this.#weather.failing)) {
      return { afterMs, calls: [], text: "", fault: { name: "APIError", message: "overloaded" } };
    }
    const me = this.#ledger.participant(step.sessionId);
    const isFirst = step.list.at(-1)?.role === "user";
    const most = me === LEAD ? 8 : 3;
    const wanted = this.#isTalking() && isFirst && me !== undefined ? chance.between(0, most) : 0;
    const calls = Array.from({ length: wanted }, () => () => this.#send(node, step, me ?? LEAD));
    return { afterMs, calls, text: chance.happens(0.5) ? "Done." : "" };
  }

  async #send(node: Node, { sessionId, stepId }: Step, me: Participant): Promise<void> {
    this.#calls += 1;
    const others = [LEAD, ...this.#names].filter((name) => name !== me);
    const to = me === LEAD && this.#chance.happens(0.1) ? "*" : this.#chance.oneOf(others);
    const call = {
      sessionId,
      messageId: stepId,
      callId: `call_${this.#calls}`,
      directory: "/project",
      worktree: "/project",
      signal: new AbortController().signal,
    };
    // Sending asks for nothing but the fleet.
    const context = { fleet: node.fleet } as VerbContext;
    try {
      const report = await sendMessage(context, call, {
        to,
        kind: "message",
        body: `Message ${this.#calls}.`,
      });
      this.#ledger.answered(
        report.messageId,
        report.delivered.map((one) => one.to),
      );
    } catch (fault) {
      if (fault instanceof FlotillaError && FAIR_REFUSALS.has(fault.code)) return;
      this.#violated(`a message was refused: ${String(fault)}`);
    }
  }

  #tell(line: string): void {
    this.#options.tell?.(`${this.#clock.now() - NOON} ${line}`);
  }

  #isTalking(): boolean {
    return this.#ledger.promised < this.#options.messages;
  }

  #ledgerSessions(): readonly SessionId[] {
    return [...this.#database.sessions.keys()];
  }

  #someSession(): SessionId {
    return this.#chance.oneOf(this.#ledgerSessions());
  }

  #isQuiet(): boolean {
    return (
      this.#nodes.length > 0 &&
      this.#nodes.every(({ host }) => host.working().length === 0) &&
      [LEAD, ...this.#names].every((name) => this.#disk.waiting(RUN, name) === 0)
    );
  }

  /** Whose mail waits, and what its carrier says of it. */
  #mailBoard(): readonly string[] {
    const carrier = this.#nodes.find(({ fleet }) => fleet.world.ownership.holds(RUN));
    if (!carrier) return [];
    const state = carrier.fleet.index.state(RUN);
    return [LEAD, ...this.#names].flatMap((name) => {
      const waiting = this.#disk.waiting(RUN, name);
      const { hold, dueAt, reserved } = carrier.fleet.courier(RUN)?.standing.report(name) ?? {};
      const status = state?.members[name]?.status ?? "lead";
      return waiting === 0
        ? []
        : [
            `${name} (${status}) has ${waiting}, ${reserved} batches, held by ${hold}, looked at again at ${dueAt}`,
          ];
    });
  }

  /** Mail waits under a name, or is looked at again at a time: at no two looks in a row it may do neither. */
  async #watchHolds(): Promise<void> {
    let suspects: readonly string[] = [];
    while (!this.#isOver) {
      const silent = this.#mailBoard().filter((line) => line.includes(SILENT));
      for (const line of silent)
        if (suspects.includes(line)) this.#violated(`nobody looks after it: ${line}`);
      suspects = silent;
      await this.#clock.pass(60_000);
    }
  }

  /** The run is deleted and every process closes: nothing may be left of it, no run, no turn, no timer. */
  async #end(): Promise<void> {
    this.#isOver = true;
    this.#setWeather(CALM);
    const owner = this.#nodes.find(({ fleet }) => fleet.world.ownership.holds(RUN));
    void owner?.fleet.closeRun(RUN, true, "all is said");
    if (!(await this.#until(() => this.#disk.runs().length === 0, QUIET_WITHIN_MS)))
      this.#violated("the run that was deleted is not archived");
    for (const { fleet } of this.#nodes) void fleet.close();
    const deadline = this.#clock.now() + QUIET_WITHIN_MS;
    while (await this.#clock.turn()) {
      if (this.#clock.now() <= deadline) continue;
      this.#violated("a process that is closed still sets timers");
      return;
    }
  }

  #violated(what: string): void {
    this.#ledger.violations.push(what);
  }

  /** Turns the clock until it is so; false if it is not within `ms`. */
  async #until(isSo: () => boolean, ms: number): Promise<boolean> {
    const deadline = this.#clock.now() + ms;
    await rest();
    while (!isSo()) {
      if (this.#fault !== undefined) throw this.#fault;
      if (this.#clock.now() > deadline) return false;
      if (!(await this.#clock.turn()))
        throw new Error("the clock has stopped: nothing would ever happen again");
    }
    return true;
  }
}

/** Lives through it, and where that breaks a promise, through shorter ones of the same seed: the first that does as well. */
export async function smallestFailure(options: HistoryOptions): Promise<string | undefined> {
  if ((await liveThrough(options)).violations.length === 0) return undefined;
  for (const messages of [10, 25, 50, 100, 200, options.messages]) {
    const lines: string[] = [];
    const { violations } = await liveThrough({ ...options, messages, tell: (line) => lines.push(line) });
    if (violations.length === 0) continue;
    const story = join(tmpdir(), `flotilla-simulation-${options.seed}.txt`);
    await writeFile(story, lines.join("\n"));
    return `seed ${options.seed}, ${options.members} members, ${messages} messages (${story}): ${violations.join("; ")}`;
  }
  return `seed ${options.seed} breaks a promise only sometimes, which it must not: nothing in it is left to chance`;
}
