import { describe, expect, test } from "bun:test";
import { PATIENCE_MS, Slots } from "../../src/app/mail/slots.ts";
import { LEAD } from "../../src/core/ids.ts";
import { NOON } from "../core/decide-builders.ts";

/** Slots of a run in which ada works since noon, and whom they called to look. */
function atNoon() {
  const called: string[] = [];
  const slots = new Slots((recipient) => called.push(recipient));
  slots.take("ada", NOON);
  slots.started("ada", NOON + 5);
  return { slots, called };
}

describe("mail of members", () => {
  test("joins a turn, however old that is, while nobody has waited for long", () => {
    const { slots } = atNoon();
    expect(slots.mayJoin("ada", NOON + 100 * PATIENCE_MS)).toBe(true);
    slots.wait("bo", NOON + 10 * PATIENCE_MS);
    expect(slots.mayJoin("ada", NOON + 11 * PATIENCE_MS - 1)).toBe(true);
  });

  test("waits for the end of an old turn once somebody has waited for long, and joins a young one", () => {
    const { slots } = atNoon();
    slots.wait("bo", NOON + 10);
    const late = NOON + 10 + PATIENCE_MS;
    slots.take("cy", late - PATIENCE_MS + 1);
    expect([slots.mayJoin("ada", late), slots.mayJoin("cy", late)]).toEqual([false, true]);
  });

  test("finds a turn as old as its slot, with whatever has joined it, and young after a rest", () => {
    const { slots } = atNoon();
    slots.wait("bo", NOON + 10);
    const late = NOON + 10 + PATIENCE_MS;
    slots.started("ada", late);
    expect(slots.mayJoin("ada", late)).toBe(false);
    slots.free("ada");
    slots.take("ada", late);
    expect(slots.mayJoin("ada", late + 1)).toBe(true);
  });

  test("is not kept from who waits for it inside of a tool call, nor from the lead, who has no slot", () => {
    const { slots } = atNoon();
    slots.started(LEAD, NOON);
    slots.wait("bo", NOON + 10);
    const unpark = slots.park("ada");
    const late = NOON + 10 + PATIENCE_MS;
    expect([slots.mayJoin("ada", late), slots.mayJoin(LEAD, late)]).toEqual([true, true]);
    unpark();
    expect(slots.mayJoin("ada", late)).toBe(false);
  });

  test("that is held back holds nobody else's back, and is looked after when the queue is gone", () => {
    const { slots, called } = atNoon();
    slots.wait("ada", NOON + 10);
    expect(slots.mayJoin("ada", NOON + 10 + PATIENCE_MS)).toBe(true);
    slots.wait("bo", NOON + 20);
    slots.stopWaiting("bo");
    expect(called).toEqual(["ada"]);
  });
});
