import type { Fact, RetryNotice } from "../core/facts.ts";
import type { Instant, SessionId } from "../core/ids.ts";
import type { RunningTool } from "../core/survey.ts";

/**
 * What a participant's session and its subagents do at the moment, as far as no commit tells. Memory only: a crash ends all
 * of it. For those who look on, and nobody decides anything by it.
 */
export class SessionPulse {
  lastActivityAt: Instant | undefined;
  #retry: RetryNotice | undefined;
  /** Calls that run, by their message and id, in the order in which they began. */
  readonly #calls = new Map<string, RunningTool & { readonly sessionId: SessionId }>();
  readonly #subagents = new Set<SessionId>();

  get retry(): RetryNotice | undefined {
    return this.#retry;
  }

  /** The call that was begun last. */
  get tool(): RunningTool | undefined {
    const newest = [...this.#calls.values()].at(-1);
    return newest && { name: newest.name, startedAt: newest.startedAt };
  }

  /** A subagent works, with its caller's turn or beyond it. */
  get hasSubagentAtWork(): boolean {
    return this.#subagents.size > 0;
  }

  /**
   * Takes a fact down.
   *
   * @param own the participant's own session; any other is one below it.
   * @returns whether those who look on would see a difference that no commit tells them of.
   */
  note(fact: Fact, own: SessionId, now: Instant): boolean {
    const { sessionId } = fact;
    switch (fact.type) {
      case "undo_absent":
      case "session_opened":
        return false;
      case "session_idle":
      case "session_deleted":
        // Of its own session the end has to be established; of a subagent's it is good enough to show.
        return sessionId !== own && this.rest(sessionId);
      case "session_busy":
        return this.#worksOn(sessionId, own, fact.retry, now);
      case "tool_started": {
        this.lastActivityAt = now;
        const { tool: name, startedAt } = fact;
        this.#calls.set(callOf(fact), { name, startedAt, sessionId });
        return true;
      }
      case "tool_ended":
        this.lastActivityAt = now;
        return this.#calls.delete(callOf(fact));
      default:
        this.lastActivityAt = now;
        return false;
    }
  }

  /** The session's turn is over, and with it whatever it did; whether there was anything. */
  rest(sessionId: SessionId): boolean {
    const calls = [...this.#calls].filter(([, call]) => call.sessionId === sessionId);
    for (const [key] of calls) this.#calls.delete(key);
    const wasRetrying = this.#retry !== undefined;
    this.#retry = undefined;
    return this.#subagents.delete(sessionId) || calls.length > 0 || wasRetrying;
  }

  #worksOn(sessionId: SessionId, own: SessionId, retry: RetryNotice | undefined, now: Instant): boolean {
    this.lastActivityAt = now;
    const isNews = this.#retry?.nextAt !== retry?.nextAt;
    this.#retry = retry;
    if (sessionId === own || this.#subagents.has(sessionId)) return isNews;
    this.#subagents.add(sessionId);
    return true;
  }
}

function callOf({
  hostMessageId,
  callId,
}: {
  readonly hostMessageId: string;
  readonly callId: string;
}): string {
  return `${hostMessageId} ${callId}`;
}
