import { describe, expect, test } from "bun:test";
import { Lane } from "../../src/app/lane.ts";

/** A lane and what was done in it, in order. */
function lane(): {
  readonly lane: Lane;
  readonly done: string[];
  readonly note: (what: string) => () => void;
} {
  const done: string[] = [];
  const own = new Lane((fault) => done.push(String(fault)));
  return { lane: own, done, note: (what) => () => void done.push(what) };
}

describe("a lane", () => {
  test("does things in the order in which they were given, and a failure blocks nothing", async () => {
    const { lane: own, done, note } = lane();
    own.add(async () => {
      await Promise.resolve();
      done.push("slow");
    });
    own.add(() => {
      throw new Error("failed");
    });
    own.add(note("last"));
    await own.drained();
    expect(done).toEqual(["slow", "Error: failed", "last"]);
  });

  test("looks once for all calls that ask for a look in a row", async () => {
    const { lane: own, done, note } = lane();
    for (let n = 0; n < 3; n += 1) own.addOnce(note("look"));
    await own.drained();
    expect(done).toEqual(["look"]);
  });

  test("looks again after news that came behind a look that still waits", async () => {
    const { lane: own, done, note } = lane();
    own.addOnce(note("look"));
    own.add(note("news"));
    own.addOnce(note("look"));
    own.addOnce(note("look"));
    await own.drained();
    expect(done).toEqual(["look", "news", "look"]);
  });

  test("looks again when asked during a look: it may have passed the place already", async () => {
    const { lane: own, done } = lane();
    let asked = false;
    const look = (): void => {
      done.push("look");
      if (!asked) own.addOnce(look);
      asked = true;
    };
    own.addOnce(look);
    await own.drained();
    expect(done).toEqual(["look", "look"]);
  });
});
