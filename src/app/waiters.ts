import type { RunId } from "../core/ids.ts";
import type { Clock } from "../ports.ts";

/** Wakes those who wait for something to become true of a run. */
export class Waiters {
  readonly #clock: Clock;
  readonly #waiting = new Map<RunId, Set<() => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something about the run has changed. */
  poke(runId: RunId): void {
    for (const look of [...(this.#waiting.get(runId) ?? [])]) look();
  }

  /**
   * Resolves with the first value other than undefined that `probe` gives, asked now and after every change, or with
   * undefined after `timeoutMs` or when `signal` aborts.
   */
  async until<T>(
    runId: RunId,
    timeoutMs: number,
    signal: AbortSignal,
    probe: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    let news: () => void = () => undefined;
    let over = signal.aborted;
    const look = (): void => news();
    const end = (): void => {
      over = true;
      news();
    };
    const cancel = this.#clock.after(timeoutMs, end);
    signal.addEventListener("abort", end, { once: true });
    const waiting = this.#waiting.get(runId) ?? new Set();
    this.#waiting.set(runId, waiting.add(look));
    try {
      for (;;) {
        // Listening before asking: a change while `probe` works is not missed.
        const changed = new Promise<void>((resolve) => {
          news = resolve;
        });
        const value = await probe();
        if (value !== undefined || over) return value;
        await changed;
      }
    } finally {
      cancel();
      signal.removeEventListener("abort", end);
      waiting.delete(look);
      if (waiting.size === 0) this.#waiting.delete(runId);
    }
  }
}
