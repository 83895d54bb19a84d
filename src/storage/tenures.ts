import type { Claims } from "./claims.ts";

/** The claims that this process has, by path: a run's ownership, a session's lease. */
export class Tenures {
  readonly #claims: Claims;
  readonly #tokens = new Map<string, string>();
  /** What is being done to a claim: a release that overlaps a renewal would leave a claim of ours that nobody can free. */
  readonly #lines = new Map<string, Promise<unknown>>();

  constructor(claims: Claims) {
    this.#claims = claims;
  }

  /** Takes the claim if nobody alive has it, or renews our own. Rejects with `ENOENT` if its folder is gone. */
  take(path: string, leaseMs: number): Promise<boolean> {
    return this.#inLine(path, async () => {
      const token = this.#tokens.get(path);
      if (token !== undefined && (await this.#claims.renew(path, token, leaseMs))) return true;
      this.#tokens.delete(path);
      const taking = await this.#claims.take(path, leaseMs);
      if (taking.kind === "taken") this.#tokens.set(path, taking.token);
      return taking.kind === "taken";
    });
  }

  /** From memory. */
  holds(path: string): boolean {
    return this.#tokens.has(path);
  }

  release(path: string): Promise<void> {
    return this.#inLine(path, async () => {
      const token = this.#tokens.get(path);
      if (token === undefined) return;
      this.#tokens.delete(path);
      await this.#claims.free(path, token);
    });
  }

  /** Runs `work` after what was begun for the same claim before; a failure there is its own caller's. */
  #inLine<T>(path: string, work: () => Promise<T>): Promise<T> {
    const before = this.#lines.get(path) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#lines.set(path, mine);
    const leave = (): void => {
      if (this.#lines.get(path) === mine) this.#lines.delete(path);
    };
    mine.then(leave, leave);
    return mine;
  }
}
