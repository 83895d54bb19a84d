import type { Clock, HeldRun, RunStore } from "../../src/ports.ts";
import type { MemoryDisk } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/open.ts";

/** How often a process looks at the folder of a run without having been told; memory has no clock of its own. */
const LOOK_MS = 1_000;

/** What the methods of a port do at once, and so cannot be cut short. */
const AT_ONCE = new Set(["holds", "log"]);

class Died extends Error {}

/**
 * One process, which may die at any call of a port: before it is carried out, or after that and before the caller hears of
 * it. From then on nothing of the process goes on: calls are never answered, timers never ring, its locks are free.
 */
export class Life {
  alive = true;
  readonly #clock: Clock;
  /** Calls of ports that are left to it. */
  #callsLeft = Number.POSITIVE_INFINITY;
  readonly #onDeath = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  dieAfter(calls: number): void {
    this.#callsLeft = calls;
  }

  /** The returned function takes it back. */
  onDeath(act: () => void): () => void {
    this.#onDeath.add(act);
    return () => this.#onDeath.delete(act);
  }

  die(): void {
    if (!this.alive) return;
    this.alive = false;
    for (const act of this.#onDeath) act();
    this.#onDeath.clear();
  }

  get clock(): Clock {
    return {
      now: () => this.#clock.now(),
      after: (ms, ring) => {
        // What was on its way when it died still comes to its next call, and may set a timer before.
        if (!this.alive) return () => undefined;
        let forget: () => void = () => undefined;
        const cancel = this.#clock.after(ms, () => {
          forget();
          ring();
        });
        forget = this.onDeath(cancel);
        return () => {
          forget();
          cancel();
        };
      },
    };
  }

  /** The process's access to the base folder. */
  storage(disk: MemoryDisk): Storage {
    const { die, ...storage } = disk.process();
    this.onDeath(die);
    return {
      runs: this.#runs(storage.runs),
      mailbox: this.port(storage.mailbox),
      tasks: this.port(storage.tasks),
      ownership: this.port(storage.ownership),
      leases: this.port(storage.leases),
      board: this.port(storage.board),
    };
  }

  /** The port as this process can use it while it lives. */
  port<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const method = Reflect.get(target, name) as (...args: unknown[]) => unknown;
        if (AT_ONCE.has(String(name))) return method.bind(target);
        return (...args: unknown[]) => this.#through(() => method.apply(target, args));
      },
    });
  }

  #runs(runs: RunStore): RunStore {
    const watched = this.port(runs);
    return new Proxy(watched, {
      get: (target, name) => {
        if (name === "exclusively") {
          return <T>(runId: string, work: (run: HeldRun) => Promise<T>) =>
            this.#through(() =>
              runs.exclusively(runId, (run) => this.#whileAlive(() => work(this.port(run)))),
            );
        }
        if (name === "watch")
          return (runId: string, changed: () => void) => this.#watch(runs, runId, changed);
        return Reflect.get(target, name);
      },
    });
  }

  #watch(runs: RunStore, runId: string, changed: () => void): () => void {
    const cancel = runs.watch(runId, changed);
    let cancelLook = (): void => undefined;
    const look = (): void => {
      changed();
      cancelLook = this.clock.after(LOOK_MS, look);
    };
    cancelLook = this.clock.after(LOOK_MS, look);
    this.onDeath(cancel);
    return () => {
      cancelLook();
      cancel();
    };
  }

  async #through<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#isOver()) return never();
    try {
      const value = await work();
      return this.#isOver() ? never() : value;
    } catch (fault) {
      if (fault instanceof Died || !this.alive) return never();
      throw fault;
    }
  }

  /** A dead process's lock is free. */
  async #whileAlive<T>(work: () => Promise<T>): Promise<T> {
    // It may have died while it stood in line.
    if (!this.alive) throw new Died("the process is dead");
    let forget: () => void = () => undefined;
    const death = new Promise<never>((_, reject) => {
      forget = this.onDeath(() => reject(new Died("the process is dead")));
    });
    try {
      return await Promise.race([work(), death]);
    } finally {
      forget();
    }
  }

  #isOver(): boolean {
    if (!this.alive) return true;
    this.#callsLeft -= 1;
    if (this.#callsLeft <= 0) this.die();
    return !this.alive;
  }
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
