import type { Decision } from "../core/change.ts";
import type { Command } from "../core/commands.ts";
import { decide } from "../core/decide.ts";
import {
  type DeedEffect,
  type Effect,
  isRecord,
  type JournalEntry,
  type RecordEffect,
} from "../core/effects.ts";
import type { EffectId, RunId } from "../core/ids.ts";
import type { RunState } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import type { HeldRun } from "../ports.ts";
import type { World } from "./world.ts";

/** What a commit changed, for those who act on it. */
export interface Commit {
  readonly state: RunState;
  /** Effects of this commit alone. */
  readonly effects: readonly Effect[];
}

export type Transaction =
  | ({ readonly kind: "committed" } & Commit)
  | { readonly kind: "unchanged"; readonly state: RunState };

/** What of the world a commit takes: whoever has this may change a run, and performs no deed of it. */
export type Books = Pick<World, "clock" | "runs" | "mailbox" | "tasks">;

/** Builds the command from the state under the lock; what it reads cannot change before the commit. */
export type Prepare = (state: RunState) => Command | Promise<Command>;

/**
 * The one way to change a run: lock, load, decide, commit, write records, unlock, perform deeds, confirm.
 *
 * Replacing `state.json` is the commit. Records (messages, tasks, journal lines) are written before the lock is let go, so
 * that nobody ever reads a state whose records are still missing; a crash in between leaves them in the outbox, and the
 * next one to hold the lock writes them first. Deeds are the owner's, after the lock. An effect that is done is dropped
 * from the outbox by the next commit; until then a crash costs a harmless repeat.
 */
export class Transactor {
  readonly #world: Books;
  readonly #onCommit: (commit: Commit) => void;
  /** Effects this process has performed and whose confirmation is not on disk yet. */
  readonly #done = new Map<RunId, Set<EffectId>>();

  constructor(world: Books, onCommit: (commit: Commit) => void) {
    this.#world = world;
    this.#onCommit = onCommit;
  }

  /**
   * Commits the first state of a run. Rejects with the refusal if the decision is one.
   *
   * @param created called once the run's folder is there, before anything is done for it.
   */
  async create(
    decision: Exclude<Decision, { kind: "unchanged" }>,
    created: () => Promise<unknown>,
  ): Promise<Commit> {
    if (decision.kind === "refused") throw FlotillaError.of(decision.refusal);
    const { state, effects } = decision;
    await this.#world.runs.create(state);
    await created();
    await this.#world.runs.exclusively(state.runId, (run) => this.#writeRecords(run, state.runId, effects));
    const commit = { state, effects };
    this.#onCommit(commit);
    return commit;
  }

  /** Carries out one command. Rejects with the refusal's `FlotillaError`; nothing is changed then. */
  async transact(runId: RunId, prepare: Prepare): Promise<Transaction> {
    const result = await this.#world.runs.exclusively(runId, async (run): Promise<Transaction> => {
      const loaded = await run.load();
      await this.#writeRecords(run, runId, loaded.outbox);
      const state = { ...loaded, outbox: loaded.outbox.filter((effect) => !this.#isDone(runId, effect)) };
      const decision = decide(state, await prepare(state), this.#world.clock.now());
      if (decision.kind === "refused") throw FlotillaError.of(decision.refusal);
      if (decision.kind === "unchanged") return { kind: "unchanged", state };
      await this.#commit(run, decision.state, loaded.outbox);
      await this.#writeRecords(run, runId, decision.effects);
      return { kind: "committed", state: decision.state, effects: decision.effects };
    });
    if (result.kind === "committed") this.#onCommit(result);
    return result;
  }

  /** Deeds of the run that nobody has confirmed yet. */
  pendingDeeds(state: RunState): readonly DeedEffect[] {
    return state.outbox.filter(
      (effect): effect is DeedEffect => !isRecord(effect) && !this.#isDone(state.runId, effect),
    );
  }

  /** Notes that an effect is performed; it leaves the outbox with the next commit. */
  confirm(runId: RunId, ...effects: readonly Effect[]): void {
    const done = this.#done.get(runId) ?? new Set();
    for (const effect of effects) done.add(effect.effectId);
    this.#done.set(runId, done);
  }

  /** Writes confirmations to disk now, for a run that nothing else changes for a while. */
  async settleOutbox(runId: RunId): Promise<void> {
    const settled = await this.#world.runs.exclusively(runId, async (run) => {
      const loaded = await run.load();
      await this.#writeRecords(run, runId, loaded.outbox);
      const outbox = loaded.outbox.filter((effect) => !this.#isDone(runId, effect));
      if (outbox.length === loaded.outbox.length) return undefined;
      const state = { ...loaded, revision: loaded.revision + 1, outbox };
      await this.#commit(run, state, loaded.outbox);
      return state;
    });
    if (settled) this.#onCommit({ state: settled, effects: [] });
  }

  forget(runId: RunId): void {
    this.#done.delete(runId);
  }

  async #commit(run: HeldRun, state: RunState, before: readonly Effect[]): Promise<void> {
    await run.commit(state);
    const left = new Set(state.outbox.map((effect) => effect.effectId));
    const done = this.#done.get(state.runId);
    for (const effect of before) {
      if (!left.has(effect.effectId)) done?.delete(effect.effectId);
    }
  }

  #isDone(runId: RunId, effect: Effect): boolean {
    return this.#done.get(runId)?.has(effect.effectId) ?? false;
  }

  /** Journal lines go last: a line tells of something that is there. */
  async #writeRecords(run: HeldRun, runId: RunId, effects: readonly Effect[]): Promise<void> {
    const open = effects.filter(
      (effect): effect is RecordEffect => isRecord(effect) && !this.#isDone(runId, effect),
    );
    const lines: JournalEntry[] = [];
    for (const effect of open) {
      if (effect.type === "put_message") await this.#world.mailbox.put(effect.message);
      else if (effect.type === "write_task") await this.#world.tasks.write(runId, effect.task);
      else lines.push(effect.entry);
    }
    if (lines.length > 0) await run.appendJournal(lines);
    this.confirm(runId, ...open);
  }
}
