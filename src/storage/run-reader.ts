import { join } from "node:path";
import { z } from "zod";
import { type Batch, isOver } from "../core/delivery.ts";
import type { JournalEntry } from "../core/effects.ts";
import type { MessageId, Participant, RunId } from "../core/ids.ts";
import type { Message } from "../core/message.ts";
import { participantsOf, type RunState } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import type { MessagePlace } from "../ports.ts";
import { parseBatch } from "../records/batch.ts";
import { parseJournalEntry } from "../records/journal.ts";
import { parseMessage } from "../records/message.ts";
import { parseTimeless } from "../records/record.ts";
import type { Reading } from "../records/shape.ts";
import type { Disk } from "./disk.ts";
import { type Inbox, type Layout, sortNames } from "./layout.ts";
import type { Shelf } from "./shelf.ts";

/** A file that makes no sense. It is left where it is. */
export interface UnreadableFile {
  readonly path: string;
  readonly fault: string;
}

/** A message with where it is. */
export interface StoredMessage {
  readonly message: Message;
  readonly place: MessagePlace;
  /** What it travels in, while it is on its way. */
  readonly batch?: Batch;
  /** Why it was given up. */
  readonly reason?: string;
}

/**
 * A run's files for whoever only looks: nothing is moved, mended or set aside, and nobody's lock is waited for. While a run
 * goes on, a message may be seen in its next place or, between the two looks of a rename, be missed once.
 */
export class RunReader {
  readonly unreadable: UnreadableFile[] = [];
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #known: Map<string, Message>;

  /** @param known messages by their place: their files never change, so what was read once need not be read again. */
  constructor(disk: Disk, layout: Layout, known: Map<string, Message> = new Map()) {
    this.#disk = disk;
    this.#layout = layout;
    this.#known = known;
  }

  /** undefined: there is no such file, or it is among {@link unreadable} now. */
  async record<T>(path: string, parse: (text: string) => Reading<T>): Promise<T | undefined> {
    const text = await this.#disk.read(path);
    if (text === undefined) return undefined;
    const reading = parse(text);
    if (reading.ok) return reading.value;
    this.unreadable.push({ path, fault: reading.fault });
    return undefined;
  }

  /** As {@link record}, of files that are read again and again: one that was not replaced is not parsed anew. */
  async kept<T>(path: string, shelf: Shelf<T>): Promise<T | undefined> {
    try {
      return await shelf.read(path);
    } catch (error) {
      if (!(error instanceof FlotillaError) || error.code !== "record_unreadable") throw error;
      this.unreadable.push({ path, fault: String(error.details["fault"]) });
      return undefined;
    }
  }

  /** In the order in which it was written. The last line may still be in the making. */
  async journal(runId: RunId): Promise<readonly JournalEntry[]> {
    const path = this.#layout.journal(runId);
    const lines = ((await this.#disk.read(path)) ?? "").split("\n").slice(0, -1);
    return lines.flatMap((line, index) => {
      const reading = parseJournalEntry(line);
      if (reading.ok) return [reading.value];
      this.unreadable.push({ path: `${path}:${index + 1}`, fault: reading.fault });
      return [];
    });
  }

  /** Mail that its reader has not acknowledged, in the order in which it was written. */
  async waitingMail(state: RunState): Promise<readonly StoredMessage[]> {
    return this.#mail(state, (inbox) => this.#waiting(inbox));
  }

  /** All mail of the run, in the order in which it was written. */
  async allMail(state: RunState): Promise<readonly StoredMessage[]> {
    return this.#mail(state, async (inbox) => [
      ...(await this.#waiting(inbox)),
      ...(await this.#acked(inbox)),
      ...(await this.#givenUp(inbox)),
    ]);
  }

  /** One message, wherever it is; undefined also while it is on its way from one place to the next. */
  async letter(runId: RunId, to: Participant, messageId: MessageId): Promise<StoredMessage | undefined> {
    const inbox = this.#layout.inbox(runId, to);
    const waiting = (await this.#waiting(inbox)).find(({ message }) => message.messageId === messageId);
    if (waiting) return waiting;
    if (await this.#disk.exists(inbox.processedMessage(messageId))) return this.#ackedOne(inbox, messageId);
    return (await this.#disk.exists(inbox.deadMessage(messageId)))
      ? this.#givenUpOne(inbox, messageId)
      : undefined;
  }

  async #mail(
    state: RunState,
    read: (inbox: Inbox) => Promise<readonly StoredMessage[]>,
  ): Promise<readonly StoredMessage[]> {
    const found: StoredMessage[] = [];
    for (const participant of participantsOf(state)) {
      found.push(...(await read(this.#layout.inbox(state.runId, participant))));
    }
    return found.toSorted((one, other) => one.message.seq - other.message.seq);
  }

  async #waiting(inbox: Inbox): Promise<readonly StoredMessage[]> {
    const { ready, reserved, batches } = sortNames(await this.#disk.names(inbox.folder));
    const travelling = new Map<MessageId, Batch>();
    for (const batchId of batches) {
      const batch = await this.record(inbox.batch(batchId), parseBatch);
      if (!batch || isOver(batch.phase)) continue;
      for (const messageId of batch.messageIds) travelling.set(messageId, batch);
    }
    const found: StoredMessage[] = [];
    for (const messageId of new Set([...ready, ...reserved])) {
      const batch = travelling.get(messageId);
      const place = ready.has(messageId) ? "ready" : "reserved";
      // It may have moved on since the names were read.
      const message = await this.#message(
        inbox,
        messageId,
        inbox[place](messageId),
        inbox.reserved(messageId),
      );
      if (message) found.push({ message, place, ...(batch && { batch }) });
    }
    return found;
  }

  #acked(inbox: Inbox): Promise<readonly StoredMessage[]> {
    return this.#inFolder(inbox.processed, (messageId) => this.#ackedOne(inbox, messageId));
  }

  async #ackedOne(inbox: Inbox, messageId: MessageId): Promise<StoredMessage | undefined> {
    const message = await this.#message(inbox, messageId, inbox.processedMessage(messageId));
    return message && { message, place: "processed" };
  }

  #givenUp(inbox: Inbox): Promise<readonly StoredMessage[]> {
    return this.#inFolder(inbox.dead, (messageId) => this.#givenUpOne(inbox, messageId));
  }

  async #givenUpOne(inbox: Inbox, messageId: MessageId): Promise<StoredMessage | undefined> {
    const message = await this.#message(inbox, messageId, inbox.deadMessage(messageId));
    const reason = await this.record(inbox.deadReason(messageId), parseReason);
    return message && { message, place: "dead", ...(reason === undefined ? {} : { reason }) };
  }

  async #message(
    inbox: Inbox,
    messageId: MessageId,
    ...paths: readonly string[]
  ): Promise<Message | undefined> {
    const place = join(inbox.folder, messageId);
    const known = this.#known.get(place);
    if (known) return known;
    for (const path of paths) {
      const message = await this.record(path, parseMessage);
      if (message) this.#known.set(place, message);
      if (message) return message;
    }
    return undefined;
  }

  async #inFolder(
    folder: string,
    read: (messageId: MessageId) => Promise<StoredMessage | undefined>,
  ): Promise<readonly StoredMessage[]> {
    const found: StoredMessage[] = [];
    for (const messageId of sortNames(await this.#disk.names(folder)).ready) {
      const stored = await read(messageId);
      if (stored) found.push(stored);
    }
    return found;
  }
}

/** Beside a message that was given up. */
const reasonSchema = z.looseObject({ reason: z.string() });

function parseReason(text: string): Reading<string> {
  const reading = parseTimeless(reasonSchema, text);
  return reading.ok ? { ok: true, value: reading.value.reason } : reading;
}
