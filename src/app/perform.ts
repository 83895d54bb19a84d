import type { DeedEffect } from "../core/effects.ts";
import { type EffectId, LEAD, type MemberName, type RunId } from "../core/ids.ts";
import { memberOf, type RunState } from "../core/run.ts";
import { clearWorktree } from "./clear-worktree.ts";
import { describe } from "./describe.ts";
import { openSession } from "./open-session.ts";
import type { Transactor } from "./transact.ts";
import type { World } from "./world.ts";

type OpenSession = Extract<DeedEffect, { readonly type: "open_session" }>;

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
  /** Members that are being given their sessions, by run. */
  readonly #spawning = new Map<string, Promise<void>>();

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
    // Deeds of a later commit have ended the run meanwhile: nobody asks for these any more.
    if (!this.#world.ownership.holds(runId)) return;
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
      case "remove_worktree":
        return this.#removeWorktree(state, deed.member);
      case "add_rules":
        return host.addRules(deed.sessionId, deed.rules);
      case "show_toast":
        return host.toast(deed.directory, deed.level, deed.text);
      case "answer_permission":
        return this.#answer(state, deed);
      case "archive_run":
        return this.#archive(state.runId);
    }
  }

  async #openSession(state: RunState, deed: OpenSession, again: boolean): Promise<void> {
    const key = seatKey(state.runId, deed.member);
    const opening = openSession(this.#world, this.#transactor, state, deed, again);
    this.#spawning.set(key, opening);
    try {
      await opening;
    } finally {
      if (this.#spawning.get(key) === opening) this.#spawning.delete(key);
    }
  }

  /** Nobody tells of an answer that came too late. */
  async #answer(state: RunState, deed: Extract<DeedEffect, { type: "answer_permission" }>): Promise<void> {
    const { participant, requestId, reply, message } = deed;
    const { host, leases } = this.#world;
    const seat = participant === LEAD ? state.lead : memberOf(state, participant);
    const directory = seat?.directory ?? state.lead.directory;
    const answer = { requestId, reply, ...(message === undefined ? {} : { message }) };
    const isTaken = await host.answerPermission(directory, answer);
    // What another process's host asks, this one's does not know.
    if (!isTaken && !(seat?.sessionId && leases.holds(state.runId, seat.sessionId))) return;
    const generation = memberOf(state, participant)?.generation ?? 1;
    await this.#transactor.transact(state.runId, () => ({
      type: "note_gate_closed",
      participant,
      generation,
      requestId,
    }));
  }

  async #removeWorktree(state: RunState, name: MemberName): Promise<void> {
    const member = memberOf(state, name);
    if (!member) return;
    // Git may be filling it at this moment: what is removed before that is there again afterwards, and nobody knows of it.
    await this.#spawning.get(seatKey(state.runId, name))?.catch(() => undefined);
    const end = await clearWorktree(this.#world, state, member);
    await this.#transactor.transact(state.runId, () => ({ type: "note_worktree_ended", member: name, end }));
  }
}

function seatKey(runId: RunId, member: MemberName): string {
  return `${runId}/${member}`;
}
