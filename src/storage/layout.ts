import { join } from "node:path";
import type { BatchId, MessageId, Participant, RunId, SessionId, TaskId } from "../core/ids.ts";
import { FlotillaError } from "../errors.ts";

/** No dot and no separator: no id can leave its folder, hide a file, or look like one of our own names. */
const ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$/;
const PARTICIPANT = /^[a-z0-9][a-z0-9-]{0,63}$/;

const READY = /^([A-Za-z0-9][A-Za-z0-9_-]{0,127})\.json$/;
const RESERVED = /^\.delivering-([A-Za-z0-9][A-Za-z0-9_-]{0,127})\.json$/;
const BATCH = /^\.batch-([A-Za-z0-9][A-Za-z0-9_-]{0,127})\.json$/;

/** Where everything lies below `base_dir`. Ids become paths here and nowhere else, and only after a look at them. */
export class Layout {
  readonly base: string;
  /** Where its runs lie: those that are over have the same files in another folder. */
  readonly #shelf: "runs" | "archive";

  constructor(base: string, shelf: "runs" | "archive" = "runs") {
    this.base = base;
    this.#shelf = shelf;
  }

  get runs(): string {
    return join(this.base, "runs");
  }

  get archive(): string {
    return join(this.base, "archive");
  }

  run(runId: RunId): string {
    return join(this.base, this.#shelf, checked("run id", runId, ID));
  }

  archived(runId: RunId): string {
    return join(this.archive, checked("run id", runId, ID));
  }

  state(runId: RunId): string {
    return join(this.run(runId), "state.json");
  }

  journal(runId: RunId): string {
    return join(this.run(runId), "journal.jsonl");
  }

  owner(runId: RunId): string {
    return join(this.run(runId), "owner.json");
  }

  sessions(runId: RunId): string {
    return join(this.run(runId), "sessions");
  }

  lease(runId: RunId, sessionId: SessionId): string {
    return join(this.sessions(runId), `${checked("session id", sessionId, ID)}.lease`);
  }

  /** Of the run as a whole. Its line stands beside it, and in the folder lie those of its participants. */
  status(runId: RunId): string {
    return join(this.run(runId), STATUS);
  }

  statusLine(runId: RunId): string {
    return join(this.run(runId), STATUS_LINE);
  }

  statusFolder(runId: RunId): string {
    return join(this.run(runId), "status");
  }

  statusOf(runId: RunId, participant: Participant): string {
    return join(this.statusFolder(runId), `${checked("participant", participant, PARTICIPANT)}.json`);
  }

  inboxes(runId: RunId): string {
    return join(this.run(runId), "inboxes");
  }

  tasks(runId: RunId): string {
    return join(this.run(runId), "tasks");
  }

  task(runId: RunId, taskId: TaskId): string {
    if (!Number.isSafeInteger(taskId) || taskId < 1) throw unsafe("task id", taskId);
    return join(this.tasks(runId), `${taskId}.json`);
  }

  get subagents(): string {
    return join(this.base, "subagents");
  }

  subagentsOf(parentId: SessionId): string {
    return join(this.subagents, `${checked("session id", parentId, ID)}.json`);
  }

  subagentsLock(parentId: SessionId): string {
    return join(this.subagents, `${checked("session id", parentId, ID)}.lock`);
  }

  inbox(runId: RunId, participant: Participant): Inbox {
    return new Inbox(this.inboxes(runId), runId, checked("participant", participant, PARTICIPANT));
  }
}

/** The lock of a run lies in the run's folder, so that it goes where the folder goes. */
export function lockIn(runFolder: string): string {
  return join(runFolder, ".lock");
}

/** Whether it is a run's own status, which changes with the run and is nobody's news. */
export function isStatusName(name: string): boolean {
  return name === STATUS || name === STATUS_LINE;
}

const STATUS = "status.json";
const STATUS_LINE = "status.txt";

/** Paths of one recipient's mail. */
export class Inbox {
  readonly runId: RunId;
  readonly participant: Participant;
  readonly folder: string;

  constructor(inboxes: string, runId: RunId, participant: Participant) {
    this.runId = runId;
    this.participant = participant;
    this.folder = join(inboxes, participant);
  }

  get processed(): string {
    return join(this.folder, "processed");
  }

  get dead(): string {
    return join(this.folder, "dead");
  }

  ready(messageId: MessageId): string {
    return join(this.folder, fileName(messageId));
  }

  reserved(messageId: MessageId): string {
    return join(this.folder, `.delivering-${fileName(messageId)}`);
  }

  processedMessage(messageId: MessageId): string {
    return join(this.processed, fileName(messageId));
  }

  deadMessage(messageId: MessageId): string {
    return join(this.dead, fileName(messageId));
  }

  /** Why the message beside it was given up. */
  deadReason(messageId: MessageId): string {
    return join(this.dead, `${checked("message id", messageId, ID)}.reason.json`);
  }

  batch(batchId: BatchId): string {
    return join(this.folder, `.batch-${checked("batch id", batchId, ID)}.json`);
  }
}

/** What the names in an inbox say. A name that is none of ours is left alone. */
export function sortNames(names: readonly string[]): {
  readonly ready: ReadonlySet<MessageId>;
  readonly reserved: ReadonlySet<MessageId>;
  readonly batches: readonly BatchId[];
} {
  const ready = new Set<MessageId>();
  const reserved = new Set<MessageId>();
  const batches: BatchId[] = [];
  for (const name of names) {
    const [, readyId] = READY.exec(name) ?? [];
    if (readyId !== undefined) ready.add(readyId);
    const [, reservedId] = RESERVED.exec(name) ?? [];
    if (reservedId !== undefined) reserved.add(reservedId);
    const [, batchId] = BATCH.exec(name) ?? [];
    if (batchId !== undefined) batches.push(batchId);
  }
  return { ready, reserved, batches };
}

/** Whether it can be the id of a run, a message or a batch. */
export function isId(name: string): boolean {
  return ID.test(name);
}

/** The task a file is named after, if it can be one. */
export function taskIdOf(name: string): TaskId | undefined {
  const [, digits] = /^([1-9]\d{0,14})\.json$/.exec(name) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** The session whose subagents a file is about, if it can be one. */
export function sessionIdOf(name: string): SessionId | undefined {
  return READY.exec(name)?.[1];
}

function fileName(messageId: MessageId): string {
  return `${checked("message id", messageId, ID)}.json`;
}

function checked(what: string, name: string, pattern: RegExp): string {
  if (pattern.test(name)) return name;
  throw unsafe(what, name);
}

function unsafe(what: string, name: unknown): FlotillaError {
  return new FlotillaError({
    code: "argument_invalid",
    message: `${JSON.stringify(name)} cannot be a ${what}: it would not be safe as a file name`,
    hint: "Use a name or id exactly as team_status shows it.",
    details: { what, name },
  });
}
