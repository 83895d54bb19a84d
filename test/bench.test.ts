import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type Role, type RoleWeight, weighRequests } from "../bench/characters.ts";
import { MEASUREMENTS } from "../bench/measurements.ts";
import { PAGE } from "../bench/report.ts";

/**
 * Characters that the plugin may add to a first request: what is there today and a tenth more. The price of every word in
 * a tool's description is paid with each request of each session, so a larger bound is a decision.
 */
const BOUNDS: Readonly<Record<Role, number>> = { ordinary: 3_450, lead: 10_400, member: 7_750 };

describe("the page of numbers", () => {
  test("has a table of each measurement, with the commit and the machine", () => {
    const page = readFileSync(PAGE, "utf8");
    const sections = page.split(/^## /m).slice(1);
    expect(sections).toHaveLength(Object.keys(MEASUREMENTS).length);
    for (const section of sections) expect(section.match(/^\|/gm)?.length).toBeGreaterThan(3);
    expect(page).toMatch(/^Commit [0-9a-f]{7,}/m);
  });
});

describe("what the model is sent", () => {
  test("grows by a bounded number of characters, and its system prompt and tools stay the same from turn to turn", async () => {
    const weights = Object.entries(await weighRequests()) as [Role, RoleWeight][];
    for (const [role, { bare, ours, steady, compared }] of weights) {
      expect({ role, steady, system: ours.system - bare.system }).toEqual({ role, steady: true, system: 0 });
      expect(compared).toBeGreaterThan(2);
      const added = ours.tools + ours.messages - bare.tools - bare.messages;
      expect(
        `${role}: ${added <= BOUNDS[role] ? "within" : `${added} characters, beyond`} ${BOUNDS[role]}`,
      ).toBe(`${role}: within ${BOUNDS[role]}`);
    }
  }, 60_000);
});
