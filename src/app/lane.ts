/** Does things one after another in the order in which they were given; a failure is reported and blocks nothing. */
export class Lane {
  readonly #onFailure: (fault: unknown) => void;
  #tail: Promise<void> = Promise.resolve();
  #waiting = false;

  constructor(onFailure: (fault: unknown) => void) {
    this.#onFailure = onFailure;
  }

  add(work: () => Promise<void> | void): void {
    this.#tail = this.#tail.then(work).catch(this.#onFailure);
  }

  /** As {@link add}, unless something given this way still waits for its turn: that will see what this would. */
  addOnce(work: () => Promise<void> | void): void {
    if (this.#waiting) return;
    this.#waiting = true;
    this.add(() => {
      this.#waiting = false;
      return work();
    });
  }

  /** Resolves when everything given before this call is done, whatever is given meanwhile. */
  reached(): Promise<void> {
    return this.#tail;
  }

  /** Resolves when nothing is left to do. */
  async drained(): Promise<void> {
    let tail: Promise<void>;
    do {
      tail = this.#tail;
      await tail;
    } while (tail !== this.#tail);
  }
}
