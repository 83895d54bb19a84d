/** The middle value; the lower of the two middle ones for an even number, so that it is a value that was measured. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** The value that 95 of 100 samples do not exceed (nearest rank). */
export function p95(samples: readonly number[]): number {
  return quantile(samples, 0.95);
}

/** The value that 99 of 100 samples do not exceed. */
export function p99(samples: readonly number[]): number {
  return quantile(samples, 0.99);
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Enough for two stable digits of an interval's ends, in well under a second. */
const RESAMPLES = 2_000;

/**
 * Where a comparison of two medians lies with 95 % confidence (bootstrap): how far the number can be trusted. Draws come
 * from a fixed seed, so that the same samples always give the same interval.
 */
export function interval(
  ours: readonly number[],
  bare: readonly number[],
  compare: (ours: number, bare: number) => number,
): Interval {
  const draw = randomFractions(1);
  const again = (samples: readonly number[]): number[] =>
    samples.map(() => samples[Math.floor(draw() * samples.length)] ?? 0);
  const results = Array.from({ length: RESAMPLES }, () => compare(median(again(ours)), median(again(bare))));
  return { low: quantile(results, 0.025), high: quantile(results, 0.975) };
}

function quantile(samples: readonly number[], share: number): number {
  if (samples.length === 0) throw new Error("there is no quantile of no samples");
  const sorted = samples.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

/** Fractions 0 <= x < 1 that repeat with the seed (a linear congruential generator, constants of Numerical Recipes). */
function randomFractions(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
