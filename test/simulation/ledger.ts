import type { Batch } from "../../src/core/delivery.ts";
import type { Instant, MessageId, Participant, SessionId } from "../../src/core/ids.ts";
import type { Message } from "../../src/core/message.ts";
import type { MessagePlace, Prompt } from "../../src/ports.ts";
import { inView, type StoredMessage, type StoredPart, type StoredSession } from "./host-database.ts";
import type { Life } from "./life.ts";
import type { Step } from "./simulated-host.ts";

/** What is known of one message in one inbox. */
interface Entry {
  readonly message: Message;
  /** A step whose list held the text has finished without an error. */
  read: boolean;
  /** That it was read is on disk: in its batch file, or in the host's history in a way that proves it. */
  onRecord: boolean;
  /** Processes in which it was read. */
  readonly readIn: Set<Life>;
  shown: boolean;
  posts: number;
  /** Questions about its session that got no answer while nothing held it: each is as good as a post that was not taken. */
  unanswered: number;
  firstTriedAt: Instant | undefined;
}

/** Before so many attempts, or so much time, nothing is given up. Reservations count an attempt that a crash may undo. */
const LEAST_ATTEMPTS = 7;
const LEAST_MS = 15 * 60_000;

/** A step that was set going by a later prompt proves nothing of one that was stored just before that. */
const PROVING_MS = 1_000;

/**
 * What has really happened to every message, from those who know: the inbox it was written to, the host's store, and the
 * lists that went to models. The plugin is told none of it.
 */
export class Ledger {
  readonly violations: string[] = [];
  /** Messages whose tool call was answered. */
  promised = 0;
  steps = 0;
  readonly #entries = new Map<string, Entry>();
  readonly #participants = new Map<SessionId, Participant>();
  /** By recipient and sender, the number of the last message that was shown for the first time. */
  readonly #order = new Map<string, number>();
  /** What each running step was shown. */
  readonly #lists = new Map<string, readonly Entry[]>();
  /** Ids of the messages in a text of ours; every text is read once. */
  readonly #idsIn = new Map<string, readonly MessageId[]>();

  seat(sessionId: SessionId, participant: Participant): void {
    this.#participants.set(sessionId, participant);
  }

  participant(sessionId: SessionId): Participant | undefined {
    return this.#participants.get(sessionId);
  }

  /** A message was written to an inbox. */
  written(message: Message): void {
    const key = `${message.to} ${message.messageId}`;
    if (this.#entries.has(key)) return;
    this.#entries.set(key, {
      message,
      read: false,
      onRecord: false,
      readIn: new Set(),
      shown: false,
      posts: 0,
      unanswered: 0,
      firstTriedAt: undefined,
    });
  }

  /** A tool call was answered: from here on the message is owed. */
  answered(messageId: MessageId, recipients: readonly Participant[]): void {
    this.promised += recipients.length;
    for (const recipient of recipients) {
      if (!this.#entries.has(`${recipient} ${messageId}`))
        this.#violated(`${messageId} to ${recipient} was answered and is in no inbox`);
    }
  }

  posted(prompt: Prompt, now: Instant): void {
    for (const entry of this.#entriesIn(prompt.sessionId, prompt.text, prompt.mark)) {
      entry.posts += 1;
      entry.firstTriedAt ??= now;
    }
  }

  /** A question about a session that nothing holds got no answer. */
  unanswered(sessionId: SessionId, now: Instant): void {
    const participant = this.#participants.get(sessionId);
    for (const entry of this.#entries.values()) {
      if (entry.message.to !== participant || entry.read) continue;
      entry.unanswered += 1;
      entry.firstTriedAt ??= now;
    }
  }

  /** A batch file lies on disk as it is here. */
  saved({ phase, recipient, messageIds }: Batch): void {
    if (phase !== "answered") return;
    for (const id of messageIds) {
      const entry = this.#entries.get(`${recipient} ${id}`);
      if (entry) entry.onRecord = true;
    }
  }

  /**
   * A prompt of ours is stored: nothing that the model will read from an earlier copy, and nothing that it has read, as
   * far as anybody can know. Behind a compaction, what only a process knew that has died since is rightly sent once more.
   */
  stored(session: StoredSession, message: StoredMessage, part: StoredPart): void {
    const present = new Set(
      inView(session)
        .filter((one) => one !== message && one.role === "user")
        .flatMap(({ parts }) => parts)
        .flatMap(({ text, mark }) => this.#entriesIn(session.id, text, mark)),
    );
    for (const entry of this.#entriesIn(session.id, part.text, part.mark)) {
      const { messageId, to } = entry.message;
      if (isKnownRead(entry)) this.#violated(`${messageId} to ${to} was stored again after it was read`);
      else if (present.has(entry)) this.#violated(`${messageId} to ${to} stands twice in view`);
    }
  }

  /** A list goes to a model. */
  shown({ sessionId, stepId, list }: Step): void {
    this.steps += 1;
    const entries = list
      .filter(({ role }) => role === "user")
      .flatMap(({ parts }) => parts)
      .flatMap(({ text, mark }) => this.#entriesIn(sessionId, text, mark));
    const seen = new Set<Entry>();
    for (const entry of entries) {
      const { messageId, to } = entry.message;
      if (seen.has(entry)) this.#violated(`${messageId} stands twice in a list for ${to}`);
      seen.add(entry);
      if (!entry.shown) this.#first(entry);
    }
    this.#lists.set(stepId, entries);
  }

  finished({ sessionId, stepId, list }: Step, life: Life): void {
    for (const entry of this.#lists.get(stepId) ?? []) {
      entry.read = true;
      entry.readIn.add(life);
    }
    this.#lists.delete(stepId);
    for (const { text, mark } of list.filter(isProvenBy(list)).flatMap(({ parts }) => parts)) {
      for (const entry of this.#entriesIn(sessionId, text, mark)) entry.onRecord = true;
    }
  }

  /** What is in the inboxes when all is quiet. */
  async close(
    now: Instant,
    place: (recipient: Participant, messageId: MessageId) => Promise<MessagePlace | undefined>,
  ): Promise<void> {
    for (const entry of this.#entries.values()) {
      const { messageId, to, kind } = entry.message;
      const found = await place(to, messageId);
      const name = `${messageId} (${kind}) to ${to}`;
      if (found === "processed") {
        if (!entry.read) this.#violated(`${name} is acked and no finished step has read it`);
      } else if (found !== "dead") this.#violated(`${name} is left: ${found}`);
      else if (!mayBeDead(entry, now))
        this.#violated(`${name} was given up after ${entry.posts} posts, ${entry.unanswered} unanswered`);
    }
  }

  /** Messages in inboxes, those of the plugin included. */
  get messages(): number {
    return this.#entries.size;
  }

  #first(entry: Entry): void {
    entry.shown = true;
    const { to, from, seq, messageId } = entry.message;
    const pair = `${to} ${from}`;
    const last = this.#order.get(pair) ?? 0;
    if (seq < last) this.#violated(`${messageId} from ${from} to ${to} was shown after a later one`);
    this.#order.set(pair, Math.max(last, seq));
  }

  #entriesIn(sessionId: SessionId, text: string, mark: StoredPart["mark"]): readonly Entry[] {
    const participant = this.#participants.get(sessionId);
    if (!mark || mark.reminder || participant === undefined) return [];
    return this.#read(text).flatMap((id) => this.#entries.get(`${participant} ${id}`) ?? []);
  }

  #read(text: string): readonly MessageId[] {
    const known = this.#idsIn.get(text);
    if (known) return known;
    const ids = [...text.matchAll(/<peer_message [^>]*\bmessageId="([^"]+)"/g)].map(([, id = ""]) => id);
    this.#idsIn.set(text, ids);
    return ids;
  }

  #violated(what: string): void {
    this.violations.push(what);
  }
}

/** Somebody who is alive knows that it was read, or can look it up. */
function isKnownRead({ read, onRecord, readIn }: Entry): boolean {
  return read && (onRecord || [...readIn].some(({ alive }) => alive));
}

/**
 * The prompts of a list of which the host's history proves that the step got them: the step's own prompt, and what was
 * stored a while before that, with no summary since, which may as well have hidden it.
 */
function isProvenBy(list: readonly StoredMessage[]): (message: StoredMessage, at: number) => boolean {
  const own = list.findLast(({ role }) => role === "user");
  const summary = list.findLastIndex((one) => one.summary && one.finish !== undefined);
  return (message, at) =>
    message === own ||
    (message.role === "user" &&
      at > summary &&
      own !== undefined &&
      own.createdAt - message.createdAt >= PROVING_MS);
}

function mayBeDead({ posts, unanswered, firstTriedAt }: Entry, now: Instant): boolean {
  const attempts = posts + unanswered;
  return attempts >= LEAST_ATTEMPTS || (firstTriedAt !== undefined && now - firstTriedAt >= LEAST_MS);
}
