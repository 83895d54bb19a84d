import type { Instant } from "../ids.ts";

/**
 * A run as a page shows it: a lane for everybody, bars on it, letters from lane to lane. Times are milliseconds since the
 * run's beginning. It holds no more than `build.ts` allows, and no text of a message, argument or result: of what was written
 * only subjects of tasks and summaries of messages are in it.
 */
export interface Report {
  readonly run: ReportedRun;
  readonly lanes: readonly Lane[];
  /** By their beginning. */
  readonly bars: readonly Bar[];
  /** By their sending. */
  readonly letters: readonly Letter[];
  /** By their number. */
  readonly tasks: readonly TaskLife[];
  readonly totals: Totals;
  /** What is older than what fits. */
  readonly leftOut: LeftOut;
}

export interface ReportedRun {
  readonly runId: string;
  readonly team: string;
  readonly label?: string;
  readonly startedAt: Instant;
  /** The last that is known of it. */
  readonly lengthMs: number;
  readonly isOver: boolean;
  readonly error?: string;
}

/** What a lane has rows for, from top to bottom. */
export const BAR_KINDS = ["turn", "call", "tool", "wait", "task"] as const;
export type BarKind = (typeof BAR_KINDS)[number];

/** Outside of the team stand a person and the plugin itself: they only write. */
export type Seat = "lead" | "member" | "outside";

export interface Lane {
  readonly name: string;
  readonly seat: Seat;
  /** How many rows each kind needs; what happens at the same time stands below each other. */
  readonly rows: Readonly<Record<BarKind, number>>;
  readonly totals: Totals;
}

export interface Totals {
  readonly turns: number;
  readonly calls: number;
  readonly tools: number;
  readonly failures: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost: number;
  readonly waitedMs: number;
  readonly sent: number;
  readonly received: number;
}

export interface Bar {
  readonly lane: number;
  readonly kind: BarKind;
  /** Among those of its kind. */
  readonly row: number;
  readonly from: number;
  readonly to: number;
  /** Not over when the page was made. */
  readonly open?: true;
  readonly name: string;
  readonly error?: string;
  readonly task?: number;
  readonly facts: Facts;
}

/** What else is known, in words for people. */
export type Facts = Readonly<Record<string, string | number>>;

export type LetterState = "waiting" | "read" | "given up";

export interface Letter {
  readonly from: number;
  readonly to: number;
  readonly sentAt: number;
  /** When it first stood in what its reader's model was sent. */
  readonly readAt?: number;
  readonly state: LetterState;
  readonly kind: string;
  readonly bytes?: number;
  readonly summary?: string;
}

export interface TaskLife {
  readonly taskId: number;
  readonly subject?: string;
  readonly status: string;
  readonly owner?: string;
  readonly steps: readonly TaskStep[];
}

export interface TaskStep {
  readonly at: number;
  readonly what: string;
  readonly by?: string;
}

export interface LeftOut {
  readonly bars: number;
  readonly letters: number;
  readonly tasks: number;
}
