import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { RunState } from "../../src/core/run.ts";
import type { Reading } from "../../src/records/shape.ts";
import {
  type ParticipantStatus,
  parseParticipantStatus,
  parseTeamStatus,
  type TeamStatus,
} from "../../src/records/status.ts";

/** Where a host on this home keeps its runs. */
export function baseDirOf(home: string): string {
  return join(home, ".local", "share", "opencode-flotilla");
}

/** What lies in one inbox, by the place of the files. */
export interface InboxFiles {
  readonly ready: readonly string[];
  readonly reserved: readonly string[];
  readonly batches: readonly string[];
  readonly processed: readonly string[];
  readonly dead: readonly string[];
}

/** A run's folder, read as any program may read it. */
export interface RunFolder {
  readonly path: string;
  readonly archivePath: string;
  state(): Promise<RunState>;
  /** The journal's lines, of a live or an archived run. */
  journal(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  inbox(participant: string): Promise<InboxFiles>;
  /** Files of mail that is neither acked nor given up, with their owners. */
  waitingMail(participants: readonly string[]): Promise<readonly string[]>;
  task(taskId: number): Promise<Readonly<Record<string, unknown>>>;
  /** The run's status, as its file shows it. */
  status(): Promise<TeamStatus>;
  /** One participant's. */
  statusOf(participant: string): Promise<ParticipantStatus>;
}

export function runFolder(baseDir: string, runId: string): RunFolder {
  const path = join(baseDir, "runs", runId);
  const archivePath = join(baseDir, "archive", runId);

  async function read(...names: readonly string[]): Promise<string> {
    try {
      return await readFile(join(path, ...names), "utf8");
    } catch (failure) {
      if (!isAbsent(failure)) throw failure;
      return readFile(join(archivePath, ...names), "utf8");
    }
  }

  async function names(...folders: readonly string[]): Promise<readonly string[]> {
    for (const root of [path, archivePath]) {
      try {
        return (await readdir(join(root, ...folders))).toSorted();
      } catch (failure) {
        if (!isAbsent(failure)) throw failure;
      }
    }
    return [];
  }

  async function inbox(participant: string): Promise<InboxFiles> {
    const files = await names("inboxes", participant);
    return {
      ready: files.filter((file) => file.endsWith(".json") && !file.startsWith(".")),
      reserved: files.filter((file) => file.startsWith(".delivering-")),
      batches: files.filter((file) => file.startsWith(".batch-")),
      processed: await names("inboxes", participant, "processed"),
      dead: await names("inboxes", participant, "dead"),
    };
  }

  return {
    path,
    archivePath,
    inbox,
    state: async () => JSON.parse(await read("state.json")) as RunState,
    journal: async () =>
      (await read("journal.jsonl"))
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>),
    async waitingMail(participants) {
      const waiting = await Promise.all(
        participants.map(async (one) => {
          const { ready, reserved, batches } = await inbox(one);
          return [...ready, ...reserved, ...batches].map((file) => `${one}/${file}`);
        }),
      );
      return waiting.flat();
    },
    task: async (taskId) =>
      JSON.parse(await read("tasks", `${taskId}.json`)) as Readonly<Record<string, unknown>>,
    status: async () => understood(parseTeamStatus(await read("status.json"))),
    statusOf: async (participant) =>
      understood(parseParticipantStatus(await read("status", `${participant}.json`))),
  };
}

function understood<T>(reading: Reading<T>): T {
  if (!reading.ok) throw new Error(reading.fault);
  return reading.value;
}

function isAbsent(failure: unknown): boolean {
  return failure instanceof Error && "code" in failure && failure.code === "ENOENT";
}
