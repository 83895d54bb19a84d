import { describe, expect, test } from "bun:test";
import { shownIn } from "../../src/opencode/witness.ts";

const mark = (batchId: string): object => ({ runId: "run_1", batchId, round: 0 });

function user(id: string, created: number, ...parts: readonly unknown[]): unknown {
  return { info: { id, role: "user", sessionID: "ses_a", time: { created } }, parts };
}

function step(id: string, created: number, extra: object = {}): unknown {
  const time = { created, completed: created + 1 };
  const info = { id, role: "assistant", sessionID: "ses_a", time, ...extra };
  return { info, parts: [{ type: "step-start" }, { type: "text", text: "answer" }, { type: "step-finish" }] };
}

function ours(batchId: string, text: string): unknown {
  return { id: `prt_${batchId}`, type: "text", text, metadata: { flotilla: mark(batchId) } };
}

describe("the list that goes to a model", () => {
  test("is reduced to the parts with our mark, in their order, with the text as it is sent", () => {
    const list = [
      user("msg_1", 1, ours("batch_1", "one")),
      step("msg_2", 2),
      user("msg_3", 3, { type: "text", text: "a person's" }),
      user("msg_4", 4, ours("batch_2", "two")),
    ];
    expect(shownIn(list)).toEqual({
      type: "list_shown",
      sessionId: "ses_a",
      shown: [
        { mark: mark("batch_1"), text: "one" } as never,
        { mark: mark("batch_2"), text: "two" } as never,
      ],
      lastStepId: "msg_2",
    });
  });

  test("shows a message whose part is not stored yet as nothing", () => {
    expect(shownIn([user("msg_1", 1)])).toEqual({ type: "list_shown", sessionId: "ses_a", shown: [] });
  });

  test("may end with a step, and the newest step is the youngest, not the last", () => {
    expect(shownIn([user("msg_1", 1), step("msg_2", 2)])?.lastStepId).toBe("msg_2");
    // After a compaction: its message, the summary, then older turns that were kept.
    const compacted = [
      user("msg_7", 7),
      step("msg_8", 8),
      user("msg_3", 3),
      step("msg_4", 4),
      user("msg_9", 9),
    ];
    expect(shownIn(compacted)?.lastStepId).toBe("msg_8");
  });

  test("tells whether the newest step has ended well", () => {
    const after = (extra: object) => shownIn([user("msg_1", 1), step("msg_2", 2, extra)])?.lastStepAnswered;
    expect(after({ finish: "tool-calls" })).toBe(true);
    expect(after({ finish: "stop" })).toBe(true);
    expect(after({})).toBeUndefined();
    expect(after({ finish: "stop", error: { name: "APIError" } })).toBeUndefined();
    expect(after({ finish: "stop", summary: true })).toBeUndefined();
  });

  test("tells that the host goes on past the end of a turn: an answer that a newer prompt follows", () => {
    const first = user("msg_1", 1);
    const newer = user("msg_3", 3);
    const answer = step("msg_2", 2, { finish: "stop" });
    expect(shownIn([first, answer, newer])).toMatchObject({
      lastStepId: "msg_2",
      passed: { finish: "stop", text: "answer" },
    });
    for (const list of [
      [first],
      // Without a newer prompt the loop goes on by itself, whatever the step says.
      [first, answer],
      [first, step("msg_2", 2), newer],
      [first, step("msg_2", 2, { finish: "tool-calls" }), newer],
      [first, step("msg_2", 2, { finish: "unknown" }), newer],
      [first, step("msg_2", 2, { finish: "stop", summary: true }), newer],
      [first, step("msg_2", 2, { finish: "stop", error: { name: "APIError" } }), newer],
    ]) {
      expect(shownIn(list)).not.toHaveProperty("passed");
    }
  });

  test("without messages is no list", () => {
    expect(shownIn([])).toBeUndefined();
    expect(shownIn(undefined)).toBeUndefined();
  });

  test("a mark on anything but a text is not ours", () => {
    const file = { type: "file", metadata: { flotilla: mark("batch_1") } };
    expect(shownIn([user("msg_1", 1, file)])?.shown).toEqual([]);
  });
});
