import type { Below } from "../core/commands.ts";
import type { ToolEnded, ToolRun, ToolStarted } from "../core/facts.ts";
import type { SessionId } from "../core/ids.ts";
import { toolRun } from "../core/trace/lines.ts";

/** A step has a few calls, a turn some subagents; where no end is ever told, what is remembered must have one. */
const KEPT_MAX = 1_000;

/**
 * Tool calls of a session and of its subagents that have ended and are on nobody's record yet. They go into the journal with
 * the step that made them, so that a call costs no commit of its own. Memory only: what a crash takes with it, the host's
 * store still has.
 */
export class ToolLedger {
  #runs: readonly { readonly sessionId: SessionId; readonly run: ToolRun }[] = [];
  /** Which call of `task` a session below answers. */
  readonly #callers = new Map<SessionId, Below["call"]>();

  started({ task, hostMessageId, callId }: ToolStarted): void {
    const below = task?.metadata["sessionId"];
    if (typeof below !== "string") return;
    this.#callers.set(below, { hostMessageId, callId });
    for (const oldest of this.#callers.keys()) {
      if (this.#callers.size <= KEPT_MAX) break;
      this.#callers.delete(oldest);
    }
  }

  ended(fact: ToolEnded): void {
    this.#runs = [...this.#runs, { sessionId: fact.sessionId, run: toolRun(fact) }].slice(-KEPT_MAX);
  }

  callOf(below: SessionId): Pick<Below, "call"> {
    const call = this.#callers.get(below);
    return call ? { call } : {};
  }

  /** A session's calls that are not on record. */
  of(sessionId: SessionId): readonly ToolRun[] {
    return this.#runs.flatMap((one) => (one.sessionId === sessionId ? [one.run] : []));
  }

  /** These are on record. */
  noted(runs: readonly ToolRun[]): void {
    if (runs.length > 0) this.#runs = this.#runs.filter(({ run }) => !runs.includes(run));
  }
}
