import { FlotillaError } from "../errors.ts";
import type { Claim } from "../records/claim.ts";
import type { Claims } from "./claims.ts";

/**
 * How long a caller waits. A commit with all its records takes tens of milliseconds, so this is hundreds of commits; and
 * a tool call that hangs longer than half a minute reads as a defect to whoever waits for it.
 */
export const LOCK_WAIT_MS = 30_000;
/** Between two looks at another process's lock: about the length of a commit. */
const LOOK_AGAIN_MS = 5;

/** A lock that is held. */
export interface Held {
  /** Lets go; `path` is where the lock file is now, if its folder has moved. */
  release(path?: string): Promise<void>;
}

interface Waiter {
  admit(): void;
}

/**
 * Exclusion by a lock file: first among the callers of this process, in the order in which they came, then among
 * processes. Not re-entrant: a caller that holds a lock and asks for it again waits for itself.
 */
export class Locks {
  readonly #claims: Claims;
  readonly #waitMs: number;
  /** Callers of this process that wait for a lock that another caller of this process has or waits for. */
  readonly #queues = new Map<string, Waiter[]>();

  /** Claims of ours that the disk would not let us remove: still ours, or this process would wait for itself. */
  readonly #stuck = new Map<string, string>();

  constructor(claims: Claims, waitMs: number) {
    this.#claims = claims;
    this.#waitMs = waitMs;
  }

  /** Rejects with `lock_timeout`, naming the holder, after the wait; with `ENOENT` if the lock's folder is gone. */
  async acquire(path: string): Promise<Held> {
    const deadline = performance.now() + this.#waitMs;
    await this.#enter(path);
    try {
      const token = await this.#take(path, deadline);
      return {
        release: async (pathNow = path) => {
          try {
            this.#stuck.set(path, token);
            await this.#claims.free(pathNow, token);
            this.#stuck.delete(path);
          } finally {
            this.#leave(path);
          }
        },
      };
    } catch (error) {
      this.#leave(path);
      throw error;
    }
  }

  async #take(path: string, deadline: number): Promise<string> {
    for (;;) {
      const taking = await this.#claims.take(path);
      if (taking.kind === "taken") return taking.token;
      if (taking.by && taking.by.token === this.#stuck.get(path)) return taking.by.token;
      if (performance.now() >= deadline) throw timedOut(path, this.#waitMs, taking.by);
      // Spread, so that processes that were let in together do not meet again each time.
      await pause(LOOK_AGAIN_MS * (0.5 + Math.random()));
    }
  }

  async #enter(path: string): Promise<void> {
    const queue = this.#queues.get(path);
    if (!queue) {
      this.#queues.set(path, []);
      return;
    }
    await new Promise<void>((admit, reject) => {
      const timer = setTimeout(() => {
        queue.splice(queue.indexOf(waiter), 1);
        reject(timedOut(path, this.#waitMs, "this process"));
      }, this.#waitMs);
      const waiter: Waiter = {
        admit() {
          clearTimeout(timer);
          admit();
        },
      };
      queue.push(waiter);
    });
  }

  #leave(path: string): void {
    const next = this.#queues.get(path)?.shift();
    if (next) next.admit();
    else this.#queues.delete(path);
  }
}

function timedOut(path: string, waitMs: number, holder: Claim | "this process" | undefined): FlotillaError {
  return new FlotillaError({
    code: "lock_timeout",
    message: `${path} was held for ${waitMs} ms by ${nameOf(holder)}`,
    hint: "Repeat the call. If it stays so, that process hangs: flotilla doctor shows it.",
    details: { path, waitMs, holder: holder ?? null },
  });
}

function nameOf(holder: Claim | "this process" | undefined): string {
  if (holder === undefined) return "an unreadable lock file";
  if (holder === "this process") return "another call of this process";
  return `process ${holder.pid} since ${new Date(holder.takenAt).toISOString()}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}
