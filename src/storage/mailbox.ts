import { type Batch, isOver } from "../core/delivery.ts";
import type { BatchId, MessageId, Participant, RunId } from "../core/ids.ts";
import type { Message } from "../core/message.ts";
import { FlotillaError } from "../errors.ts";
import type { Mailbox, MessagePlace } from "../ports.ts";
import { parseBatch } from "../records/batch.ts";
import { parseMessage } from "../records/message.ts";
import { formatRecord } from "../records/record.ts";
import type { Disk } from "./disk.ts";
import { isFault, runNotFound, type StorageReport } from "./faults.ts";
import { type Inbox, isId, type Layout, sortNames } from "./layout.ts";
import { setAside } from "./set-aside.ts";

/**
 * Inboxes as folders. Where a message's file is *is* its state, and every change of it is one rename:
 *
 *     <id>.json  --reserve-->  .delivering-<id>.json  --ack-->  processed/<id>.json
 *         ^  `-----------release--------'  |
 *         `------------------bury----------+--------------->  dead/<id>.json
 *
 * A batch file announces the renames of its messages, so it is written before the first of them and removed after the last
 * one back or out. What a crash leaves is therefore always one of: a batch file some of whose messages are not reserved
 * yet (the renames are finished), a batch file some of whose messages are not reserved any more (the operation is
 * repeated), a temporary file (ignored, then swept). {@link mend} repairs all of it. Whoever only looks repairs nothing: what
 * looks half done may be what a living process is doing.
 */
export class DiskMailbox implements Mailbox {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #report: (report: StorageReport) => void;
  /** Waiting messages by inbox folder. Their files never change, so what was read once need not be read again. */
  readonly #waiting = new Map<string, Map<MessageId, Message>>();

  constructor(disk: Disk, layout: Layout, report: (report: StorageReport) => void) {
    this.#disk = disk;
    this.#layout = layout;
    this.#report = report;
  }

  async put(message: Message): Promise<void> {
    const inbox = this.#layout.inbox(message.runId, message.to);
    const place = await this.#place(inbox, message.messageId);
    if (place !== undefined && place !== "ready") return;
    try {
      await this.#disk.makeFolder(inbox.folder);
      const path = inbox.ready(message.messageId);
      if (!place && (await this.#disk.create(path, formatRecord(message)))) this.#keep(inbox, message);
      // Whoever put it may have died before its name was safe; the answer says that it is.
      else await this.#disk.syncFolder(inbox.folder);
    } catch (error) {
      throw isFault(error, "ENOENT") ? runNotFound(message.runId, error) : error;
    }
  }

  async ready(runId: RunId, recipient: Participant): Promise<readonly Message[]> {
    const inbox = this.#layout.inbox(runId, recipient);
    const { ready } = await this.#list(inbox);
    const messages = await this.#readAll(inbox, [...ready], (messageId) => [inbox.ready(messageId)]);
    return messages.toSorted((one, other) => one.seq - other.seq);
  }

  async unreadBytes(runId: RunId, recipient: Participant): Promise<number> {
    const inbox = this.#layout.inbox(runId, recipient);
    const { ready, reserved } = await this.#list(inbox);
    const waiting = await this.#readAll(inbox, [...ready, ...reserved], (messageId) => [
      inbox.ready(messageId),
      inbox.reserved(messageId),
    ]);
    return waiting.reduce((bytes, message) => bytes + Buffer.byteLength(message.body), 0);
  }

  async unreadCount(runId: RunId, recipient: Participant): Promise<number> {
    const { ready, reserved } = await this.#list(this.#layout.inbox(runId, recipient));
    return ready.size + reserved.size;
  }

  async deadCount(runId: RunId, recipient: Participant): Promise<number> {
    const { dead } = this.#layout.inbox(runId, recipient);
    return sortNames(await this.#disk.names(dead)).ready.size;
  }

  async find(runId: RunId, recipient: Participant, messageId: MessageId): Promise<MessagePlace | undefined> {
    return this.#place(this.#layout.inbox(runId, recipient), messageId);
  }

  /** Rejects if another batch has one of the messages: it would reach the model twice. */
  async reserve(batch: Batch): Promise<void> {
    const inbox = this.#inboxOf(batch);
    const path = inbox.batch(batch.batchId);
    if (!(await this.#disk.exists(path))) {
      for (const messageId of batch.messageIds) await this.#assertReady(inbox, batch, messageId);
      await this.#disk.replace(path, formatRecord(batch));
    } else {
      await this.#disk.syncFolder(inbox.folder);
    }
    for (const messageId of batch.messageIds) {
      await this.#disk.move(inbox.ready(messageId), inbox.reserved(messageId));
    }
  }

  /** A batch whose file is gone is over, and stays so. */
  async saveBatch(batch: Batch): Promise<void> {
    const path = this.#inboxOf(batch).batch(batch.batchId);
    if (await this.#disk.exists(path)) await this.#disk.replace(path, formatRecord(batch));
  }

  async batches(runId: RunId, recipient: Participant): Promise<readonly Batch[]> {
    const inbox = this.#layout.inbox(runId, recipient);
    const { batches } = await this.#list(inbox);
    const open: Batch[] = [];
    for (const batchId of batches) {
      const batch = await this.#readBatch(inbox, batchId);
      if (batch && !isOver(batch.phase)) open.push(batch);
    }
    return open.toSorted(byAge);
  }

  async mend(runId: RunId, recipient: Participant): Promise<readonly Batch[]> {
    const inbox = this.#layout.inbox(runId, recipient);
    const names = await this.#disk.names(inbox.folder);
    await this.#disk.sweep(inbox.folder, names);
    const open: Batch[] = [];
    const listed = sortNames(names);
    for (const batchId of listed.batches) {
      const batch = await this.#readBatch(inbox, batchId);
      const resumed = batch && (await this.#resume(inbox, batch, listed.reserved));
      if (resumed) open.push(resumed);
    }
    await this.#returnOrphans(inbox);
    return open.toSorted(byAge);
  }

  async messagesOf(batch: Batch): Promise<readonly Message[]> {
    const inbox = this.#inboxOf(batch);
    return this.#readAll(inbox, batch.messageIds, (messageId) => [
      inbox.reserved(messageId),
      inbox.ready(messageId),
      inbox.processedMessage(messageId),
      inbox.deadMessage(messageId),
    ]);
  }

  async ack(batch: Batch): Promise<void> {
    const inbox = this.#inboxOf(batch);
    await this.#disk.makeFolder(inbox.processed);
    for (const messageId of batch.messageIds) {
      await this.#takeOut(inbox, messageId, inbox.processedMessage(messageId));
    }
    // Safe before the batch file goes: a reservation without a batch would be delivered again.
    await this.#disk.syncFolder(inbox.processed);
    await this.#disk.syncFolder(inbox.folder);
    await this.#disk.remove(inbox.batch(batch.batchId));
  }

  async release(batch: Batch): Promise<void> {
    const inbox = this.#inboxOf(batch);
    for (const messageId of batch.messageIds) {
      await this.#disk.move(inbox.reserved(messageId), inbox.ready(messageId));
    }
    await this.#disk.remove(inbox.batch(batch.batchId));
  }

  async bury(
    runId: RunId,
    recipient: Participant,
    messageIds: readonly MessageId[],
    reason: string,
  ): Promise<void> {
    const inbox = this.#layout.inbox(runId, recipient);
    const { ready, reserved, batches } = await this.#list(inbox);
    const waiting = messageIds.filter((messageId) => ready.has(messageId) || reserved.has(messageId));
    if (waiting.length > 0) await this.#moveToDead(inbox, waiting, reason);
    const buried = new Set(messageIds);
    for (const batchId of batches) {
      const batch = await this.#readBatch(inbox, batchId);
      if (batch?.messageIds.some((messageId) => buried.has(messageId)))
        await this.#shrink(inbox, batch, buried);
    }
  }

  /** Lets go of what is remembered of inboxes below a folder. */
  forget(folder: string): void {
    for (const inbox of this.#waiting.keys()) {
      if (inbox.startsWith(`${folder}/`)) this.#waiting.delete(inbox);
    }
  }

  async #moveToDead(inbox: Inbox, messageIds: readonly MessageId[], reason: string): Promise<void> {
    await this.#disk.makeFolder(inbox.dead);
    for (const messageId of messageIds) {
      await this.#disk.replace(inbox.deadReason(messageId), `${JSON.stringify({ reason })}\n`);
      await this.#takeOut(inbox, messageId, inbox.deadMessage(messageId));
    }
    await this.#disk.syncFolder(inbox.dead);
    await this.#disk.syncFolder(inbox.folder);
  }

  #inboxOf(batch: Batch): Inbox {
    return this.#layout.inbox(batch.runId, batch.recipient);
  }

  /**
   * Looked for in the order in which messages move. Only a release goes back, to where the look began; so what was found
   * nowhere is looked for there once more.
   */
  async #place(inbox: Inbox, messageId: MessageId): Promise<MessagePlace | undefined> {
    const places: readonly (readonly [MessagePlace, string])[] = [
      ["ready", inbox.ready(messageId)],
      ["reserved", inbox.reserved(messageId)],
      ["processed", inbox.processedMessage(messageId)],
      ["dead", inbox.deadMessage(messageId)],
      ["ready", inbox.ready(messageId)],
    ];
    for (const [place, path] of places) {
      if (await this.#disk.exists(path)) return place;
    }
    return undefined;
  }

  async #assertReady(inbox: Inbox, batch: Batch, messageId: MessageId): Promise<void> {
    const place = await this.#place(inbox, messageId);
    if (place === "ready") return;
    throw new FlotillaError({
      code: "internal",
      message: `message ${messageId} to ${batch.recipient} cannot be reserved: it is ${place ?? "not there"}`,
      hint: "Read the inbox again; what is ready now can be reserved.",
      details: { messageId, batchId: batch.batchId, place: place ?? null },
    });
  }

  /** Brings a batch that was found on disk to a whole state; undefined if it is over. */
  async #resume(inbox: Inbox, batch: Batch, reserved: ReadonlySet<MessageId>): Promise<Batch | undefined> {
    if (batch.phase === "acked") return this.#finish(this.ack(batch));
    if (batch.phase === "returned") return this.#finish(this.release(batch));
    if (batch.phase === "dead") {
      const reason = batch.lastError ?? "its delivery was given up";
      return this.#finish(this.bury(batch.runId, batch.recipient, batch.messageIds, reason));
    }
    const dead = new Set<MessageId>();
    let open = 0;
    for (const messageId of batch.messageIds) {
      const place = reserved.has(messageId) ? "reserved" : await this.#place(inbox, messageId);
      if (place === "ready") await this.#disk.move(inbox.ready(messageId), inbox.reserved(messageId));
      if (place === "ready" || place === "reserved") open += 1;
      if (place === "dead") dead.add(messageId);
    }
    if (open === 0) return this.#finish(this.#disk.remove(inbox.batch(batch.batchId)));
    return dead.size === 0 ? batch : this.#shrink(inbox, batch, dead);
  }

  async #finish(deed: Promise<unknown>): Promise<undefined> {
    await deed;
  }

  /** Takes messages out of a batch; undefined if it goes with the last one. */
  async #shrink(inbox: Inbox, batch: Batch, without: ReadonlySet<MessageId>): Promise<Batch | undefined> {
    const path = inbox.batch(batch.batchId);
    const left = { ...batch, messageIds: batch.messageIds.filter((messageId) => !without.has(messageId)) };
    if (left.messageIds.length === 0) return this.#finish(this.#disk.remove(path));
    await this.#disk.replace(path, formatRecord(left));
    return left;
  }

  /** A reservation that no batch announces is nobody's: its message is ready again. */
  async #returnOrphans(inbox: Inbox): Promise<void> {
    // Listed anew: a batch file is written before its first reservation, so one that is seen has its batch in sight too.
    const { reserved, batches } = await this.#list(inbox);
    if (reserved.size === 0) return;
    const announced = new Set<MessageId>();
    for (const batchId of batches) {
      const batch = await this.#readBatch(inbox, batchId);
      for (const messageId of batch?.messageIds ?? []) announced.add(messageId);
    }
    for (const messageId of reserved) {
      if (!announced.has(messageId)) await this.#disk.move(inbox.reserved(messageId), inbox.ready(messageId));
    }
  }

  /** Moves a waiting message out of the inbox. Harmless if it is out already. */
  async #takeOut(inbox: Inbox, messageId: MessageId, to: string): Promise<void> {
    const moved = await this.#disk.move(inbox.reserved(messageId), to);
    if (!moved) await this.#disk.move(inbox.ready(messageId), to);
    this.#waiting.get(inbox.folder)?.delete(messageId);
  }

  async #list(inbox: Inbox): Promise<ReturnType<typeof sortNames>> {
    const names = sortNames(await this.#disk.names(inbox.folder));
    const known = this.#waiting.get(inbox.folder);
    // More is remembered than waits: another process has moved some on.
    if (known && known.size > names.ready.size + names.reserved.size) {
      for (const messageId of known.keys()) {
        if (!names.ready.has(messageId) && !names.reserved.has(messageId)) known.delete(messageId);
      }
    }
    return names;
  }

  /** Messages in the order of their ids, without those that are gone or unreadable. */
  async #readAll(
    inbox: Inbox,
    messageIds: readonly MessageId[],
    pathsOf: (messageId: MessageId) => readonly string[],
  ): Promise<Message[]> {
    const messages: Message[] = [];
    for (const messageId of messageIds) {
      const message =
        this.#waiting.get(inbox.folder)?.get(messageId) ??
        (await this.#readFirst(inbox, messageId, pathsOf(messageId)));
      if (message) messages.push(message);
    }
    return messages;
  }

  async #readFirst(
    inbox: Inbox,
    messageId: MessageId,
    paths: readonly string[],
  ): Promise<Message | undefined> {
    for (const path of paths) {
      const text = await this.#readOrSetAside(path);
      if (text === undefined) continue;
      const reading = parseMessage(text);
      const fault = reading.ok ? strayMessage(inbox, messageId, reading.value) : reading.fault;
      if (reading.ok && fault === undefined) {
        this.#keep(inbox, reading.value);
        return reading.value;
      }
      await setAside(this.#disk, this.#report, path, fault ?? "not a message");
    }
    return undefined;
  }

  /** undefined: the batch is gone, or cannot be read and is set aside; its messages are nobody's then. */
  async #readBatch(inbox: Inbox, batchId: BatchId): Promise<Batch | undefined> {
    const path = inbox.batch(batchId);
    const text = await this.#readOrSetAside(path);
    if (text === undefined) return undefined;
    const reading = parseBatch(text);
    const fault = reading.ok ? strayBatch(inbox, batchId, reading.value) : reading.fault;
    if (reading.ok && fault === undefined) return reading.value;
    await setAside(this.#disk, this.#report, path, fault ?? "not a batch");
    return undefined;
  }

  async #readOrSetAside(path: string): Promise<string | undefined> {
    try {
      return await this.#disk.read(path);
    } catch (error) {
      if (!isFault(error, "EACCES", "EPERM", "EISDIR")) throw error;
      await setAside(this.#disk, this.#report, path, String((error as FlotillaError).details["errno"]));
      return undefined;
    }
  }

  #keep(inbox: Inbox, message: Message): void {
    const known = this.#waiting.get(inbox.folder) ?? new Map<MessageId, Message>();
    known.set(message.messageId, message);
    this.#waiting.set(inbox.folder, known);
  }
}

function byAge(one: Batch, other: Batch): number {
  return one.reservedAt - other.reservedAt || (one.batchId < other.batchId ? -1 : 1);
}

/** Why a message cannot be what its place says it is. */
function strayMessage(inbox: Inbox, messageId: MessageId, message: Message): string | undefined {
  if (message.messageId !== messageId) return `messageId: the file's name says ${messageId}`;
  if (message.to !== inbox.participant) return `to: the file lies in the inbox of ${inbox.participant}`;
  return message.runId === inbox.runId ? undefined : `runId: the file lies in run ${inbox.runId}`;
}

/** Why a batch cannot be what its place says it is; its ids become paths, so they are looked at here. */
function strayBatch(inbox: Inbox, batchId: BatchId, batch: Batch): string | undefined {
  if (batch.batchId !== batchId) return `batchId: the file's name says ${batchId}`;
  if (batch.recipient !== inbox.participant)
    return `recipient: the file lies in the inbox of ${inbox.participant}`;
  if (batch.runId !== inbox.runId) return `runId: the file lies in run ${inbox.runId}`;
  return batch.messageIds.every(isId) ? undefined : "messageIds: one of them cannot be a file name";
}
