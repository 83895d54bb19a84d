import type { JournalEntry } from "../src/core/effects.ts";
import type { Instant, MessageId, Participant, RunId, SessionId, TaskId } from "../src/core/ids.ts";
import type { Message } from "../src/core/message.ts";
import type { RunState } from "../src/core/run.ts";
import type { Task } from "../src/core/task.ts";

/** Something that was observed. No line of the timeline stands for anything else. */
export type Fact =
  /** A line of a run's journal. */
  | { readonly kind: "journal"; readonly at: Instant; readonly runId: RunId; readonly entry: JournalEntry }
  /** A file in an inbox. */
  | { readonly kind: "mail"; readonly at: Instant; readonly message: Message }
  /** A tool call that has ended, as the host tells it. */
  | {
      readonly kind: "tool";
      readonly at: Instant;
      readonly sessionId: SessionId;
      readonly tool: string;
      readonly input: Readonly<Record<string, unknown>>;
      readonly output: string;
      /** Set when it failed or was refused. */
      readonly failure?: string;
    }
  /** A finished text of a model. */
  | { readonly kind: "said"; readonly at: Instant; readonly sessionId: SessionId; readonly text: string }
  /** What a person would have to know: an error, a back-off, a request for permission. */
  | {
      readonly kind: "trouble";
      readonly at: Instant;
      readonly sessionId: SessionId | undefined;
      readonly text: string;
      /** A turn has ended in it. */
      readonly isError: boolean;
    };

/** What the files of one run say now. */
export interface RunOnDisk {
  readonly runId: RunId;
  /** Where its folder is at the moment: below `runs` or below `archive`. */
  readonly folder: string;
  readonly state: RunState | undefined;
  readonly tasks: ReadonlyMap<TaskId, Task>;
  readonly journal: readonly JournalEntry[];
  /** By id, with every recipient: a broadcast has one id. */
  readonly messages: ReadonlyMap<MessageId, readonly Message[]>;
}

/** Who a session is, by the state of the runs; undefined for a session of no run. */
export function participantOf(
  runs: readonly RunOnDisk[],
  sessionId: SessionId | undefined,
): Participant | undefined {
  for (const { state } of runs) {
    if (state?.lead.sessionId === sessionId) return "lead";
    const member = Object.values(state?.members ?? {}).find((one) => one.sessionId === sessionId);
    if (member) return member.plan.name;
  }
  return undefined;
}
