/**
 * The library's door: what another program needs to look at runs and to tell errors apart. It only reads; who wants to
 * change a run does it through OpenCode.
 */
import type { JournalEntry } from "./core/effects.ts";
import type { MessageId, Participant, RunId, TaskId } from "./core/ids.ts";
import type { Message } from "./core/message.ts";
import { participantsOf, type RunState } from "./core/run.ts";
import type { SubagentLedger } from "./core/subagents.ts";
import type { RunSurvey } from "./core/survey.ts";
import type { Task } from "./core/task.ts";
import { FlotillaError } from "./errors.ts";
import { type Claim, parseClaim } from "./records/claim.ts";
import { parseRun } from "./records/run.ts";
import { parseTeamStatus } from "./records/status.ts";
import { parseSubagents } from "./records/subagents.ts";
import { parseTask } from "./records/task.ts";
import { Disk, type Step } from "./storage/disk.ts";
import { runNotFound, unreadable } from "./storage/faults.ts";
import { isId, Layout, sessionIdOf, sortNames, taskIdOf } from "./storage/layout.ts";
import { RunReader, type StoredMessage, type UnreadableFile } from "./storage/run-reader.ts";
import { Shelf } from "./storage/shelf.ts";
import { type ProcessIdentity, readProcesses } from "./system/process-identity.ts";

export type { Batch, DeliveryPhase } from "./core/delivery.ts";
export type { JournalEntry } from "./core/effects.ts";
export type { Gate, HostFault } from "./core/facts.ts";
export type { Instant, MemberName, MessageId, Participant, RunId, SessionId, TaskId } from "./core/ids.ts";
export type { Message, MessageKind } from "./core/message.ts";
export { REFUSAL_CODES, type RefusalCode } from "./core/refusal.ts";
export type { Limits, Member, MemberStatus, ModelChoice, RunState, RunStatus, Usage } from "./core/run.ts";
export type { ProcessRef, Subagent, SubagentLedger } from "./core/subagents.ts";
export type { ParticipantSurvey, RunSurvey } from "./core/survey.ts";
export type { Task, TaskResult, TaskStatus } from "./core/task.ts";
export { TOOL_NAMES, type ToolName } from "./core/tool-names.ts";
export { type ErrorCode, FAULT_CODES, type FaultCode, FlotillaError } from "./errors.ts";
export type { MessagePlace } from "./ports.ts";
export type { StoredMessage, UnreadableFile } from "./storage/run-reader.ts";

/** Runs of one base folder, read without their locks: each file is whole, two of them may be a commit apart. */
export interface Runs {
  /** Ids of the runs that are not archived; none if the folder does not exist. */
  list(): Promise<readonly RunId[]>;
  /** Ids of those that are over. They are kept for 7 days. */
  archived(): Promise<readonly RunId[]>;
  /** Of either. Rejects with `run_not_found`, and with `record_unreadable` if its state makes no sense. */
  read(runId: RunId): Promise<RunView>;
  /** Of either, only what is committed. Rejects as {@link Runs.read} does. */
  readState(runId: RunId): Promise<RunState>;
  /** One message of either; undefined also while it is moved. */
  readMessage(runId: RunId, to: Participant, messageId: MessageId): Promise<StoredMessage | undefined>;
  /** Messages that their readers have not acknowledged, in the order in which they were written. */
  readWaitingMail(view: RunView): Promise<readonly StoredMessage[]>;
  /** What has happened in a run, also in one that is archived. Rejects as {@link Runs.read} does. */
  readHistory(runId: RunId): Promise<RunHistory>;
}

/** A run as it lies on disk. */
export interface RunView {
  readonly state: RunState;
  /** Who performs its deeds; absent after a host has ended in good order, until the next one opens the run. */
  readonly owner?: RunOwner;
  /**
   * What its owner shows of it, with what only that process knows: the tool that runs, what holds mail, what the provider
   * keeps waiting. Absent if that process is gone: what it showed is no longer so.
   */
  readonly shown?: RunSurvey;
  /** Number of messages that wait or are on their way. Everybody of the run is in it. */
  readonly unread: Readonly<Record<Participant, number>>;
  /** In order of id. */
  readonly tasks: readonly Task[];
  /** Files that make no sense. They are left where they are. */
  readonly unreadable: readonly UnreadableFile[];
}

export interface RunOwner {
  readonly pid: number;
  /**
   * Whether exactly that process still runs on this machine. If it does not, nothing of the run moves, whatever its
   * members' statuses say.
   */
  readonly alive: boolean;
}

/** What a run has left behind so far. */
export interface RunHistory {
  readonly state: RunState;
  readonly isArchived: boolean;
  /** Its folder. */
  readonly path: string;
  /** In the order in which it was written. */
  readonly journal: readonly JournalEntry[];
  /** In the order in which it was written. */
  readonly mail: readonly StoredMessage[];
  readonly unreadable: readonly UnreadableFile[];
}

/**
 * Opens a base folder for reading. Nothing below it is created, changed or moved, also where OpenCode itself would set
 * a broken record aside.
 *
 * @param baseDir `team_mode.base_dir`; `flotilla status --json` says where it is.
 */
export function openRuns(baseDir: string): Runs {
  const disk = new Disk(baseDir, refuseToWrite, () => undefined);
  const live = new Layout(baseDir);
  const archive = new Layout(baseDir, "archive");
  const messages = new Map<string, Message>();
  const tasks = new Shelf(disk, parseTask);
  const ids = async (folder: string): Promise<readonly RunId[]> =>
    (await disk.names(folder)).filter(isId).toSorted();
  const inEither = async <T>(runId: RunId, read: (layout: Layout) => Promise<T>): Promise<T> => {
    const found = read(live);
    await found.catch(() => undefined);
    // It may have been archived, also while it was read: then not all of it was there any more.
    return (await disk.exists(archive.run(runId))) ? read(archive) : found;
  };
  return {
    list: () => ids(live.runs),
    archived: () => ids(archive.archive),
    read: (runId) => inEither(runId, (layout) => readRun(disk, layout, tasks, runId)),
    readState: (runId) => inEither(runId, (layout) => readState(disk, layout, runId)),
    readMessage: (runId, to, messageId) =>
      inEither(runId, (layout) => new RunReader(disk, layout, messages).letter(runId, to, messageId)),
    readWaitingMail: ({ state }) => new RunReader(disk, live).waitingMail(state),
    readHistory: (runId) =>
      inEither(runId, async (layout) => ({
        ...(await historyIn(disk, layout, runId, messages)),
        isArchived: layout === archive,
      })),
  };
}

async function readRun(disk: Disk, layout: Layout, shelf: Shelf<Task>, runId: RunId): Promise<RunView> {
  const reader = new RunReader(disk, layout);
  const state = await readState(disk, layout, runId);
  const claim = await reader.record(layout.owner(runId), parseClaim);
  const shown = await reader.record(layout.status(runId), parseTeamStatus);
  const tasks: Task[] = [];
  for (const taskId of await taskIds(disk, layout, runId)) {
    const task = await reader.kept(layout.task(runId, taskId), shelf);
    if (task) tasks.push(task);
  }
  return {
    state,
    ...(claim && { owner: await ownerOf(claim) }),
    ...(shown && (await isAlive(shown)) ? { shown } : {}),
    unread: await countUnread(disk, layout, state),
    tasks,
    unreadable: reader.unreadable,
  };
}

async function historyIn(
  disk: Disk,
  layout: Layout,
  runId: RunId,
  messages: Map<string, Message>,
): Promise<Omit<RunHistory, "isArchived">> {
  const reader = new RunReader(disk, layout, messages);
  const state = await readState(disk, layout, runId);
  const mail = await reader.allMail(state);
  const journal = await reader.journal(runId);
  return { state, path: layout.run(runId), journal, mail, unreadable: reader.unreadable };
}

async function readState(disk: Disk, layout: Layout, runId: RunId): Promise<RunState> {
  const path = layout.state(runId);
  const text = await disk.read(path);
  if (text === undefined) {
    // Runs appear and go with all that is in them; a folder without its state was taken apart by somebody.
    throw (await disk.exists(layout.run(runId))) ? unreadable(path, "it is missing") : runNotFound(runId);
  }
  const reading = parseRun(text);
  if (!reading.ok) throw unreadable(path, reading.fault);
  return reading.value;
}

async function taskIds(disk: Disk, layout: Layout, runId: RunId): Promise<readonly TaskId[]> {
  return (await disk.names(layout.tasks(runId)))
    .flatMap((name) => taskIdOf(name) ?? [])
    .toSorted((one, other) => one - other);
}

async function countUnread(
  disk: Disk,
  layout: Layout,
  state: RunState,
): Promise<Readonly<Record<Participant, number>>> {
  const counts: Record<Participant, number> = {};
  for (const participant of participantsOf(state)) {
    const { ready, reserved } = sortNames(await disk.names(layout.inbox(state.runId, participant).folder));
    counts[participant] = ready.size + reserved.size;
  }
  return counts;
}

/** Sessions with subagents that were interrupted, or are at work. */
export interface SubagentsView {
  readonly callers: readonly SubagentCaller[];
  readonly unreadable: readonly UnreadableFile[];
}

export interface SubagentCaller {
  readonly ledger: SubagentLedger;
  /** Whether the process that runs the session's turns still does. */
  readonly alive: boolean;
  /** Shells that a crash has left behind and that still run. */
  readonly survivors: readonly number[];
}

/** What is known of subagents below a base folder. As {@link openRuns}, it only reads. */
export async function readSubagents(baseDir: string): Promise<SubagentsView> {
  const disk = new Disk(baseDir, refuseToWrite, () => undefined);
  const layout = new Layout(baseDir);
  const processes = await readProcesses();
  const reader = new RunReader(disk, layout);
  const callers: SubagentCaller[] = [];
  for (const parentId of (await disk.names(layout.subagents)).flatMap((name) => sessionIdOf(name) ?? [])) {
    const ledger = await reader.record(layout.subagentsOf(parentId), parseSubagents);
    if (!ledger || ledger.subagents.length === 0) continue;
    const survivors: number[] = [];
    for (const shell of ledger.subagents.flatMap(({ shells }) => shells))
      if (await processes.isAlive(shell)) survivors.push(shell.pid);
    callers.push({ ledger, alive: await processes.isAlive(ledger.owner), survivors });
  }
  return { callers, unreadable: reader.unreadable };
}

async function ownerOf(claim: Claim): Promise<RunOwner> {
  return { pid: claim.pid, alive: await isAlive(claim) };
}

async function isAlive(process: ProcessIdentity): Promise<boolean> {
  return (await readProcesses()).isAlive(process);
}

/** The disk announces each write before it happens: a reader that came to one has a defect and must not go on. */
const refuseToWrite: Step = (step) => {
  throw new FlotillaError({
    code: "internal",
    message: `a reader of runs was about to write: ${step}`,
    hint: "Report this as a defect of opencode-flotilla.",
  });
};
