import type { JournalEntry } from "../effects.ts";
import type { Instant } from "../ids.ts";
import type { Task } from "../task.ts";
import { number, text } from "../trace/entry.ts";
import type { Draft } from "./bars.ts";
import type { TaskLife } from "./report.ts";
import { shown } from "./shown.ts";

/** Of a task as it lies on disk. */
export type ListedTask = Pick<Task, "taskId" | "subject" | "status" | "owner">;

export interface TaskHistory {
  /** Their times are instants. */
  readonly lives: readonly TaskLife[];
  /** A task is a bar of whoever has it, from its claim on until it is over or given back. */
  readonly bars: readonly Draft[];
}

/** The journal knows no subjects; a task that is not listed has none. */
export function taskHistory(
  journal: readonly JournalEntry[],
  tasks: readonly ListedTask[],
  until: Instant,
): TaskHistory {
  const listed = new Map(tasks.map((task) => [task.taskId, task]));
  const lives = new Map<number, Life>();
  for (const entry of journal) {
    const taskId = number(entry["taskId"]);
    if (taskId === undefined || !entry.event.startsWith("task_")) continue;
    const life = lives.get(taskId) ?? new Life(taskId, listed.get(taskId));
    lives.set(taskId, life);
    life.add(entry);
  }
  const all = [...lives.values()].toSorted((one, other) => one.taskId - other.taskId);
  return { lives: all.map((life) => life.told()), bars: all.flatMap((life) => life.bars(until)) };
}

const BEGINS: ReadonlySet<string> = new Set(["task_claimed", "task_started"]);
const ENDS: ReadonlySet<string> = new Set([
  "task_completed",
  "task_deleted",
  "task_released",
  "task_assigned",
]);

const STATUSES: Readonly<Record<string, string>> = {
  task_created: "pending",
  task_released: "pending",
  task_claimed: "claimed",
  task_started: "in_progress",
  task_completed: "completed",
  task_deleted: "deleted",
};

class Life {
  readonly taskId: number;
  readonly #listed: ListedTask | undefined;
  readonly #steps: { readonly at: Instant; readonly what: string; readonly by?: string }[] = [];
  readonly #over: Draft[] = [];
  #held: { readonly who: string; readonly from: Instant } | undefined;
  #status = "pending";
  #owner: string | undefined;

  constructor(taskId: number, listed: ListedTask | undefined) {
    this.taskId = taskId;
    this.#listed = listed;
  }

  add({ at, event, by, owner }: JournalEntry): void {
    const who = text(by);
    this.#steps.push({
      at,
      what: shown(event.slice("task_".length)),
      ...(who === undefined ? {} : { by: who }),
    });
    this.#status = STATUSES[event] ?? this.#status;
    if (BEGINS.has(event) && who !== undefined && this.#held?.who !== who) {
      this.#end(at, "passed on");
      this.#held = { who, from: at };
    }
    if (BEGINS.has(event)) this.#owner = who;
    if (!ENDS.has(event)) return;
    this.#end(at, shown(event.slice("task_".length)));
    this.#owner = event === "task_released" ? undefined : (text(owner) ?? this.#owner);
  }

  told(): TaskLife {
    const owner = this.#listed ? this.#listed.owner : this.#owner;
    return {
      taskId: this.taskId,
      ...(this.#listed ? { subject: shown(this.#listed.subject) } : {}),
      status: this.#listed?.status ?? this.#status,
      ...(owner === undefined ? {} : { owner }),
      steps: this.#steps,
    };
  }

  bars(until: Instant): readonly Draft[] {
    if (!this.#held) return this.#over;
    return [...this.#over, { ...this.#bar(this.#held, Math.max(until, this.#held.from)), open: true }];
  }

  #end(at: Instant, how: string): void {
    if (this.#held) this.#over.push({ ...this.#bar(this.#held, at), facts: { "ended as": how } });
    this.#held = undefined;
  }

  #bar({ who, from }: { readonly who: string; readonly from: Instant }, to: Instant): Draft {
    const subject = this.#listed ? ` ${shown(this.#listed.subject)}` : "";
    return { who, kind: "task", from, to, name: `#${this.taskId}${subject}`, task: this.taskId, facts: {} };
  }
}
