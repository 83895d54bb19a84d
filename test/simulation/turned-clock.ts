import type { Instant } from "../../src/core/ids.ts";
import type { Clock } from "../../src/ports.ts";

interface Timer {
  readonly at: Instant;
  /** Timers of one instant ring in the order in which they were set. */
  readonly order: number;
  readonly ring: () => void;
  cancelled: boolean;
}

/**
 * A clock that is turned by hand. Between two rings everything that can go on does: nothing in a simulation waits for
 * anything but this clock, so when the queue of promises is empty, the next instant at which something happens is that of
 * the next timer.
 */
export class TurnedClock implements Clock {
  #now: Instant;
  #order = 0;
  /** A binary heap, the next timer first. */
  readonly #timers: Timer[] = [];

  constructor(now: Instant) {
    this.#now = now;
  }

  now(): Instant {
    return this.#now;
  }

  after(ms: number, ring: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order, ring, cancelled: false };
    this.#order += 1;
    this.#push(timer);
    return () => {
      timer.cancelled = true;
    };
  }

  /** Resolves that much later. */
  pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.after(ms, resolve));
  }

  /** Goes to the next timer, rings it, and lets everything go on that follows; false if none is set. */
  async turn(): Promise<boolean> {
    for (let next = this.#pop(); next !== undefined; next = this.#pop()) {
      if (next.cancelled) continue;
      this.#now = next.at;
      next.ring();
      await rest();
      return true;
    }
    return false;
  }

  #push(timer: Timer): void {
    const heap = this.#timers;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(timer, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#timers;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

/** Resolves when no promise is left that could go on by itself. */
export function rest(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}
