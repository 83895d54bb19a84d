import type { DeedEffect } from "../core/effects.ts";
import type { EffectId, RunId } from "../core/ids.ts";
import { memberOf, type RunState } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import { loadOwned } from "./task-books.ts";
import type { Transactor } from "./transact.ts";
import type { World } from "./world.ts";

/**
 * Does the deeds of a run: what a commit wants done in the host. Only the owner's performer does anything.
 *
 * A deed is confirmed once it has been tried: what failed for good becomes a command (a spawn) or a line in the host's log
 * (a toast, a rule), and never keeps a run from ending. A crash before the confirmation has it done again.
 */
export class Performer {
  readonly #world: World;
  readonly #transactor: Transactor;
  readonly #archive: (runId: RunId) => Promise<void>;
  /** Deeds that are being done: a second commit may name them before they are confirmed. */
  readonly #underway = new Set<EffectId>();

  constructor(world: World, transactor: Transactor, archive: (runId: RunId) => Promise<void>) {
    this.#world = world;
    this.#transactor = transactor;
    this.#archive = archive;
  }

  /**
   * @param again the deeds come from an outbox that an earlier life left: each may have been done already.
   */
  async perform(state: RunState, deeds: readonly DeedEffect[], again: boolean): Promise<void> {
    const { runId } = state;
    const open = deeds.filter((deed) => !this.#underway.has(deed.effectId));
    if (open.length === 0 || !this.#world.ownership.holds(runId)) return;
    for (const deed of open) this.#underway.add(deed.effectId);
    try {
      await Promise.all(open.map((deed) => this.#try(state, deed, again)));
    } finally {
      for (const deed of open) this.#underway.delete(deed.effectId);
    }
    if (deeds.some((deed) => deed.type === "archive_run")) {
      this.#transactor.forget(runId);
      return;
    }
    await this.#transactor.settleOutbox(runId);
    await this.finishIfClosing(runId);
  }

  /** A run that is closing is over when nothing is left to be done for it. */
  async finishIfClosing(runId: RunId): Promise<void> {
    const state = await this.#world.runs.read(runId);
    if (state?.status !== "closing" || this.#transactor.pendingDeeds(state).length > 0) return;
    await this.#transactor.transact(runId, () => ({ type: "finish_run" }));
  }

  async #try(state: RunState, deed: DeedEffect, again: boolean): Promise<void> {
    try {
      await this.#do(state, deed, again);
    } catch (fault) {
      this.#world.host.log("warn", `${deed.type} of run ${state.runId} failed`, {
        effectId: deed.effectId,
        fault: describe(fault),
      });
    }
    this.#transactor.confirm(state.runId, deed);
  }

  async #do(state: RunState, deed: DeedEffect, again: boolean): Promise<void> {
    const { host } = this.#world;
    switch (deed.type) {
      case "open_session":
        return this.#openSession(state, deed, again);
      case "abort_session":
        return host.abort(deed.sessionId, deed.directory);
      case "add_rules":
        return host.addRules(deed.sessionId, deed.rules);
      case "show_toast":
        return host.toast(deed.directory, deed.level, deed.text);
      case "archive_run":
        return this.#archive(state.runId);
    }
  }

  async #openSession(
    state: RunState,
    deed: Extract<DeedEffect, { type: "open_session" }>,
    again: boolean,
  ): Promise<void> {
    const { runId, lead } = state;
    const { member: name, generation } = deed;
    const member = memberOf(state, name);
    if (!member || member.generation !== generation || member.sessionId !== undefined) return;
    const { agent, model, rules } = member.plan;
    const mark = { runId, member: name, generation, effectId: deed.effectId };
    const { directory } = lead;
    try {
      const found = again ? await this.#world.host.findSession(lead.sessionId, mark) : undefined;
      const sessionId =
        found ??
        (await this.#world.host.openSession({
          parentId: lead.sessionId,
          title: `${state.team.name}: ${name}`,
          directory,
          agent,
          rules,
          mark,
          ...(model === undefined ? {} : { model }),
        }));
      await this.#transactor.transact(runId, () => ({
        type: "note_session_opened",
        member: name,
        generation,
        sessionId,
        directory,
      }));
    } catch (fault) {
      await this.#transactor.transact(runId, async (now) => ({
        type: "note_spawn_failed",
        member: name,
        generation,
        reason: describe(fault),
        book: await loadOwned(this.#world, now, name),
      }));
    }
  }
}

/** A fault in one line. */
export function describe(fault: unknown): string {
  if (fault instanceof FlotillaError) return `${fault.code}: ${fault.message}`;
  return fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault);
}
