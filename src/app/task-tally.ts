import type { Effect } from "../core/effects.ts";
import type { RunId, TaskId } from "../core/ids.ts";
import type { RunState } from "../core/run.ts";
import type { TaskCounts } from "../core/survey.ts";
import type { TaskStatus } from "../core/task.ts";
import { countTasks } from "./read-tasks.ts";
import type { World } from "./world.ts";

/**
 * How many tasks of a run there are of each kind, kept as commits change it: those who look on are shown it after every
 * change, and none of these may cost what the list holds. All tasks are looked at once, unless the run has none yet, and
 * anew when commits of another process have escaped this one.
 */
export class TaskTally {
  readonly #tasks: World["tasks"];
  readonly #kept = new Map<RunId, Tally>();

  constructor({ tasks }: Pick<World, "tasks">) {
    this.#tasks = tasks;
  }

  /** Takes over what a commit of this process has written. */
  note({ runId, revision }: RunState, effects: readonly Effect[]): void {
    const tally = this.#kept.get(runId);
    if (!tally) return;
    tally.revision = revision;
    for (const effect of effects) {
      if (effect.type === "write_task") put(tally, effect.task.taskId, effect.task.status);
    }
  }

  /** Takes over what another process has committed: of the newest commit, the outbox still has all that it wrote. */
  learn(state: RunState): void {
    const tally = this.#kept.get(state.runId);
    if (tally && state.revision === tally.revision + 1) this.note(state, state.outbox);
    else this.forget(state.runId);
  }

  async counts(state: RunState): Promise<TaskCounts> {
    const known = this.#kept.get(state.runId);
    if (known) return known.counts;
    const tally: Tally = { revision: state.revision, statuses: new Map(), counts: countTasks([]) };
    // Kept before it is complete: what is committed while the list is read is newer than the list.
    this.#kept.set(state.runId, tally);
    const tasks = state.tasks === 0 ? [] : await this.#tasks.list(state.runId);
    for (const { taskId, status } of tasks) if (!tally.statuses.has(taskId)) put(tally, taskId, status);
    return tally.counts;
  }

  forget(runId: RunId): void {
    this.#kept.delete(runId);
  }
}

interface Tally {
  /** Of the newest commit that is in it. */
  revision: number;
  readonly statuses: Map<TaskId, TaskStatus>;
  readonly counts: Record<TaskStatus, number>;
}

function put({ statuses, counts }: Tally, taskId: TaskId, status: TaskStatus): void {
  const former = statuses.get(taskId);
  if (former !== undefined) counts[former] -= 1;
  statuses.set(taskId, status);
  counts[status] += 1;
}
