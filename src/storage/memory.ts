import { type Batch, isOver } from "../core/delivery.ts";
import type { JournalEntry } from "../core/effects.ts";
import type { Instant, MessageId, Participant, RunId, SessionId, TaskId } from "../core/ids.ts";
import type { Message } from "../core/message.ts";
import type { RunState } from "../core/run.ts";
import type { RunSurvey } from "../core/survey.ts";
import type { Task } from "../core/task.ts";
import { FlotillaError } from "../errors.ts";
import type {
  HeldRun,
  Mailbox,
  MessagePlace,
  Ownership,
  RunStore,
  SessionLeases,
  ShownBefore,
  StatusBoard,
  TaskStore,
} from "../ports.ts";
import { parseBatch } from "../records/batch.ts";
import { parseMessage } from "../records/message.ts";
import { formatRecord } from "../records/record.ts";
import { formatRun, parseRun } from "../records/run.ts";
import type { Reading } from "../records/shape.ts";
import { parseTask } from "../records/task.ts";
import { runNotFound, unreadable } from "./faults.ts";
import type { Storage } from "./open.ts";

/**
 * What a base folder holds, in memory: for tests and simulations. Records are kept as the text they would have on disk,
 * so nobody shares an object with it. Each {@link MemoryDisk.process} is one process at the same folder.
 */
export class MemoryDisk {
  readonly #runs = new Map<RunId, MemoryRun>();
  readonly #archive = new Map<RunId, ArchivedRun>();
  #processes = 0;

  process(): Storage & { /** Its ownerships and leases are free from now on. */ die(): void } {
    this.#processes += 1;
    const name = this.#processes;
    return {
      runs: new MemoryRunStore(this.#runs, this.#archive),
      mailbox: new MemoryMailbox(this.#runs),
      tasks: new MemoryTaskStore(this.#runs),
      ownership: new MemoryOwnership(this.#runs, name),
      leases: new MemorySessionLeases(this.#runs, name),
      board: new MemoryStatusBoard(this.#runs),
      die: () => {
        for (const run of this.#runs.values()) {
          if (run.owner === name) run.owner = undefined;
          for (const [session, holder] of run.holders) if (holder === name) run.holders.delete(session);
        }
      },
    };
  }

  /** The journal of a run, archived or not. */
  journal(runId: RunId): readonly JournalEntry[] {
    return (this.#runs.get(runId) ?? this.#archive.get(runId))?.journal ?? [];
  }

  /** As if the run had been archived at that time. */
  backdate(runId: RunId, archivedAt: Instant): void {
    const run = this.#archive.get(runId);
    if (run) this.#archive.set(runId, { ...run, archivedAt });
  }

  /** Runs that are not archived. */
  runs(): readonly RunId[] {
    return [...this.#runs.keys()];
  }

  /** Messages that are ready or on their way to a recipient. */
  waiting(runId: RunId, recipient: Participant): number {
    return this.#runs.get(runId)?.inboxes.get(recipient)?.waiting.size ?? 0;
  }

  /** Why a message was given up. */
  deadReason(runId: RunId, recipient: Participant, messageId: MessageId): string | undefined {
    const run = this.#runs.get(runId) ?? this.#archive.get(runId);
    return run?.inboxes.get(recipient)?.mail.get(messageId)?.reason;
  }
}

interface MemoryRun {
  state: string;
  readonly journal: JournalEntry[];
  /** Revision and index of every line. */
  readonly lines: Set<string>;
  readonly tasks: Map<TaskId, string>;
  readonly inboxes: Map<Participant, MemoryInbox>;
  owner: number | undefined;
  readonly holders: Map<SessionId, number>;
  readonly watchers: Set<() => void>;
  /** What is shown of it, and when it was. */
  shown?: { readonly survey: RunSurvey; readonly at: Instant } | undefined;
  /** Ends when the last caller in line is through. */
  line: Promise<unknown>;
}

interface ArchivedRun extends MemoryRun {
  readonly archivedAt: Instant;
}

interface MemoryInbox {
  readonly mail: Map<MessageId, StoredMail>;
  /** Those of them that are ready or reserved: what a look at the inbox costs does not grow with its history. */
  readonly waiting: Map<MessageId, StoredMail>;
  readonly batches: Map<string, string>;
}

interface StoredMail {
  readonly text: string;
  place: MessagePlace;
  reason?: string;
}

class MemoryRunStore implements RunStore {
  readonly #runs: Map<RunId, MemoryRun>;
  readonly #archive: Map<RunId, ArchivedRun>;

  constructor(runs: Map<RunId, MemoryRun>, archive: Map<RunId, ArchivedRun>) {
    this.#runs = runs;
    this.#archive = archive;
  }

  async create(state: RunState): Promise<void> {
    if (this.#runs.has(state.runId)) {
      throw new FlotillaError({
        code: "storage_failed",
        message: `run ${state.runId} exists already`,
        hint: "Create the run under another id.",
      });
    }
    this.#runs.set(state.runId, {
      state: formatRun(state),
      journal: [],
      lines: new Set(),
      tasks: new Map(),
      inboxes: new Map(),
      owner: undefined,
      holders: new Map(),
      watchers: new Set(),
      line: Promise.resolve(),
    });
  }

  async exclusively<T>(runId: RunId, work: (run: HeldRun) => Promise<T>): Promise<T> {
    const run = runOf(this.#runs, runId);
    const mine = run.line.then(async () => {
      const held = new MemoryHeldRun(runOf(this.#runs, runId));
      try {
        return await work(held);
      } finally {
        held.close();
      }
    });
    run.line = mine.catch(() => undefined);
    return mine;
  }

  async read(runId: RunId): Promise<RunState | undefined> {
    const run = this.#runs.get(runId);
    return run && parsed(parseRun(run.state));
  }

  watch(runId: RunId, changed: () => void): () => void {
    const { watchers } = runOf(this.#runs, runId);
    watchers.add(changed);
    return () => watchers.delete(changed);
  }

  async list(): Promise<readonly RunId[]> {
    return [...this.#runs.keys()].toSorted();
  }

  async archive(runId: RunId): Promise<void> {
    const run = this.#runs.get(runId);
    if (!run) return;
    await run.line;
    this.#runs.delete(runId);
    this.#archive.set(runId, { ...run, archivedAt: Date.now() });
  }

  async sweepArchive(before: Instant): Promise<readonly RunId[]> {
    const old = [...this.#archive]
      .filter(([, { archivedAt }]) => archivedAt < before)
      .map(([runId]) => runId);
    for (const runId of old) this.#archive.delete(runId);
    return old;
  }
}

class MemoryHeldRun implements HeldRun {
  readonly #run: MemoryRun;
  #open = true;

  constructor(run: MemoryRun) {
    this.#run = run;
  }

  async load(): Promise<RunState> {
    this.#assertOpen();
    return parsed(parseRun(this.#run.state));
  }

  async commit(state: RunState): Promise<void> {
    this.#assertOpen();
    this.#run.state = formatRun(state);
    for (const changed of this.#run.watchers) changed();
  }

  async appendJournal(entries: readonly JournalEntry[]): Promise<void> {
    this.#assertOpen();
    for (const entry of entries) {
      const line = `${entry.revision} ${entry.index}`;
      if (this.#run.lines.has(line)) continue;
      this.#run.lines.add(line);
      this.#run.journal.push(JSON.parse(JSON.stringify(entry)) as JournalEntry);
    }
  }

  close(): void {
    this.#open = false;
  }

  #assertOpen(): void {
    if (this.#open) return;
    throw new FlotillaError({
      code: "internal",
      message: "the run was used after its lock had been let go",
      hint: "Report this as a defect of opencode-flotilla.",
    });
  }
}

class MemoryMailbox implements Mailbox {
  readonly #runs: Map<RunId, MemoryRun>;

  constructor(runs: Map<RunId, MemoryRun>) {
    this.#runs = runs;
  }

  async put(message: Message): Promise<void> {
    const { inboxes } = runOf(this.#runs, message.runId);
    const inbox = inboxes.get(message.to) ?? { mail: new Map(), waiting: new Map(), batches: new Map() };
    inboxes.set(message.to, inbox);
    if (inbox.mail.has(message.messageId)) return;
    const mail: StoredMail = { text: formatRecord(message), place: "ready" };
    inbox.mail.set(message.messageId, mail);
    inbox.waiting.set(message.messageId, mail);
  }

  async ready(runId: RunId, recipient: Participant): Promise<readonly Message[]> {
    return this.#waiting(runId, recipient, ["ready"]).toSorted((one, other) => one.seq - other.seq);
  }

  async unreadBytes(runId: RunId, recipient: Participant): Promise<number> {
    const waiting = this.#waiting(runId, recipient, ["ready", "reserved"]);
    return waiting.reduce((bytes, message) => bytes + Buffer.byteLength(message.body), 0);
  }

  async unreadCount(runId: RunId, recipient: Participant): Promise<number> {
    return this.#inbox(runId, recipient)?.waiting.size ?? 0;
  }

  async deadCount(runId: RunId, recipient: Participant): Promise<number> {
    const mail = [...(this.#inbox(runId, recipient)?.mail.values() ?? [])];
    return mail.filter(({ place }) => place === "dead").length;
  }

  async find(runId: RunId, recipient: Participant, messageId: MessageId): Promise<MessagePlace | undefined> {
    return this.#inbox(runId, recipient)?.mail.get(messageId)?.place;
  }

  async reserve(batch: Batch): Promise<void> {
    const inbox = this.#inbox(batch.runId, batch.recipient);
    if (!inbox?.batches.has(batch.batchId)) {
      for (const messageId of batch.messageIds) {
        const place = inbox?.mail.get(messageId)?.place;
        if (place === "ready") continue;
        throw new FlotillaError({
          code: "internal",
          message: `message ${messageId} to ${batch.recipient} cannot be reserved: it is ${place ?? "not there"}`,
          hint: "Read the inbox again; what is ready now can be reserved.",
        });
      }
      inbox?.batches.set(batch.batchId, formatRecord(batch));
    }
    this.#move(batch, "ready", "reserved");
  }

  async saveBatch(batch: Batch): Promise<void> {
    const inbox = this.#inbox(batch.runId, batch.recipient);
    if (inbox?.batches.has(batch.batchId)) inbox.batches.set(batch.batchId, formatRecord(batch));
  }

  async batches(runId: RunId, recipient: Participant): Promise<readonly Batch[]> {
    return this.#batchesIn(runId, recipient)
      .filter((batch) => !isOver(batch.phase))
      .toSorted((one, other) => one.reservedAt - other.reservedAt || (one.batchId < other.batchId ? -1 : 1));
  }

  async mend(runId: RunId, recipient: Participant): Promise<readonly Batch[]> {
    for (const batch of this.#batchesIn(runId, recipient)) await this.#finish(batch);
    return this.batches(runId, recipient);
  }

  async messagesOf(batch: Batch): Promise<readonly Message[]> {
    const mail = this.#inbox(batch.runId, batch.recipient)?.mail;
    return batch.messageIds.flatMap((messageId) => {
      const stored = mail?.get(messageId);
      return stored ? [parsed(parseMessage(stored.text))] : [];
    });
  }

  async ack(batch: Batch): Promise<void> {
    this.#move(batch, "reserved", "processed");
    this.#move(batch, "ready", "processed");
    this.#inbox(batch.runId, batch.recipient)?.batches.delete(batch.batchId);
  }

  async release(batch: Batch): Promise<void> {
    this.#move(batch, "reserved", "ready");
    this.#inbox(batch.runId, batch.recipient)?.batches.delete(batch.batchId);
  }

  async bury(
    runId: RunId,
    recipient: Participant,
    messageIds: readonly MessageId[],
    reason: string,
  ): Promise<void> {
    const inbox = this.#inbox(runId, recipient);
    if (!inbox) return;
    for (const messageId of messageIds) {
      const stored = inbox.mail.get(messageId);
      if (stored?.place === "ready" || stored?.place === "reserved") {
        Object.assign(stored, { place: "dead", reason } as const);
        inbox.waiting.delete(messageId);
      }
    }
    for (const [batchId, text] of inbox.batches) {
      const batch = parsed(parseBatch(text));
      const left = batch.messageIds.filter((messageId) => !messageIds.includes(messageId));
      if (left.length === 0) inbox.batches.delete(batchId);
      else inbox.batches.set(batchId, formatRecord({ ...batch, messageIds: left }));
    }
  }

  async #finish(batch: Batch): Promise<void> {
    if (!isOver(batch.phase)) return;
    if (batch.phase === "acked") await this.ack(batch);
    else if (batch.phase === "returned") await this.release(batch);
    else {
      const reason = batch.lastError ?? "its delivery was given up";
      await this.bury(batch.runId, batch.recipient, batch.messageIds, reason);
    }
  }

  #batchesIn(runId: RunId, recipient: Participant): readonly Batch[] {
    const texts = this.#inbox(runId, recipient)?.batches.values() ?? [];
    return [...texts].map((text) => parsed(parseBatch(text)));
  }

  #inbox(runId: RunId, recipient: Participant): MemoryInbox | undefined {
    return this.#runs.get(runId)?.inboxes.get(recipient);
  }

  #waiting(runId: RunId, recipient: Participant, places: readonly MessagePlace[]): Message[] {
    const mail = [...(this.#inbox(runId, recipient)?.waiting.values() ?? [])];
    return mail.filter(({ place }) => places.includes(place)).map(({ text }) => parsed(parseMessage(text)));
  }

  #move(batch: Batch, from: MessagePlace, to: MessagePlace): void {
    const inbox = this.#inbox(batch.runId, batch.recipient);
    for (const messageId of batch.messageIds) {
      const stored = inbox?.waiting.get(messageId);
      if (stored?.place !== from) continue;
      stored.place = to;
      if (to === "processed") inbox?.waiting.delete(messageId);
    }
  }
}

class MemoryTaskStore implements TaskStore {
  readonly #runs: Map<RunId, MemoryRun>;

  constructor(runs: Map<RunId, MemoryRun>) {
    this.#runs = runs;
  }

  async write(runId: RunId, task: Task): Promise<void> {
    const { tasks } = runOf(this.#runs, runId);
    const there = tasks.get(task.taskId);
    if (there !== undefined && parsed(parseTask(there)).revision >= task.revision) return;
    tasks.set(task.taskId, formatRecord(task));
  }

  async read(runId: RunId, taskId: TaskId): Promise<Task | undefined> {
    const text = this.#runs.get(runId)?.tasks.get(taskId);
    return text === undefined ? undefined : parsed(parseTask(text));
  }

  async list(runId: RunId): Promise<readonly Task[]> {
    const texts = [...(this.#runs.get(runId)?.tasks.values() ?? [])];
    return texts.map((text) => parsed(parseTask(text))).toSorted((one, other) => one.taskId - other.taskId);
  }
}

class MemoryOwnership implements Ownership {
  readonly #runs: Map<RunId, MemoryRun>;
  readonly #name: number;

  constructor(runs: Map<RunId, MemoryRun>, name: number) {
    this.#runs = runs;
    this.#name = name;
  }

  async take(runId: RunId): Promise<boolean> {
    const run = runOf(this.#runs, runId);
    run.owner ??= this.#name;
    return run.owner === this.#name;
  }

  holds(runId: RunId): boolean {
    return this.#runs.get(runId)?.owner === this.#name;
  }

  async release(runId: RunId): Promise<void> {
    const run = this.#runs.get(runId);
    if (run?.owner === this.#name) run.owner = undefined;
  }
}

class MemoryStatusBoard implements StatusBoard {
  readonly #runs: Map<RunId, MemoryRun>;

  constructor(runs: Map<RunId, MemoryRun>) {
    this.#runs = runs;
  }

  async shown(runId: RunId): Promise<ShownBefore | undefined> {
    const shown = this.#runs.get(runId)?.shown;
    return shown && { survey: shown.survey, leftRunning: [] };
  }

  async show(survey: RunSurvey): Promise<void> {
    runOf(this.#runs, survey.runId).shown = { survey, at: Date.now() };
  }

  async shownAt(runId: RunId): Promise<Instant | undefined> {
    return this.#runs.get(runId)?.shown?.at;
  }

  async clear(runId: RunId): Promise<void> {
    const run = this.#runs.get(runId);
    if (run) run.shown = undefined;
  }
}

class MemorySessionLeases implements SessionLeases {
  readonly #runs: Map<RunId, MemoryRun>;
  readonly #name: number;

  constructor(runs: Map<RunId, MemoryRun>, name: number) {
    this.#runs = runs;
    this.#name = name;
  }

  async take(runId: RunId, sessionId: SessionId): Promise<boolean> {
    const { holders } = runOf(this.#runs, runId);
    if (!holders.has(sessionId)) holders.set(sessionId, this.#name);
    return holders.get(sessionId) === this.#name;
  }

  holds(runId: RunId, sessionId: SessionId): boolean {
    return this.#runs.get(runId)?.holders.get(sessionId) === this.#name;
  }

  async release(runId: RunId, sessionId: SessionId): Promise<void> {
    if (this.holds(runId, sessionId)) this.#runs.get(runId)?.holders.delete(sessionId);
  }
}

function runOf(runs: ReadonlyMap<RunId, MemoryRun>, runId: RunId): MemoryRun {
  const run = runs.get(runId);
  if (!run) throw runNotFound(runId);
  return run;
}

function parsed<T>(reading: Reading<T>): T {
  if (reading.ok) return reading.value;
  throw unreadable("a record in memory", reading.fault);
}
