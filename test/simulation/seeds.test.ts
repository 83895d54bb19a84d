import { describe, expect, test } from "bun:test";
import { smallestFailure } from "./history.ts";

/** Some 5 s altogether on a machine of its own. */
const TIMEOUT_MS = 240_000;

/** Drawn anew every time: what it finds is printed with it, and can be had again. */
const NEW_SEED = Date.now() % 2 ** 31;

describe("everybody reads everything once and in order, and nothing is left, in the weather of", () => {
  for (const seed of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
    test(`seed ${seed}`, () => livesThrough(seed), TIMEOUT_MS);
  }
  test("a new seed", () => livesThrough(NEW_SEED), TIMEOUT_MS);
});

async function livesThrough(seed: number): Promise<void> {
  expect(await smallestFailure({ seed, members: 6, messages: 300 })).toBeUndefined();
}
