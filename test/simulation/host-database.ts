import type { FlotillaMark } from "../../src/core/delivery.ts";
import type { HostFault } from "../../src/core/facts.ts";
import type { Instant, SessionId } from "../../src/core/ids.ts";
import type { TranscriptEntry } from "../../src/core/verdict.ts";
import type { SessionMark, SessionOrder } from "../../src/ports.ts";

export interface StoredPart {
  readonly partId: string;
  readonly text: string;
  readonly mark?: FlotillaMark;
}

export interface StoredMessage {
  readonly id: string;
  readonly role: "user" | "assistant";
  readonly createdAt: Instant;
  /** Of a step: the newest user message of the list that it was sent. */
  readonly parentId?: string;
  /** A compaction's summary. */
  readonly summary: boolean;
  /** Empty between the writing of the message's row and that of its part. */
  parts: readonly StoredPart[];
  completedAt?: Instant;
  finish?: string;
  fault?: HostFault;
}

export interface StoredSession {
  readonly id: SessionId;
  readonly parentId?: SessionId;
  readonly directory: string;
  readonly agent: string;
  readonly mark?: SessionMark;
  messages: StoredMessage[];
  /** Where the history that the model sees begins since the last compaction. */
  boundaryId?: string;
  undoStaged: boolean;
}

/** As the adapter pages. */
const PAGE = 50;

/** What the simulated host has stored. It outlives the host's processes, and they share it. */
export class HostDatabase {
  readonly sessions: Map<SessionId, StoredSession> = new Map();
  #ids = 0;

  freshId(prefix: string): string {
    this.#ids += 1;
    return `${prefix}_${String(this.#ids).padStart(12, "0")}`;
  }

  open(order: Omit<SessionOrder, "parentId" | "mark"> & Partial<SessionOrder>): StoredSession {
    const session: StoredSession = {
      id: this.freshId("ses"),
      directory: order.directory,
      agent: order.agent,
      messages: [],
      undoStaged: false,
      ...(order.parentId === undefined ? {} : { parentId: order.parentId }),
      ...(order.mark === undefined ? {} : { mark: order.mark }),
    };
    this.sessions.set(session.id, session);
    return session;
  }

  /** As far back as the page in which something is older than `since`. */
  transcript(sessionId: SessionId, since: Instant): readonly TranscriptEntry[] | undefined {
    const session = this.sessions.get(sessionId);
    if (!session) return undefined;
    let from = session.messages.length;
    do from = Math.max(0, from - PAGE);
    while (from > 0 && !session.messages.slice(from, from + PAGE).some((one) => one.createdAt < since));
    return session.messages.slice(from).map((message) => entryOf(message, session.boundaryId));
  }
}

/** What the model is sent of a session: everything from the last compaction's boundary on. */
export function inView({ messages, boundaryId }: StoredSession): readonly StoredMessage[] {
  if (boundaryId === undefined) return messages;
  const from = messages.findLastIndex((message) => message.id === boundaryId);
  return messages.slice(Math.max(0, from));
}

/** The newest step: a model call that is no summary, or any. */
export function newestAssistant(messages: readonly StoredMessage[]): StoredMessage | undefined {
  return messages.findLast((message) => message.role === "assistant");
}

function entryOf(message: StoredMessage, boundaryId: string | undefined): TranscriptEntry {
  const { id, role, createdAt, completedAt, parentId, finish, fault, summary, parts } = message;
  return {
    hostMessageId: id,
    role,
    createdAt,
    ...(completedAt === undefined ? {} : { completedAt }),
    ...(parentId === undefined ? {} : { parentId }),
    ...(finish === undefined ? {} : { finish }),
    failed: fault !== undefined,
    summary,
    boundary: id === boundaryId,
    marked: parts.flatMap(({ mark, text }) => (mark ? [{ mark, text }] : [])),
  };
}
