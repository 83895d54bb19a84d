/** Does things one after another in the order in which they were given; a failure is reported and blocks nothing. */
export class Lane {
  readonly #onFailure: (fault: unknown) => void;
  #tail: Promise<void> = Promise.resolve();
  /** The newest thing in the lane, if it was given with {@link addOnce} and has not begun. */
  #last: object | undefined;

  constructor(onFailure: (fault: unknown) => void) {
    this.#onFailure = onFailure;
  }

  add(work: () => Promise<void> | void): void {
    this.#last = undefined;
    this.#tail = this.#tail.then(work).catch(this.#onFailure);
  }

  /**
   * As {@link add}, unless the newest thing in the lane was given this way and waits for its turn: that will see what this
   * would. One with something behind it would not.
   */
  addOnce(work: () => Promise<void> | void): void {
    if (this.#last) return;
    const self = {};
    this.add(() => {
      if (this.#last === self) this.#last = undefined;
      return work();
    });
    this.#last = self;
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
