import type { GateAnswer } from "../app/answer-gate.ts";
import type { LimitChange } from "../app/change-limits.ts";
import type { Batch } from "../core/delivery.ts";
import type { JournalEntry } from "../core/effects.ts";
import type { Instant, MessageId, Participant, RunId } from "../core/ids.ts";
import type { Message } from "../core/message.ts";
import type { Limits, RunState } from "../core/run.ts";
import type { SubagentLedger } from "../core/subagents.ts";
import type { RunSurvey } from "../core/survey.ts";
import type { Task } from "../core/task.ts";
import type { TraceAbout } from "../core/trace/chronicle.ts";
import type { ExportNote } from "../core/trace/export-note.ts";
import type { Standing, Wait } from "../core/waits.ts";
import type { Worktree, WorktreeEnd } from "../core/worktree.ts";
import type { TeamModeOptions } from "../options.ts";

/** What the commands know of the world; main.ts puts it together, and what writes says so. */
export interface World {
  /** Of this package. */
  readonly version: string;
  /** Versions of OpenCode that it works with, `>=a <b`. */
  readonly hostRange: string;
  /** Versions of Node that it runs under, in the same form. */
  readonly nodeRange: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** At the moment: a command may go on for long. */
  readonly now: Instant;
  /** The time from then to now, for people: `3 min`. */
  age(since: Instant): string;
  /** What the host would read here, in the order in which later ones win. */
  readonly sources: readonly ConfigSource[];
  /** Folders whose `plugin/` and `plugins/` the host loads by itself. */
  readonly pluginHomes: readonly string[];
  /** `team_mode` from all sources, and from what stands beside the plugin and where. */
  readConfig(beside?: { readonly options?: unknown; readonly place: string }): ConfigView;
  /** The user's own configuration folder of the host. */
  readonly userFolder: string;
  /** A text of the host's configuration, with where in it something is wrong or stands. */
  readJsonc(text: string): ConfigText;
  /** The work tree in which the caller stands, or, outside of any, its directory. */
  readonly project: string;
  /** The same for the same folder: what was read and has not changed is not read again. */
  openRuns(baseDir: string): Runs;
  readSubagents(baseDir: string): Promise<SubagentsView>;
  /** How its participants stand: as the owner shows them, else as it was committed. */
  surveyOf(view: RunView): Pick<RunSurvey, "lead" | "members">;
  /** In one line, for a prompt or a bar. */
  sayLine(survey: RunSurvey): string;
  /** The content of a `telemetry.json`; undefined if it makes no sense. */
  readExportNote(text: string): ExportNote | undefined;
  /** Those of telemetry's headers that an OpenCode started here would not send, as the variable is not set. */
  unsentHeaders(
    headers: Readonly<Record<string, string>>,
  ): readonly { readonly header: string; readonly variable: string }[];
  /** What a run's trace says besides its journal. */
  traced(runId: RunId): TraceAbout;
  /** What anybody in the run waits for. */
  waitsOf(view: RunView, mail: Standing["mail"]): readonly Wait[];
  /** Calls `changed` when something in the folder may have changed, every second at the latest, until it is ended. */
  watch(folder: string, changed: () => void): () => void;
  /** Limits by their keys in the configuration, or one line for each that cannot be. */
  readLimits(
    values: Readonly<Record<string, unknown>>,
  ): { readonly limits: Partial<Limits> } | { readonly problems: readonly string[] };
  /** Commits them to a live run. */
  changeLimits(
    baseDir: string,
    runId: RunId,
    limits: Partial<Limits>,
  ): Promise<{ readonly state: RunState; readonly changes: readonly LimitChange[] }>;
  /** Writes a person's word to a participant of a live run, or to `*`: all of them. */
  tell(
    baseDir: string,
    runId: RunId,
    letter: { readonly to: string; readonly body: string },
  ): Promise<{ readonly state: RunState; readonly messages: readonly Message[] }>;
  /** Commits a person's answer to what a participant waits for. */
  answerGate(baseDir: string, runId: RunId, answer: GateAnswer): Promise<void>;
  /** What crashes and time have left in the base folder. */
  leftovers(baseDir: string): {
    list(): Promise<readonly Leftover[]>;
    /** Removes one of them, unless it is not one any more. */
    remove(leftover: Leftover): Promise<void>;
  };
  worktrees(baseDir: string): {
    /** What a worktree holds that is nowhere else; empty when nothing would be lost with it. */
    holdings(worktree: Worktree, directory: string): Promise<readonly string[]>;
    /** Removes it and its branch, or keeps what holds something. */
    remove(worktree: Worktree, directory: string): Promise<WorktreeEnd>;
  };
  /** The content of a lock file; undefined if it makes no sense. */
  readClaim(text: string): Promise<ClaimView | undefined>;
  /** The content of a run's status file, and whether who wrote it lives; undefined if it makes no sense. */
  readStatus(text: string): Promise<{ readonly survey: RunSurvey; readonly alive: boolean } | undefined>;
}

/** What is known of subagents that were interrupted, as the library's door reads it. */
export interface SubagentsView {
  readonly callers: readonly {
    readonly ledger: SubagentLedger;
    /** Whether the process that runs the caller's turns still does. */
    readonly alive: boolean;
    readonly survivors: readonly number[];
  }[];
  readonly unreadable: readonly UnreadableFile[];
}

/** One text of the host's configuration. */
export interface ConfigSource {
  /** Its path, or the variable that holds it. */
  readonly source: string;
  /** Where its relative paths start. */
  readonly folder: string;
  /** Its `plugin` key, with references replaced as the host does. */
  readonly plugin: unknown;
  /** Where the n-th entry of that key stands, `<file>:<line>:<column>`. */
  placeOf(index: number): string;
}

/** Positions are from 1, as editors count them. */
export interface ConfigText {
  readonly value: unknown;
  readonly faults: readonly { readonly at: Position; readonly message: string }[];
  positionOf(offset: number): Position;
}

interface Position {
  readonly line: number;
  readonly column: number;
}

/** The configuration as it holds here. */
export interface ConfigView {
  /** What was set, and where. */
  readonly settings: readonly Setting[];
  /** Absent if there are problems. */
  readonly options?: TeamModeOptions;
  /** One line each: place, key, what was received, what is allowed. */
  readonly problems: readonly string[];
}

export interface Setting {
  /** `max_members`, `telemetry.label`. */
  readonly key: string;
  /** Cut to a line; absent where it could be a secret, or cannot be used. */
  readonly value?: string;
  readonly place: string;
}

/** Runs as the library's door reads them. */
export interface Runs {
  list(): Promise<readonly RunId[]>;
  archived(): Promise<readonly RunId[]>;
  read(runId: RunId): Promise<RunView>;
  readState(runId: RunId): Promise<RunState>;
  readMessage(runId: RunId, to: Participant, messageId: MessageId): Promise<StoredMessage | undefined>;
  readWaitingMail(view: RunView): Promise<readonly StoredMessage[]>;
  readHistory(runId: RunId): Promise<RunHistory>;
}

/** A message with where it is. */
export interface StoredMessage {
  readonly message: Message;
  readonly place: "ready" | "reserved" | "processed" | "dead";
  readonly batch?: Batch;
  readonly reason?: string;
}

/** What a run has left behind so far. */
export interface RunHistory {
  readonly state: RunState;
  readonly isArchived: boolean;
  readonly path: string;
  readonly journal: readonly JournalEntry[];
  readonly mail: readonly StoredMessage[];
  readonly unreadable: readonly UnreadableFile[];
}

export interface RunView {
  readonly state: RunState;
  readonly owner?: { readonly pid: number; readonly alive: boolean };
  /** What the owner shows of it, as long as it lives. */
  readonly shown?: RunSurvey;
  readonly unread: Readonly<Record<Participant, number>>;
  readonly tasks: readonly Task[];
  readonly unreadable: readonly UnreadableFile[];
}

export interface UnreadableFile {
  readonly path: string;
  readonly fault: string;
}

/** Something that nobody needs any more. */
export interface Leftover {
  readonly kind: "archived_run" | "temporary" | "lock";
  readonly path: string;
  readonly since: Instant;
}

/** Who has a lock. */
export interface ClaimView {
  readonly pid: number;
  readonly takenAt: Instant;
  readonly alive: boolean;
}

/** What a command leaves: its text for standard output if it has not printed it itself, and the code it ends with. */
export interface Outcome {
  readonly text?: string;
  readonly code: number;
}

/** How text is shown. */
export interface Screen {
  readonly colour: boolean;
  /** Columns; absent where nobody looks, as in a pipe: then nothing is cut. */
  readonly width?: number;
  /** Lines; absent as the columns are. */
  readonly height?: number;
}
