import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { FAULTS } from "./faults/faults.ts";
import { planted } from "./faults/mutants.ts";
import { ROOT } from "./support/checkout.ts";

describe("the defects that `npm run faults` plants", () => {
  for (const fault of FAULTS) {
    test(`still fit the source: ${fault.name}`, () => {
      const sound = readFileSync(join(ROOT, "src", fault.file), "utf8");
      expect(planted(fault)).not.toBe(sound);
      for (const file of fault.suite)
        expect([file, existsSync(join(ROOT, "test", file))]).toEqual([file, true]);
    });
  }

  test("have names of their own", () => {
    expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
  });
});
