import { describe, expect, test } from "bun:test";
import { sectionsOf } from "../../src/hooks/sections.ts";

const never = (fault: unknown): void => {
  throw fault;
};

describe("what is added to a session's system prompt", () => {
  test("is nothing where no part of ours has anything to say", async () => {
    expect(await sectionsOf([], "ses_1", never)).toBeUndefined();
    expect(await sectionsOf([() => undefined, async () => undefined], "ses_1", never)).toBeUndefined();
  });

  test("is one text, in the order of the parts, whichever of them answers first", async () => {
    const late = async (): Promise<string> => {
      await Promise.resolve();
      return "first";
    };
    expect(await sectionsOf([late, () => undefined, (id) => `second of ${id}`], "ses_1", never)).toBe(
      "first\n\nsecond of ses_1",
    );
  });

  test("has all the others when one part fails, and the fault is reported", async () => {
    const faults: unknown[] = [];
    const broken = (): never => {
      throw new Error("broken");
    };
    expect(await sectionsOf([() => "a", broken, () => "b"], "ses_1", (fault) => faults.push(fault))).toBe(
      "a\n\nb",
    );
    expect(faults.map(String)).toEqual(["Error: broken"]);
  });
});
