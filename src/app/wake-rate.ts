import type { Instant, Participant } from "../core/ids.ts";

/** A wake starts a turn, and turns cost money: a storm of them is slowed down, never lost. */
const MEMBER_BURST = 3;
const MEMBER_INTERVAL_MS = 1_000;
const RUN_BURST = 10;
const RUN_INTERVAL_MS = 100;

/** Tokens that come back one an interval. */
class Bucket {
  readonly #burst: number;
  readonly #intervalMs: number;
  #tokens: number;
  #at: Instant;

  constructor(burst: number, intervalMs: number, now: Instant) {
    this.#burst = burst;
    this.#intervalMs = intervalMs;
    this.#tokens = burst;
    this.#at = now;
  }

  /** When the next token is there: now or earlier if one is left. */
  nextAt(now: Instant): Instant {
    const back = Math.floor((now - this.#at) / this.#intervalMs);
    this.#tokens = Math.min(this.#burst, this.#tokens + back);
    this.#at = this.#tokens === this.#burst ? now : this.#at + back * this.#intervalMs;
    return this.#tokens > 0 ? now : this.#at + this.#intervalMs;
  }

  take(): void {
    this.#tokens -= 1;
  }

  giveBack(): void {
    this.#tokens = Math.min(this.#burst, this.#tokens + 1);
  }
}

/** How often one run's participants are woken: three at once and then one a second each, ten a second together. */
export class WakeRate {
  readonly #run: Bucket;
  readonly #each = new Map<Participant, Bucket>();

  constructor(now: Instant) {
    this.#run = new Bucket(RUN_BURST, RUN_INTERVAL_MS, now);
  }

  /** Takes a wake if there is one; otherwise the instant at which there will be. */
  take(participant: Participant, now: Instant): Instant | undefined {
    const own = this.#each.get(participant) ?? new Bucket(MEMBER_BURST, MEMBER_INTERVAL_MS, now);
    this.#each.set(participant, own);
    const at = Math.max(own.nextAt(now), this.#run.nextAt(now));
    if (at > now) return at;
    own.take();
    this.#run.take();
    return undefined;
  }

  /** The wake that was taken last has not been made. */
  giveBack(participant: Participant): void {
    this.#each.get(participant)?.giveBack();
    this.#run.giveBack();
  }
}
