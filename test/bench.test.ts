import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type Role, type RoleWeight, weighRequests } from "../bench/characters.ts";
import { MEASUREMENTS } from "../bench/measurements.ts";
import { PAGE, renderReport } from "../bench/report.ts";

/**
 * Characters that the plugin may add to a first request: what is there today and a tenth more. The price of every word in
 * a tool's description is paid with each request of each session, so a larger bound is a decision.
 */
const BOUNDS: Readonly<Record<Role, number>> = { ordinary: 3_450, lead: 10_400, member: 7_750 };

/** The same for the system prompt: the skill's entry with the path of its file, and for a member its part in the team. */
const SYSTEM_BOUNDS: Readonly<Record<Role, number>> = { ordinary: 500, lead: 500, member: 2_000 };

describe("the page of numbers", () => {
  test("has a table of what was measured, each with its commit and the machine", () => {
    const [, ...sections] = readFileSync(PAGE, "utf8").split(/^## /m);
    expect(sections.length).toBe(Object.keys(MEASUREMENTS).length);
    for (const section of sections) {
      expect(section.match(/^\|/gm)?.length).toBeGreaterThan(3);
      expect(section).toMatch(/^Commit [0-9a-f]{7,}, \d{4}-\d\d-\d\d\. \d+ × /m);
    }
  });

  test("keeps what was not measured again", () => {
    const page = readFileSync(PAGE, "utf8");
    const section = { title: "Tasks", method: "Anew.", header: [""], lines: [["1"]], notes: [] };
    const provenance = { machine: "1 × M", commit: "abcdef1", measuredAt: new Date(0) };
    const titles = (text: string): readonly string[] => text.match(/^## .*$/gm) ?? [];
    const next = renderReport(page, [section], provenance);
    expect(titles(next)).toEqual(titles(page));
    expect(next).toContain("## Tasks\n\nAnew.\n");
    expect(next.split("\n\n## ")[1]).toBe(page.split("\n\n## ")[1]!);
  });
});

describe("what the model is sent", () => {
  test("grows by a bounded number of characters, and its system prompt and tools stay the same from turn to turn", async () => {
    const weights = Object.entries(await weighRequests()) as [Role, RoleWeight][];
    for (const [role, { bare, ours, steady, compared }] of weights) {
      expect({ role, steady }).toEqual({ role, steady: true });
      expect(ours.system - bare.system).toBeWithin(0, SYSTEM_BOUNDS[role]);
      expect(compared).toBeGreaterThan(2);
      const added = ours.tools + ours.messages - bare.tools - bare.messages;
      expect(
        `${role}: ${added <= BOUNDS[role] ? "within" : `${added} characters, beyond`} ${BOUNDS[role]}`,
      ).toBe(`${role}: within ${BOUNDS[role]}`);
    }
  }, 60_000);
});
