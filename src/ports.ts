import type { Batch, FlotillaMark } from "./core/delivery.ts";
import type { JournalEntry, PermissionAnswer } from "./core/effects.ts";
import type { Gate, HostFault, StoredStep } from "./core/facts.ts";
import type { Instant, MessageId, Participant, RunId, SessionId, TaskId } from "./core/ids.ts";
import type { Message } from "./core/message.ts";
import type { ModelProfile } from "./core/model-choice.ts";
import type { PaneAct, PaneMark, Window } from "./core/pane-plan.ts";
import type { Limits, ModelChoice, PermissionRule, RunState } from "./core/run.ts";
import type { TeamSpec } from "./core/spec.ts";
import type { ChildSight } from "./core/subagent-ending.ts";
import type { ProcessRef, StoredTask, SubagentLedger } from "./core/subagents.ts";
import type { LeftRunning, RunSurvey } from "./core/survey.ts";
import type { Task } from "./core/task.ts";
import type { ExportNote } from "./core/trace/export-note.ts";
import type { Span } from "./core/trace/span.ts";
import type { TranscriptEntry } from "./core/verdict.ts";
import type { Site, Worktree, WorktreeEnd } from "./core/worktree.ts";

/** What the core needs from the world. Every method that fails rejects with a `FlotillaError`. */

export interface Clock {
  now(): Instant;
  /** Calls `ring` once after `ms`; the returned function takes it back. Never keeps the process alive. */
  after(ms: number, ring: () => void): () => void;
}

export interface Ids {
  /** A new id, `<prefix>_` and 20 random characters that sort by time. */
  fresh(prefix: string): string;
  /** The same id for the same parts, always: `<prefix>_` and 26 characters of a digest. */
  derive(prefix: string, ...parts: readonly (string | number)[]): string;
  /** Hex SHA-256 of the text's UTF-8 bytes. */
  digest(text: string): string;
  /** A random fraction, 0 <= x < 1. */
  fraction(): number;
}

/** The durable state of runs. */
export interface RunStore {
  /** Creates the run's folder and its first state. Fails if the run exists. */
  create(state: RunState): Promise<void>;
  /** Runs `work` while no other process or call holds the run. Rejects with `run_not_found` if there is none. */
  exclusively<T>(runId: RunId, work: (run: HeldRun) => Promise<T>): Promise<T>;
  /** The last committed state, without the lock. */
  read(runId: RunId): Promise<RunState | undefined>;
  /**
   * Calls `changed` when something has been committed to the run, by whatever process; also now and then without a
   * change. The returned function ends it. A run that is gone is told once more and then no longer.
   */
  watch(runId: RunId, changed: () => void): () => void;
  /** Ids of the runs that are not archived. */
  list(): Promise<readonly RunId[]>;
  /** Moves the run's folder to the archive. Harmless when it is there already. */
  archive(runId: RunId): Promise<void>;
  /** Removes runs that were archived before that instant; which ones. What is not surely one of them is left alone. */
  sweepArchive(before: Instant): Promise<readonly RunId[]>;
}

/** A run under its lock. */
export interface HeldRun {
  load(): Promise<RunState>;
  /** Replaces `state.json`, durably: this is the commit. */
  commit(state: RunState): Promise<void>;
  /** Appends those entries whose revision and index the journal does not hold yet. */
  appendJournal(entries: readonly JournalEntry[]): Promise<void>;
}

/** Where a message's file is. */
export type MessagePlace = "ready" | "reserved" | "processed" | "dead";

/** Inboxes. A transition of a message is one rename. */
export interface Mailbox {
  /** Writes the message to its recipient's inbox, durably, unless it is in any place there already. */
  put(message: Message): Promise<void>;
  /** Ready messages of one recipient, in order of `seq`. A file that cannot be read is set aside and reported. */
  ready(runId: RunId, recipient: Participant): Promise<readonly Message[]>;
  /** UTF-8 bytes of the bodies that are ready or reserved. */
  unreadBytes(runId: RunId, recipient: Participant): Promise<number>;
  /** Number of messages that are ready or reserved. */
  unreadCount(runId: RunId, recipient: Participant): Promise<number>;
  /** Number of messages that were given up. */
  deadCount(runId: RunId, recipient: Participant): Promise<number>;
  find(runId: RunId, recipient: Participant, messageId: MessageId): Promise<MessagePlace | undefined>;
  /** Writes and syncs the batch file, then takes its messages out of the ready ones. */
  reserve(batch: Batch): Promise<void>;
  /** Replaces the batch file. */
  saveBatch(batch: Batch): Promise<void>;
  /** Batches that are not over, oldest first. Moves nothing: anybody may look. */
  batches(runId: RunId, recipient: Participant): Promise<readonly Batch[]>;
  /**
   * Finishes what a crash interrupted in an inbox and answers what {@link batches} then would. Only for the one process
   * that carries this mail: two who mend take each other's half-done moves for a dead one's, and undo them.
   */
  mend(runId: RunId, recipient: Participant): Promise<readonly Batch[]>;
  /** The batch's messages in its order, wherever they are. */
  messagesOf(batch: Batch): Promise<readonly Message[]>;
  /** Moves the batch's messages to `processed/`, then removes the batch file. */
  ack(batch: Batch): Promise<void>;
  /** Makes the batch's messages ready again, then removes the batch file. */
  release(batch: Batch): Promise<void>;
  /** Moves messages to `dead/` with the reason beside each; a batch that named them shrinks or goes. */
  bury(runId: RunId, recipient: Participant, messageIds: readonly MessageId[], reason: string): Promise<void>;
}

export interface TaskStore {
  /** Replaces the task's file unless a write of the same or a later revision is there. */
  write(runId: RunId, task: Task): Promise<void>;
  read(runId: RunId, taskId: TaskId): Promise<Task | undefined>;
  /** All tasks of the run in order of id. */
  list(runId: RunId): Promise<readonly Task[]>;
}

/** What a run's trace is made of, and how far it has been exported; also of a run that is archived. */
export interface TraceStore {
  /** Some whole lines of the run's journal from that byte on, and where the next ones begin: there, if there are none. */
  read(
    runId: RunId,
    from: number,
  ): Promise<{ readonly entries: readonly JournalEntry[]; readonly next: number }>;
  note(runId: RunId): Promise<ExportNote | undefined>;
  /** Nothing if the run is gone. */
  keep(runId: RunId, note: ExportNote): Promise<void>;
  /** Runs that were closed since then and whose export, once begun, is not complete; the newest first. */
  unfinished(since: Instant): Promise<readonly RunId[]>;
}

/** Takes spans out of this process. Never rejects. */
export interface SpanExporter {
  export(
    spans: readonly Span[],
  ): Promise<
    | { readonly kind: "exported" }
    | { readonly kind: "failed"; readonly code?: number; readonly message: string }
  >;
  close(): Promise<void>;
}

/** Which process performs a run's deeds. */
export interface Ownership {
  /** Becomes the owner if nobody alive is; whether this process is the owner now. */
  take(runId: RunId): Promise<boolean>;
  /** Whether this process is the owner, from memory. */
  holds(runId: RunId): boolean;
  release(runId: RunId): Promise<void>;
}

/** Which process runs the turns of a session: the only one that may post to it. */
export interface SessionLeases {
  /** Becomes the holder if nobody alive is; whether this process is the holder now. */
  take(runId: RunId, sessionId: SessionId): Promise<boolean>;
  /** Whether this process is the holder, from memory. */
  holds(runId: RunId, sessionId: SessionId): boolean;
  release(runId: RunId, sessionId: SessionId): Promise<void>;
}

/** What a new session is to be. */
export interface SessionOrder {
  readonly parentId: SessionId;
  readonly title: string;
  readonly directory: string;
  readonly agent: string;
  readonly model?: ModelChoice;
  readonly rules: readonly PermissionRule[];
  readonly mark: SessionMark;
}

/** Stored with a member's session, to find it again after a crash between its creation and our commit. A key, no proof. */
export interface SessionMark {
  readonly runId: RunId;
  readonly member: string;
  readonly generation: number;
  readonly effectId: string;
}

export interface HostSession {
  readonly sessionId: SessionId;
  readonly parentId?: SessionId;
  readonly directory: string;
  readonly agent?: string;
  readonly rules: readonly PermissionRule[];
  /** An undo that the person has not confirmed: any prompt would make it final. */
  readonly undoStaged: boolean;
  /** The member it was opened for, if it was. A fork has its original's, and no parent. */
  readonly mark?: Pick<SessionMark, "runId" | "member">;
}

export interface AgentProfile {
  readonly name: string;
  readonly mode: "primary" | "subagent" | "all";
  readonly rules: readonly PermissionRule[];
  readonly model?: ModelChoice;
  readonly description?: string;
}

/** One prompt of ours: one text part, ids of our choice. */
export interface Prompt {
  readonly sessionId: SessionId;
  readonly hostMessageId: string;
  readonly hostPartId: string;
  readonly text: string;
  readonly mark: FlotillaMark;
  readonly agent: string;
  readonly model?: ModelChoice;
}

/** What became of a post. `accepted` is no proof of anything but receipt. */
export type PostOutcome =
  | { readonly kind: "accepted" }
  /** 404: the session is gone. */
  | { readonly kind: "session_gone"; readonly reason: string }
  | FailedCall;

/** What became of a call that the host did not carry out. */
export type FailedCall =
  /** 401, 403, 400: repeating it as it is would not help. */
  | { readonly kind: "refused"; readonly status: number; readonly reason: string }
  /** Deadline, network, 5xx: worth another attempt. */
  | { readonly kind: "unreachable"; readonly reason: string };

/** How the newest prompt that is not ours was meant: what ours must repeat so as to change nothing. */
export interface PromptStyle {
  readonly agent: string;
  readonly model?: ModelChoice;
}

/** An assistant message. */
export interface Step {
  readonly hostMessageId: string;
  readonly completed: boolean;
  readonly finish?: string;
  /** The host takes another step after it by itself: a turn that has no later one was cut off, or stopped. */
  readonly midTurn: boolean;
  readonly error?: HostFault;
  /** Its text parts, joined; empty for the summary of a compaction, which nobody in the session has said. */
  readonly text: string;
}

/** The end of a session's history. */
export interface LastTurn {
  readonly activity: "idle" | "busy" | "retry";
  /** The newest assistant message, if there is one. */
  readonly step?: Step;
}

/** OpenCode, or whatever hosts sessions. Every call has a deadline. */
export interface Host {
  openSession(order: SessionOrder): Promise<SessionId>;
  /** A child of `parentId` that carries the mark's run, member and generation. */
  findSession(parentId: SessionId, mark: SessionMark): Promise<SessionId | undefined>;
  session(sessionId: SessionId): Promise<HostSession | undefined>;
  /** Sessions that were opened from it, whatever for. */
  children(sessionId: SessionId): Promise<readonly HostSession[]>;
  post(prompt: Prompt): Promise<PostOutcome>;
  lastTurn(sessionId: SessionId, directory: string): Promise<LastTurn | undefined>;
  /**
   * Stored history, oldest first; undefined when the session is gone.
   *
   * @param since it reaches at least this far back; all of it without.
   */
  transcript(sessionId: SessionId, since?: Instant): Promise<readonly TranscriptEntry[] | undefined>;
  /** Stored model calls that were completed after `since`, oldest first; undefined when the session is gone. */
  steps(sessionId: SessionId, since: Instant): Promise<readonly StoredStep[] | undefined>;
  /** Whether the host has stored the message with a part: from then on the session's running loop sees it. */
  isStored(sessionId: SessionId, hostMessageId: string): Promise<boolean>;
  promptStyle(sessionId: SessionId): Promise<PromptStyle | undefined>;
  /**
   * Stops the turn and resolves when the host has cleaned up after it; what it was asking a person for is asked no more.
   *
   * @param directory where the session was made, for one whose row may be gone; asked for when left out.
   */
  abort(sessionId: SessionId, directory?: string): Promise<void>;
  addRules(sessionId: SessionId, rules: readonly PermissionRule[]): Promise<void>;
  /** Whether a plugin instance of ours serves the directory, or does before the time is over. */
  awaitInstance(directory: string, ms: number): Promise<boolean>;
  /** Ends what the host runs for a directory that is gone: watchers, language servers, our instance. Never rejects. */
  closeInstance(directory: string): Promise<void>;
  agents(directory: string): Promise<readonly AgentProfile[]>;
  models(directory: string): Promise<readonly ModelProfile[]>;
  /** Requests that wait for an answer in that directory. */
  openGates(directory: string): Promise<readonly { readonly sessionId: SessionId; readonly gate: Gate }[]>;
  /** Answers a permission; false when nothing waits under that id any more. */
  answerPermission(directory: string, answer: PermissionAnswer): Promise<boolean>;
  toast(directory: string, level: "info" | "warning" | "error", text: string): Promise<void>;
  /** Writes to the host's log; never rejects. */
  log(
    level: "debug" | "info" | "warn" | "error",
    text: string,
    fields?: Readonly<Record<string, unknown>>,
  ): void;
}

/** The host, as far as its own subagents are concerned. Every call has a deadline. */
export interface SubagentHost {
  /**
   * The session of a subagent, as far as it was written since; undefined when it is gone.
   *
   * @param since the beginning of the call that it works, or worked, for.
   */
  childSight(sessionId: SessionId, since: Instant): Promise<ChildSight | undefined>;
  /** Calls of `task` near the end of the session's history, oldest first; none when it is gone. */
  storedTasks(sessionId: SessionId): Promise<readonly StoredTask[]>;
}

/** What is known of subagents, one record a parent session. */
export interface SubagentLedgers {
  /** Sessions that have a record. */
  parents(): Promise<readonly SessionId[]>;
  read(parentId: SessionId): Promise<SubagentLedger | undefined>;
  /** Replaces the record, durably, with what `change` makes of it; undefined removes it, itself leaves it. */
  change(
    parentId: SessionId,
    change: (ledger: SubagentLedger | undefined) => SubagentLedger | undefined,
  ): Promise<SubagentLedger | undefined>;
}

/** Processes of this machine. */
export interface Processes {
  readonly self: ProcessRef;
  /** Whether exactly that process still runs. */
  isAlive(process: ProcessRef): Promise<boolean>;
  /** Processes that were started with one of these marks in their environment. */
  marked(marks: readonly string[]): Promise<readonly ProcessRef[]>;
}

/** What others may read of the runs without asking anybody: files, for as long as a run's folder is there. */
export interface StatusBoard {
  /** What was shown last, by whatever process. */
  shown(runId: RunId): Promise<ShownBefore | undefined>;
  /** Shows how the run stands, in place of what was shown before. */
  show(survey: RunSurvey): Promise<void>;
  /** Shows nothing of the run any more. */
  clear(runId: RunId): Promise<void>;
  /** When it was shown; undefined if nothing is. */
  shownAt(runId: RunId): Promise<Instant | undefined>;
}

export interface ShownBefore {
  readonly survey: RunSurvey;
  /** What the process that showed it has left running; nothing where that process lives. */
  readonly leftRunning: readonly LeftRunning[];
}

/** What is wanted of a new worktree. */
export interface WorktreeOrder {
  readonly runId: RunId;
  readonly member: string;
  /** Where the lead works: the worktree is one of the repository around it, and starts from what is checked out there. */
  readonly directory: string;
  /** As the spec has it, if it does not leave the choice to us. */
  readonly path?: string;
  /** What the branch is to be called, if nothing of that name exists. */
  readonly branch: string;
}

/**
 * Git worktrees of members. Each call is harmless when repeated, and none waits longer than a deadline. What cannot be done
 * rejects with `worktree_failed`.
 */
export interface Worktrees {
  /** Chooses names that are free. Makes nothing. */
  plan(order: WorktreeOrder): Promise<Site>;
  /** Makes the branch and the worktree, or finds those that were made before. Refuses what it cannot prove to be ours. */
  make(worktree: Worktree): Promise<void>;
  /**
   * What it holds that is nowhere else, one phrase each; empty when nothing would be lost with it.
   *
   * @param directory where the lead works: what is merged there is not lost.
   */
  holdings(worktree: Worktree, directory: string): Promise<readonly string[]>;
  /** Removes the worktree and its branch, or keeps what holds something. */
  remove(worktree: Worktree, directory: string): Promise<WorktreeEnd>;
}

/**
 * The terminal multiplexer around this process, in which members are shown. No call waits longer than a deadline. What
 * cannot be done rejects with `pane_failed`, and nothing was changed then; its detail `gone` says that there is nothing left to
 * be shown in.
 */
export interface Panes {
  /** The pane of this process; the reason in words if it has none. */
  readonly home: { readonly paneId: string } | { readonly reason: string };
  /** Every window there is, and which panes in it carry a mark of ours. */
  look(): Promise<readonly Window[]>;
  /**
   * Carries out one act. A pane that does not carry the very mark that was seen is left alone, and so is everything in
   * another server than the one this process was started in.
   */
  perform(act: Exclude<PaneAct, { kind: "open" }>): Promise<void>;
  open(act: Extract<PaneAct, { kind: "open" }>, view: MemberView): Promise<void>;
}

/** What a new pane is to show, and as whose. */
export interface MemberView {
  readonly mark: PaneMark;
  /** The process with which the view is to end. */
  readonly owner: number;
  /** Of a window, if one has to be made. */
  readonly windowName: string;
  /** What attaches to the member's session, as a program and its arguments: nothing in it is secret. */
  readonly command: readonly string[];
  /** What it is handed besides, secrets included: lines without a line break. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A way into the host for programs of this machine that know its password. */
export interface Gangway {
  /** The program that shows a session, with its arguments. */
  command(sessionId: SessionId, directory: string): readonly string[];
  /** What that program has to find in its environment. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Where a caller stands: its own directory and the root of the work tree around it. */
export interface Place {
  readonly directory: string;
  readonly worktree: string;
}

/** A declared or inline team, understood, with what was understood differently from what was written. */
export interface ParsedTeam {
  readonly spec: TeamSpec;
  readonly source: TeamSource;
  readonly notes: readonly string[];
}

export type TeamSource = "inline" | "project" | "user";

/** One file of a teams folder. */
export type TeamFile =
  | {
      readonly name: string;
      readonly source: "project" | "user";
      readonly path: string;
      readonly team: ParsedTeam;
    }
  | {
      readonly name: string;
      readonly source: "project" | "user";
      readonly path: string;
      readonly error: string;
    };

/** Team descriptions: what a model writes in a call, and what people keep in files. */
export interface Teams {
  /** Understands an inline spec, an object or JSON text. Rejects with `spec_invalid`, naming paths as written. */
  parse(spec: unknown): ParsedTeam;
  /** Every declared team the place can see, nearest first; a broken file is a row with its error. */
  list(place: Place): Promise<readonly TeamFile[]>;
}

/** What a user has configured, as far as the verbs need it. */
export interface Settings {
  readonly limits: Limits;
  readonly offerTools: "on_request" | "always";
  readonly taskRecovery: boolean;
  readonly categories: Readonly<Record<string, Category>>;
  readonly agentEligibility: Readonly<Record<string, "allow" | "deny">>;
  /** Members are shown in panes of their own. */
  readonly panes: boolean;
}

/** What `kind: "category"` refers to. */
export interface Category {
  readonly agent: string;
  readonly model?: ModelChoice;
  readonly prompt?: string;
  readonly description?: string;
}
