/** Which part of the run is seen, and where on the screen an instant is. */

/** Closer than that there is nothing to see: times are whole milliseconds. */
const SPAN_MIN_MS = 20;

export class Scale {
  /** @param {number} lengthMs of the run */
  constructor(lengthMs) {
    this.lengthMs = Math.max(lengthMs, SPAN_MIN_MS);
    this.left = 0;
    this.width = 1;
    this.fit();
  }

  /** A little air, so that what is at the edges can be seen. */
  get marginMs() {
    return this.lengthMs * 0.02;
  }

  fit() {
    this.show(-this.marginMs, this.lengthMs + this.marginMs);
  }

  /**
   * @param {number} from
   * @param {number} to
   */
  show(from, to) {
    const whole = this.lengthMs + 2 * this.marginMs;
    const span = Math.min(Math.max(to - from, SPAN_MIN_MS), whole);
    this.from = Math.min(Math.max(from, -this.marginMs), this.lengthMs + this.marginMs - span);
    this.to = this.from + span;
  }

  /** @type {number} */
  from = 0;
  /** @type {number} */
  to = 1;

  /** @param {number} ms */
  x(ms) {
    return this.left + ((ms - this.from) / (this.to - this.from)) * this.width;
  }

  /** @param {number} x */
  at(x) {
    return this.from + ((x - this.left) / this.width) * (this.to - this.from);
  }

  /**
   * @param {number} factor below 1: closer
   * @param {number} [x] what stays where it is
   */
  zoom(factor, x = this.left + this.width / 2) {
    const at = this.at(x);
    this.show(at - (at - this.from) * factor, at + (this.to - at) * factor);
  }

  /** @param {number} pixels */
  pan(pixels) {
    const ms = (pixels / this.width) * (this.to - this.from);
    this.show(this.from + ms, this.to + ms);
  }

  /**
   * So that it can be seen: moves as little as that takes.
   * @param {number} from
   * @param {number} to
   */
  reveal(from, to) {
    const span = this.to - this.from;
    const air = span * 0.05;
    if (to > this.to - air)
      this.show(Math.min(from - air, to + air - span), Math.min(from - air, to + air - span) + span);
    if (from < this.from + air) this.show(from - air, from - air + span);
  }

  /** Steps of the ruler, for people: 1, 2, 5, 10, 15, 30 of a unit. */
  step() {
    const wanted = ((this.to - this.from) / this.width) * 110;
    return STEPS.find((step) => step >= wanted) ?? Math.ceil(wanted / 86_400_000) * 86_400_000;
  }
}

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500]
  .concat([1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1_000))
  .concat([1, 2, 5, 10, 15, 30].map((minutes) => minutes * 60_000))
  .concat([1, 2, 3, 6, 12, 24].map((hours) => hours * 3_600_000));
