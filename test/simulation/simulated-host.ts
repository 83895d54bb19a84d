import type { Fact, Gate, HostFault, ModelStep, StoredStep } from "../../src/core/facts.ts";
import type { Instant, SessionId } from "../../src/core/ids.ts";
import { FlotillaError } from "../../src/errors.ts";
import type {
  Clock,
  Host,
  HostSession,
  Step as LastStep,
  LastTurn,
  PostOutcome,
  Prompt,
  PromptStyle,
  SessionMark,
  SessionOrder,
} from "../../src/ports.ts";
import type { Chance } from "./chance.ts";
import {
  type HostDatabase,
  inView,
  newestAssistant,
  type StoredMessage,
  type StoredPart,
  type StoredSession,
} from "./host-database.ts";
import type { Weather } from "./weather.ts";

/** What the model does in one step. */
export interface Thought {
  readonly afterMs: number;
  /** The provider fails, and the turn with it. */
  readonly fault?: HostFault;
  /** Tool calls, one after another; a step without any ends the turn. */
  readonly calls: readonly (() => Promise<void>)[];
  readonly text: string;
}

export interface Step {
  readonly sessionId: SessionId;
  readonly stepId: string;
  /** What the model is sent. */
  readonly list: readonly StoredMessage[];
}

/** Who plays the model, and who watches what is stored and sent: they know what the plugin is to find out. */
export interface Company {
  think(step: Step): Thought;
  stored(session: StoredSession, message: StoredMessage, part: StoredPart): void;
  posted(prompt: Prompt): void;
  /** A question about a session gets no answer. */
  unanswered(sessionId: SessionId): void;
  finished(step: Step): void;
  logged(line: string): void;
  /** The simulation itself is at fault. */
  broke(fault: unknown): void;
}

/** A deadline of the adapter. */
const DEADLINE_MS = 5_000;
/** The host says idle this long before an aborted message is complete (measured). */
const CLEAN_UP_MS = 90;

const ABORTED: HostFault = { name: "MessageAbortedError", message: "aborted" };
const OVERLOADED: HostFault = { name: "APIError", message: "overloaded", statusCode: 529, retryable: true };
const NO_TOKENS = { input: 0, output: 0, reasoning: 0, cacheRead: 0, cacheWrite: 0 };

interface Turn {
  readonly stopped: Promise<void>;
  isStopped: boolean;
  stop(): void;
}

/**
 * OpenCode's behaviour towards a plugin, as far as delivery depends on it, on a turned clock and with faults. What it
 * claims, `test/contract/host.ts` checks on the real one as well.
 *
 * One object is one process: it has the turns that run in it; what is stored lies in the {@link HostDatabase}.
 */
export class SimulatedHost implements Host {
  readonly #database: HostDatabase;
  readonly #clock: Clock;
  readonly #chance: Chance;
  readonly #company: Company;
  readonly #tell: (fact: Fact) => void;
  readonly #turns = new Map<SessionId, Turn>();
  readonly #gates = new Map<
    SessionId,
    { readonly gate: Gate; readonly answer: (allowed: boolean) => void }
  >();
  weather: Weather;
  /** When the last event that was published arrives: they come in their order. */
  #arrivesAt = 0;

  constructor(
    database: HostDatabase,
    clock: Clock,
    chance: Chance,
    weather: Weather,
    company: Company,
    tell: (fact: Fact) => void,
  ) {
    this.#database = database;
    this.#clock = clock;
    this.#chance = chance;
    this.#company = company;
    this.#tell = tell;
    this.weather = weather;
  }

  // What the plugin asks.

  async openSession(order: SessionOrder): Promise<SessionId> {
    await this.#travel();
    const { id } = this.#database.open(order);
    await this.#pass(5);
    return id;
  }

  async findSession(parentId: SessionId, mark: SessionMark): Promise<SessionId | undefined> {
    await this.#travel();
    return [...this.#database.sessions.values()].find(
      (one) =>
        one.parentId === parentId &&
        one.mark?.runId === mark.runId &&
        one.mark.member === mark.member &&
        one.mark.generation === mark.generation,
    )?.id;
  }

  async session(sessionId: SessionId): Promise<HostSession | undefined> {
    await this.#travel(sessionId);
    const session = this.#database.sessions.get(sessionId);
    if (!session) return undefined;
    const { directory, agent, parentId, undoStaged } = session;
    return {
      sessionId,
      directory,
      agent,
      rules: [],
      undoStaged,
      ...(parentId === undefined ? {} : { parentId }),
    };
  }

  /** Nobody has subagents here, and the lead's children are members. */
  async children(): Promise<readonly HostSession[]> {
    await this.#travel();
    return [];
  }

  async post(prompt: Prompt): Promise<PostOutcome> {
    this.#company.posted(prompt);
    await this.#pass(this.#chance.between(1, 20));
    const { unreachable, swallowed, unheard } = this.weather;
    if (this.#chance.happens(unreachable)) return this.#unreachable();
    if (!this.#database.sessions.has(prompt.sessionId)) return { kind: "session_gone", reason: "not found" };
    if (this.#chance.happens(swallowed)) return { kind: "accepted" };
    const { hostMessageId, hostPartId, text, mark } = prompt;
    this.#receive(prompt.sessionId, hostMessageId, { partId: hostPartId, text, mark });
    return this.#chance.happens(unheard) ? this.#unreachable() : { kind: "accepted" };
  }

  async lastTurn(sessionId: SessionId): Promise<LastTurn | undefined> {
    await this.#travel(sessionId);
    const before = this.#newestStep(sessionId);
    if (before === "gone") return undefined;
    await this.#pass(this.#chance.between(1, 5));
    const activity = this.#turns.has(sessionId) ? "busy" : "idle";
    const mayBeOld = activity === "idle" && before !== "none" && !before.completed;
    const step = mayBeOld ? this.#newestStep(sessionId) : before;
    return step === "none" || step === "gone" ? { activity } : { activity, step };
  }

  async steps(sessionId: SessionId, since: Instant): Promise<readonly StoredStep[] | undefined> {
    await this.#travel(sessionId);
    const messages = this.#database.sessions.get(sessionId)?.messages;
    return messages
      ?.filter(
        ({ role, completedAt }) => role === "assistant" && (completedAt ?? Number.NEGATIVE_INFINITY) >= since,
      )
      .map((message) => ({ step: stepOf(message), tools: [] }));
  }

  async transcript(
    sessionId: SessionId,
    since: Instant = Number.NEGATIVE_INFINITY,
  ): ReturnType<Host["transcript"]> {
    await this.#travel(sessionId);
    return this.#database.transcript(sessionId, since);
  }

  async isStored(sessionId: SessionId, hostMessageId: string): Promise<boolean> {
    await this.#travel(sessionId);
    return (this.#find(sessionId, hostMessageId)?.parts.length ?? 0) > 0;
  }

  async promptStyle(sessionId: SessionId): Promise<PromptStyle> {
    await this.#travel(sessionId);
    return { agent: "build" };
  }

  async abort(sessionId: SessionId): Promise<void> {
    await this.#travel();
    this.#turns.get(sessionId)?.stop();
    await this.#pass(2 * CLEAN_UP_MS);
  }

  async addRules(): Promise<void> {
    await this.#travel();
  }

  async agents(): ReturnType<Host["agents"]> {
    return [];
  }

  async models(): ReturnType<Host["models"]> {
    return [];
  }

  async awaitInstance(): Promise<boolean> {
    return true;
  }

  async closeInstance(): Promise<void> {
    await this.#travel();
  }

  async answerPermission(): Promise<boolean> {
    return false;
  }

  async openGates(): ReturnType<Host["openGates"]> {
    await this.#travel();
    return [...this.#gates].map(([sessionId, { gate }]) => ({ sessionId, gate }));
  }

  async toast(): Promise<void> {
    await this.#travel();
  }

  log(...[level, text]: Parameters<Host["log"]>): void {
    this.#company.logged(`${level} ${text}`);
  }

  // What a person does.

  /** Types a prompt of their own into the session. */
  prompt(sessionId: SessionId, text: string): void {
    const session = this.#database.sessions.get(sessionId);
    // Whoever goes on writing agrees to the undo: what it took away is gone.
    if (session) session.undoStaged = false;
    this.#receive(sessionId, this.#database.freshId("msg"), {
      partId: this.#database.freshId("prt"),
      text,
    });
  }

  /** Presses Esc. */
  stop(sessionId: SessionId): void {
    this.#turns.get(sessionId)?.stop();
  }

  answer(sessionId: SessionId, allowed: boolean): void {
    this.#gates.get(sessionId)?.answer(allowed);
  }

  asking(): readonly SessionId[] {
    return [...this.#gates.keys()];
  }

  working(): readonly SessionId[] {
    return [...this.#turns.keys()];
  }

  /** Summarises the history between two turns. */
  async compact(sessionId: SessionId, keeps: number): Promise<void> {
    const session = this.#database.sessions.get(sessionId);
    if (!session || this.#turns.has(sessionId)) return;
    const turn = this.#begin(sessionId);
    await this.#compact(session, "asked", keeps);
    if (!turn.isStopped) this.#end(sessionId);
  }

  /** An idle that means nothing. */
  lie(sessionId: SessionId): void {
    this.#publish({ type: "session_idle", sessionId });
  }

  // Within.

  #pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.after(ms, resolve));
  }

  /** @param about the session that is asked about. */
  async #travel(about?: SessionId): Promise<void> {
    await this.#pass(this.#chance.between(1, 10));
    if (!this.#chance.happens(this.weather.unanswered)) return;
    if (about !== undefined) this.#company.unanswered(about);
    await this.#pass(DEADLINE_MS);
    throw new FlotillaError({ code: "host_timeout", message: "no answer", hint: "Ask again." });
  }

  async #unreachable(): Promise<PostOutcome> {
    await this.#pass(this.#chance.oneOf([1, DEADLINE_MS]));
    return { kind: "unreachable", reason: "connection reset" };
  }

  #find(sessionId: SessionId, messageId: string): StoredMessage | undefined {
    return this.#database.sessions.get(sessionId)?.messages.findLast(({ id }) => id === messageId);
  }

  #newestStep(sessionId: SessionId): LastStep | "none" | "gone" {
    const session = this.#database.sessions.get(sessionId);
    if (!session) return "gone";
    const newest = newestAssistant(session.messages);
    return newest ? endOf(newest) : "none";
  }

  /** An accepted prompt: told to the hook, its row stored, then its part, then the loop is set going. */
  #receive(sessionId: SessionId, messageId: string, part: StoredPart): void {
    this.#accept(sessionId, messageId, part).catch((fault: unknown) => this.#company.broke(fault));
  }

  async #accept(sessionId: SessionId, messageId: string, part: StoredPart): Promise<void> {
    await this.#pass(this.#chance.between(5, 200));
    const session = this.#database.sessions.get(sessionId);
    if (!session) return;
    const mark = part.mark === undefined ? {} : { mark: part.mark };
    this.#tell({ type: "prompt_received", sessionId, hostMessageId: messageId, ...mark });
    await this.#pass(this.#chance.between(1, 5));
    const known = this.#find(sessionId, messageId);
    const isNewest = session.messages.findLast(({ role }) => role === "user") === known;
    const message = known ?? this.#write(session, { id: messageId, role: "user" });
    await this.#pass(this.#chance.happens(this.weather.torn) ? this.#chance.between(20, 2_000) : 1);
    if (message.parts.length === 0) this.#company.stored(session, message, part);
    message.parts = [part];
    // A repeat of the newest message starts a turn only if it is unanswered; one of an older message always does.
    if (!this.#turns.has(sessionId)) await this.#run(session, known !== undefined && !isNewest);
  }

  #write(
    session: StoredSession,
    { id, role, ...rest }: Pick<StoredMessage, "id" | "role"> & Partial<StoredMessage>,
  ): StoredMessage {
    const message = { id, role, createdAt: this.#clock.now(), summary: false, parts: [], ...rest };
    session.messages.push(message);
    return message;
  }

  #begin(sessionId: SessionId): Turn {
    const { promise, resolve } = Promise.withResolvers<void>();
    const turn: Turn = {
      stopped: promise,
      isStopped: false,
      stop: () => {
        turn.isStopped = true;
        resolve();
      },
    };
    this.#turns.set(sessionId, turn);
    this.#publish({ type: "session_busy", sessionId });
    return turn;
  }

  #end(sessionId: SessionId): void {
    this.#turns.delete(sessionId);
    this.#publish({ type: "session_idle", sessionId });
  }

  async #run(session: StoredSession, again: boolean): Promise<void> {
    const turn = this.#begin(session.id);
    let forced = again;
    while (await this.#step(session, turn, forced)) forced = false;
    // Whatever was stored in between has not been seen, and nobody sets the loop going again.
    await this.#pass(1);
    if (this.#turns.get(session.id) === turn) this.#end(session.id);
  }

  /** One model call; whether the turn goes on. */
  async #step(session: StoredSession, turn: Turn, forced: boolean): Promise<boolean> {
    const { id: sessionId } = session;
    await this.#pass(this.#chance.between(2, 30));
    if (turn.isStopped) return this.#cutShort(session, turn);
    // As they are now: a part that is written later is not in it.
    const read = inView(session).map((message) => ({ ...message }));
    if (!forced && !isOpen(read)) return false;
    if (this.#chance.happens(this.weather.compacting)) {
      return this.#compact(session, this.#chance.oneOf(["overflow", "full"]), this.#chance.between(0, 4));
    }
    const parent = read.findLast(({ role }) => role === "user");
    if (!parent) return false;
    const message = this.#write(session, {
      id: this.#database.freshId("msg"),
      role: "assistant",
      parentId: parent.id,
    });
    const step: Step = { sessionId, stepId: message.id, list: read };
    this.#show(session.id, read);
    const thought = this.#company.think(step);
    await Promise.race([this.#pass(thought.afterMs), turn.stopped]);
    if (turn.isStopped) return this.#cutShort(session, turn, message);
    if (thought.fault) return this.#fail(sessionId, message, thought.fault);
    for (const call of thought.calls) await Promise.race([call(), turn.stopped]);
    const asks = this.#chance.happens(this.weather.asking);
    const allowed = !asks || (await Promise.race([this.#ask(sessionId), turn.stopped])) !== false;
    if (turn.isStopped) return this.#cutShort(session, turn, message);
    message.parts = [{ partId: this.#database.freshId("prt"), text: thought.text }];
    message.finish = thought.calls.length > 0 || asks ? "tool-calls" : "stop";
    message.completedAt = this.#clock.now();
    this.#company.finished(step);
    this.#publish({ type: "step_ended", sessionId, step: stepOf(message) });
    return allowed;
  }

  #show(sessionId: SessionId, list: readonly StoredMessage[]): void {
    const prompts = list.filter(({ role }) => role === "user");
    const shown = prompts.flatMap(({ parts }) =>
      parts.flatMap(({ mark, text }) => (mark ? [{ mark, text }] : [])),
    );
    const last = newestAssistant(list);
    const isAnswer = last?.finish !== undefined && !last.fault && !last.summary;
    const isNewer = prompts.some(({ createdAt }) => createdAt > (last?.createdAt ?? 0));
    this.#tell({
      type: "list_shown",
      sessionId,
      shown,
      ...(last === undefined ? {} : { lastStepId: last.id }),
      ...(isAnswer ? { lastStepAnswered: true as const } : {}),
      ...(isAnswer && isNewer && last.finish === "stop"
        ? { passed: { finish: "stop", text: endOf(last).text } }
        : {}),
    });
  }

  #fail(sessionId: SessionId, message: StoredMessage, fault: HostFault): false {
    message.fault = fault;
    message.completedAt = this.#clock.now();
    this.#publish({ type: "session_errored", sessionId, error: fault });
    this.#publish({ type: "step_ended", sessionId, step: stepOf(message) });
    return false;
  }

  /** The host is idle at once, and again when it has cleaned up. */
  async #cutShort(session: StoredSession, turn: Turn, message?: StoredMessage): Promise<false> {
    const sessionId = session.id;
    this.#gates.delete(sessionId);
    this.#publish({ type: "session_errored", sessionId, error: ABORTED });
    if (this.#turns.get(sessionId) === turn) this.#end(sessionId);
    await this.#pass(CLEAN_UP_MS);
    if (message) {
      message.fault = ABORTED;
      message.completedAt = this.#clock.now();
      this.#publish({ type: "step_ended", sessionId, step: stepOf(message) });
    }
    this.#publish({ type: "session_idle", sessionId });
    return false;
  }

  /** Resolves to whether the person has allowed it. */
  async #ask(sessionId: SessionId): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const requestId = this.#database.freshId("per");
    const openedAt = this.#clock.now();
    const gate: Gate = { kind: "permission", requestId, subject: "bash", detail: "pwd", openedAt };
    this.#gates.set(sessionId, { gate, answer: resolve });
    this.#publish({ type: "gate_opened", sessionId, gate });
    const allowed = await promise;
    this.#gates.delete(sessionId);
    this.#publish({ type: "gate_closed", sessionId, requestId });
    return allowed;
  }

  /**
   * `overflow`: the newest prompt did not fit, and is written again after the summary, under new ids and with its mark.
   * `full`: between two steps; the host tells the model to go on. `asked`: a person wanted it.
   *
   * @returns whether the turn goes on.
   */
  async #compact(
    session: StoredSession,
    why: "overflow" | "full" | "asked",
    keeps: number,
  ): Promise<boolean> {
    const { id: sessionId } = session;
    const seen = inView(session);
    const prompts = seen.filter(({ role, parts }) => role === "user" && parts.length > 0);
    const request = this.#write(session, { id: this.#database.freshId("msg"), role: "user" });
    this.#tell({ type: "compaction_started", sessionId });
    this.#show(sessionId, seen);
    const summary = this.#write(session, {
      id: this.#database.freshId("msg"),
      role: "assistant",
      parentId: request.id,
      summary: true,
    });
    await this.#pass(this.#chance.between(50, 500));
    if (this.#chance.happens(this.weather.failing)) return this.#fail(sessionId, summary, OVERLOADED);
    summary.finish = "stop";
    summary.parts = [{ partId: this.#database.freshId("prt"), text: "What was said so far." }];
    summary.completedAt = this.#clock.now();
    // The overflowing prompt itself is what does not fit beside the summary.
    const kept = why === "overflow" || keeps === 0 ? undefined : prompts.at(-keeps);
    session.boundaryId = (kept ?? request).id;
    this.#publish({ type: "step_ended", sessionId, step: stepOf(summary) });
    this.#publish({ type: "session_compacted", sessionId });
    if (why === "asked") return false;
    const last = prompts.at(-1);
    const goOn = { partId: this.#database.freshId("prt"), text: "Continue if you have next steps." };
    const copied = why === "overflow" ? (last?.parts ?? [goOn]) : [goOn];
    this.#write(session, { id: this.#database.freshId("msg"), role: "user", parts: copied });
    return true;
  }

  /** Events come in their order, later than what they tell of, sometimes twice, sometimes never. */
  #publish(fact: Fact): void {
    const { lateMs, lost, twice } = this.weather;
    if (this.#chance.happens(lost)) return;
    const arriveAt = Math.max(this.#arrivesAt, this.#clock.now() + this.#chance.between(0, lateMs));
    this.#arrivesAt = arriveAt;
    this.#clock.after(arriveAt - this.#clock.now(), () => {
      this.#tell(fact);
      if (this.#chance.happens(twice)) this.#tell(fact);
    });
  }
}

/** Whether a prompt waits for an answer, or a tool's result for the next step. */
function isOpen(list: readonly StoredMessage[]): boolean {
  const prompt = list.findLastIndex(({ role }) => role === "user");
  if (prompt < 0) return false;
  const after = list.slice(prompt + 1).findLast(({ finish }) => finish !== undefined);
  return after === undefined || after.finish === "tool-calls";
}

/** A step as the plugin may ask for it. */
function endOf({ id, completedAt, finish, fault, parts, summary }: StoredMessage): LastStep {
  return {
    hostMessageId: id,
    completed: completedAt !== undefined,
    midTurn: finish === undefined || finish === "tool-calls",
    text: summary ? "" : parts.map(({ text }) => text).join("\n"),
    ...(finish === undefined ? {} : { finish }),
    ...(fault === undefined ? {} : { error: fault }),
  };
}

/** A step as its end is told. */
function stepOf(message: StoredMessage): ModelStep {
  const { id, parentId, finish, fault, summary, completedAt = 0 } = message;
  return {
    hostMessageId: id,
    summary,
    tokens: NO_TOKENS,
    cost: 0,
    startedAt: message.createdAt,
    completedAt,
    ...(parentId === undefined ? {} : { parentId }),
    ...(finish === undefined ? {} : { finish }),
    ...(fault === undefined ? {} : { error: fault }),
  };
}
