import { describe, expect, test } from "bun:test";
import { WakeRate } from "../../src/app/wake-rate.ts";

const NOON = 1_750_000_000_000;

describe("the rate of wakes", () => {
  test("a member is woken three times at once, then once a second", () => {
    const rate = new WakeRate(NOON);
    for (let wake = 0; wake < 3; wake += 1) expect(rate.take("ada", NOON)).toBeUndefined();

    expect(rate.take("ada", NOON)).toBe(NOON + 1_000);
    expect(rate.take("ada", NOON + 999)).toBe(NOON + 1_000);
    expect(rate.take("ada", NOON + 1_000)).toBeUndefined();
    expect(rate.take("ada", NOON + 1_000)).toBe(NOON + 2_000);
  });

  test("one member's storm does not hold another's mail", () => {
    const rate = new WakeRate(NOON);
    for (let wake = 0; wake < 5; wake += 1) rate.take("ada", NOON);
    expect(rate.take("bo", NOON)).toBeUndefined();
  });

  test("a run is woken ten times at once, then ten times a second", () => {
    const rate = new WakeRate(NOON);
    for (let member = 0; member < 10; member += 1) {
      expect(rate.take(`member-${member}`, NOON)).toBeUndefined();
    }
    expect(rate.take("late", NOON)).toBe(NOON + 100);
    expect(rate.take("late", NOON + 100)).toBeUndefined();
  });

  test("rest gives back no more than the burst", () => {
    const rate = new WakeRate(NOON);
    for (let wake = 0; wake < 3; wake += 1) rate.take("ada", NOON);
    const later = NOON + 3_600_000;
    for (let wake = 0; wake < 3; wake += 1) expect(rate.take("ada", later)).toBeUndefined();
    expect(rate.take("ada", later)).toBe(later + 1_000);
  });

  test("a wake that was not made costs nothing", () => {
    const rate = new WakeRate(NOON);
    for (let wake = 0; wake < 20; wake += 1) {
      expect(rate.take("ada", NOON)).toBeUndefined();
      rate.giveBack("ada");
    }
    for (let wake = 0; wake < 3; wake += 1) expect(rate.take("ada", NOON)).toBeUndefined();
    expect(rate.take("ada", NOON)).toBe(NOON + 1_000);
  });
});
