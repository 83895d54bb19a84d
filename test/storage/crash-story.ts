import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { HeldRun } from "../../src/ports.ts";
import type { Storage } from "../../src/storage/open.ts";
import { batch, line, message, NOON, RUN, runState, task } from "../contract/samples.ts";

/** One operation of the story. Whoever was cut short in it does it again, whole. */
export interface Chapter {
  readonly name: string;
  readonly act: (storage: Storage) => Promise<unknown>;
}

const first = batch(["mail_1", "mail_2"], { batchId: "batch_1" });
const second = batch(["mail_3"], { batchId: "batch_2", reservedAt: NOON + 1 });
const third = batch(["mail_3", "mail_5"], { batchId: "batch_3", reservedAt: NOON + 2 });

/** A run's life, with every kind of write there is. */
export const STORY: readonly Chapter[] = [
  {
    name: "create the run",
    act: async ({ runs }) => {
      if (!(await runs.read(RUN))) await runs.create(runState());
    },
  },
  { name: "put the first message", act: ({ mailbox }) => mailbox.put(message(1)) },
  { name: "put another", act: ({ mailbox }) => mailbox.put(message(2)) },
  { name: "put a third", act: ({ mailbox }) => mailbox.put(message(3)) },
  { name: "put one to bo", act: ({ mailbox }) => mailbox.put(message(4, { to: "bo" })) },
  {
    name: "commit with a task and lines",
    act: hold(async (run, { tasks }) => {
      await run.commit(runState({ revision: 2, tasks: 2 }));
      await tasks.write(RUN, task(1, { revision: 2 }));
      await tasks.write(RUN, task(2, { revision: 2 }));
      await run.appendJournal([line(2, 0), line(2, 1)]);
    }),
  },
  { name: "take the ownership", act: ({ ownership }) => ownership.take(RUN) },
  { name: "reserve two", act: ({ mailbox }) => mailbox.reserve(first) },
  {
    name: "save the batch",
    act: ({ mailbox }) => mailbox.saveBatch({ ...first, phase: "posted", attempts: 1 }),
  },
  { name: "ack both", act: ({ mailbox }) => mailbox.ack(first) },
  { name: "reserve the third", act: ({ mailbox }) => mailbox.reserve(second) },
  { name: "release it", act: ({ mailbox }) => mailbox.release(second) },
  { name: "put a fifth", act: ({ mailbox }) => mailbox.put(message(5)) },
  { name: "reserve third and fifth", act: ({ mailbox }) => mailbox.reserve(third) },
  { name: "bury the fifth", act: ({ mailbox }) => mailbox.bury(RUN, "ada", ["mail_5"], "8 attempts") },
  { name: "ack what is left", act: ({ mailbox }) => mailbox.ack({ ...third, messageIds: ["mail_3"] }) },
  { name: "bury the one to bo", act: ({ mailbox }) => mailbox.bury(RUN, "bo", ["mail_4"], "bo is gone") },
  {
    name: "claim the task",
    act: hold(async (run, { tasks }) => {
      await run.commit(runState({ revision: 3, tasks: 2 }));
      await tasks.write(RUN, task(1, { revision: 3, status: "claimed", owner: "ada", generation: 1 }));
      await run.appendJournal([line(3)]);
    }),
  },
  { name: "archive the run", act: ({ runs }) => runs.archive(RUN) },
];

function hold(work: (run: HeldRun, storage: Storage) => Promise<void>): Chapter["act"] {
  return (storage) => storage.runs.exclusively(RUN, (run) => work(run, storage));
}

const RECIPIENTS = ["ada", "bo"] as const;

/** What a new owner does first: look at every run, mend every inbox. */
export async function recover(storage: Storage): Promise<void> {
  for (const runId of await storage.runs.list()) {
    await storage.runs.exclusively(runId, (run) => run.load());
    for (const recipient of RECIPIENTS) await storage.mailbox.mend(runId, recipient);
  }
}

/** Everything that the ports show, and what only the files show. */
export async function observe(storage: Storage, baseDir: string): Promise<unknown> {
  const mail = [];
  for (const recipient of RECIPIENTS) {
    const places = [];
    for (const seq of [1, 2, 3, 4, 5]) {
      places.push((await storage.mailbox.find(RUN, recipient, `mail_${seq}`)) ?? null);
    }
    mail.push({
      recipient,
      places,
      ready: await storage.mailbox.ready(RUN, recipient),
      batches: await storage.mailbox.batches(RUN, recipient),
      unread: await storage.mailbox.unreadBytes(RUN, recipient),
    });
  }
  return {
    runs: await storage.runs.list(),
    state: (await storage.runs.read(RUN)) ?? null,
    tasks: await storage.tasks.list(RUN),
    mail,
    files: filesOf(baseDir).filter((path) => !/\.(?:tmp-|lock)|owner\.json/.test(path)),
    journal: journalOf(baseDir),
  };
}

/** What must hold at any moment at which the process may die, before anybody has mended anything. */
export function brokenPromises(baseDir: string, putBefore: readonly string[]): string[] {
  const broken: string[] = [];
  const files = filesOf(baseDir).filter((path) => !path.includes(".tmp-"));
  for (const path of files.filter((name) => name.endsWith(".json"))) {
    try {
      JSON.parse(readFileSync(join(baseDir, path), "utf8"));
    } catch {
      broken.push(`${path} is torn`);
    }
  }
  for (const messageId of putBefore) {
    const places = files.filter((path) => idOf(path) === messageId);
    if (places.length !== 1) broken.push(`${messageId} is in ${places.length} places: ${places.join(", ")}`);
  }
  for (const path of files.filter((name) => basename(name).startsWith(".delivering-"))) {
    if (!announced(baseDir, files, path)) broken.push(`${path} has no batch`);
  }
  if (files.some((path) => path.includes("unreadable"))) broken.push("something was set aside");
  return broken;
}

/** What must hold once somebody has looked after what a crash left. */
export function unmended(baseDir: string): string[] {
  const files = filesOf(baseDir);
  return files
    .filter((path) => basename(path).startsWith(".batch-"))
    .flatMap((path) => {
      const { messageIds } = JSON.parse(readFileSync(join(baseDir, path), "utf8")) as {
        messageIds: string[];
      };
      const names = messageIds.map((messageId) => join(dirname(path), `.delivering-${messageId}.json`));
      return names.filter((name) => !files.includes(name)).map((name) => `${path} announces ${name}`);
    });
}

/** Ids of the messages that are anywhere. */
export function messagesIn(baseDir: string): string[] {
  return filesOf(baseDir).flatMap((path) => idOf(path) ?? []);
}

/** All files below the folder, as paths from it, in order. */
export function filesOf(baseDir: string): string[] {
  if (!existsSync(baseDir)) return [];
  return readdirSync(baseDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(baseDir.length + 1))
    .sort();
}

function idOf(path: string): string | undefined {
  return path.includes("/inboxes/") && !path.includes(".tmp-")
    ? /(?:^|\.delivering-)(mail_\d+)\.json$/.exec(basename(path))?.[1]
    : undefined;
}

function announced(baseDir: string, files: readonly string[], path: string): boolean {
  return files
    .filter((other) => dirname(other) === dirname(path) && basename(other).startsWith(".batch-"))
    .map((other) => JSON.parse(readFileSync(join(baseDir, other), "utf8")) as { messageIds: string[] })
    .some(({ messageIds }) => messageIds.includes(idOf(path) ?? ""));
}

function journalOf(baseDir: string): string[] {
  const path = filesOf(baseDir).find((name) => name.endsWith("journal.jsonl"));
  return path === undefined ? [] : readFileSync(join(baseDir, path), "utf8").split("\n");
}
