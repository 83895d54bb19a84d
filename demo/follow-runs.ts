import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { JournalEntry } from "../src/core/effects.ts";
import type { MessageId, RunId, TaskId } from "../src/core/ids.ts";
import type { Message } from "../src/core/message.ts";
import type { RunState } from "../src/core/run.ts";
import type { Task } from "../src/core/task.ts";
import type { Fact, RunOnDisk } from "./facts.ts";

/** Reads what the plugin writes, as any other program could: nothing but files. */
export interface RunsFollower {
  /** Every run that has had a folder, oldest first. */
  readonly runs: readonly RunOnDisk[];
  /** What has been added since the last call. */
  poll(): Promise<readonly Fact[]>;
}

interface Followed {
  readonly runId: RunId;
  folder: string;
  state: RunState | undefined;
  readonly tasks: Map<TaskId, Task>;
  readonly journal: JournalEntry[];
  readonly messages: Map<MessageId, readonly Message[]>;
}

/** Below `base` each run is a folder in `runs`, and once closed in `archive`. */
export function followRuns(base: string): RunsFollower {
  const followed = new Map<RunId, Followed>();

  async function poll(): Promise<readonly Fact[]> {
    for (const place of ["runs", "archive"]) {
      for (const runId of await names(join(base, place))) {
        const folder = join(base, place, runId);
        const known = followed.get(runId);
        if (known) known.folder = folder;
        else {
          followed.set(runId, {
            runId,
            folder,
            state: undefined,
            tasks: new Map(),
            journal: [],
            messages: new Map(),
          });
        }
      }
    }
    return (await Promise.all([...followed.values()].map(read))).flat();
  }

  return {
    get runs() {
      return [...followed.values()].toSorted((one, other) => (one.runId < other.runId ? -1 : 1));
    },
    poll,
  };
}

/** A folder that moves to the archive meanwhile reads as empty; the next look finds it there. */
async function read(run: Followed): Promise<readonly Fact[]> {
  const state = await text(join(run.folder, "state.json"));
  if (state !== undefined) run.state = JSON.parse(state) as RunState;
  for (const name of await names(join(run.folder, "tasks"))) {
    const task = await text(join(run.folder, "tasks", name));
    if (task === undefined || !/^\d+\.json$/.test(name)) continue;
    run.tasks.set(Number.parseInt(name, 10), JSON.parse(task) as Task);
  }
  return [...(await newMail(run)), ...(await newLines(run))];
}

async function newLines(run: Followed): Promise<readonly Fact[]> {
  const written = (await text(join(run.folder, "journal.jsonl"))) ?? "";
  // What stands after the last line end is still being written.
  const lines = written.split("\n").slice(0, -1).slice(run.journal.length);
  const entries = lines.map((line) => JSON.parse(line) as JournalEntry);
  run.journal.push(...entries);
  return entries.map((entry) => ({ kind: "journal", at: entry.at, runId: run.runId, entry }));
}

/** A message is in one of three places and may move between two looks: the names are the same in all of them. */
async function newMail(run: Followed): Promise<readonly Fact[]> {
  const facts: Fact[] = [];
  for (const recipient of await names(join(run.folder, "inboxes"))) {
    for (const place of ["", "processed", "dead"]) {
      const inbox = join(run.folder, "inboxes", recipient, place);
      for (const name of await names(inbox)) {
        const [, messageId] = /^(?:\.delivering-)?([A-Za-z0-9][\w-]*)\.json$/.exec(name) ?? [];
        if (messageId === undefined) continue;
        const known = run.messages.get(messageId) ?? [];
        if (known.some(({ to }) => to === recipient)) continue;
        const content = await text(join(inbox, name));
        if (content === undefined) continue;
        const message = JSON.parse(content) as Message;
        run.messages.set(messageId, [...known, message]);
        facts.push({ kind: "mail", at: message.createdAt, message });
      }
    }
  }
  return facts;
}

async function names(folder: string): Promise<readonly string[]> {
  const found = await readdir(folder).catch(absent<string[]>([]));
  return found.toSorted();
}

function text(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(absent(undefined));
}

/** Not there yet, or not there any more. */
function absent<Value>(instead: Value): (failure: unknown) => Value {
  return (failure) => {
    if (
      failure instanceof Error &&
      "code" in failure &&
      (failure.code === "ENOENT" || failure.code === "ENOTDIR")
    )
      return instead;
    throw failure;
  };
}
