import { describe, expect, test } from "bun:test";
import { smallestFailure } from "./history.ts";

/** Some 5 s altogether on a machine of its own. */
const TIMEOUT_MS = 240_000;

/** The same histories every time: new ones are lived through by `npm run soak`. */
describe("everybody reads everything once and in order, and nothing is left, in the weather of", () => {
  for (const seed of [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 112, 127, 152, 272, 310, 320, 924, 10113, 10616, 11509, 12092, 12942,
  ]) {
    test(`seed ${seed}`, () => livesThrough(seed), TIMEOUT_MS);
  }
});

async function livesThrough(seed: number): Promise<void> {
  expect(await smallestFailure({ seed, members: 6, messages: 300 })).toBeUndefined();
}
