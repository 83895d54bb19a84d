import { LEAD, type RunId } from "../core/ids.ts";
import { isReady } from "../core/task-graph.ts";
import type { Fleet } from "./fleet.ts";
import { unseenMail } from "./mail-at-hand.ts";
import { isTeamIdle } from "./wait-for-team.ts";

/**
 * Nothing has changed for this long: whoever was about to go on has. Longer than a settled turn takes to lead to the next
 * post, short enough that a person who watches is not left wondering.
 */
const QUIET_AFTER_MS = 2_000;

/**
 * Notices when a run has come to rest with work left. One timer a run, set anew by every change and gone once it has rung:
 * a run in which nothing happens costs nothing.
 */
export class QuietWatch {
  readonly #fleet: Fleet;
  readonly #beside: (work: Promise<void>) => void;
  readonly #rested: (runId: RunId) => void;
  readonly #timers = new Map<RunId, () => void>();

  /** @param rested told of each run that has come to rest, and is this process's to look after. */
  constructor(fleet: Fleet, beside: (work: Promise<void>) => void, rested: (runId: RunId) => void) {
    this.#fleet = fleet;
    this.#beside = beside;
    this.#rested = rested;
  }

  changed(runId: RunId): void {
    // What ends while a run is closed here changes it once more.
    if (!this.#fleet.courier(runId)) return;
    this.#timers.get(runId)?.();
    const cancel = this.#fleet.world.clock.after(QUIET_AFTER_MS, () => {
      this.#timers.delete(runId);
      this.#beside(this.#look(runId));
    });
    this.#timers.set(runId, cancel);
  }

  forget(runId: RunId): void {
    this.#timers.get(runId)?.();
    this.#timers.delete(runId);
  }

  async #look(runId: RunId): Promise<void> {
    // One process is enough to say so.
    if (!this.#fleet.world.ownership.holds(runId) || !(await this.#isQuiet(runId))) return;
    await this.#fleet.transact(runId, async () => {
      const tasks = await this.#fleet.world.tasks.list(runId);
      const index = new Map(tasks.map((task) => [task.taskId, task]));
      const open = tasks.filter((task) => task.status !== "completed" && task.status !== "deleted");
      const ready = open.filter((task) => task.status === "pending" && isReady(index, task));
      const key = open.map((task) => `${task.taskId}:${task.status}:${task.owner ?? ""}`).join(" ");
      const list = this.#fleet.world.ids.digest(key);
      return { type: "note_quiet", list, open, ready: ready.map((task) => task.taskId) };
    });
    this.#rested(runId);
  }

  /** Nobody works, the lead included, and no mail is on its way to anybody. */
  async #isQuiet(runId: RunId): Promise<boolean> {
    const fleet = this.#fleet;
    const state = fleet.index.state(runId);
    if (state?.status !== "active" || state.tasks === 0 || state.lead.turn || state.lead.heldByPerson)
      return false;
    return (await unseenMail(fleet, runId, LEAD)) === 0 && (await isTeamIdle(fleet, state, LEAD));
  }
}
