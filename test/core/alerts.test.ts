import { describe, expect, test } from "bun:test";
import type { Effect } from "../../src/core/effects.ts";
import { runPlan, Story, send } from "./decide-builders.ts";

function toasts(effects: readonly Effect[]): readonly string[] {
  return effects.flatMap((effect) =>
    effect.type === "show_toast" ? [`${effect.level}: ${effect.text}`] : [],
  );
}

describe("the person is told", () => {
  test("that a member could not be started", () => {
    const story = Story.active(["ada"]);
    const added = story.accept({ type: "add_members", by: "lead", plans: runPlan(["bo"]).members });
    expect(toasts(added.effects)).toEqual([]);
    expect(toasts(story.spawnFailed("bo", "no agent").effects)).toEqual([
      "error: bo (explorers) has failed: no agent",
    ]);
  });

  test("that a member's session is gone, once", () => {
    const story = Story.active(["ada"]);
    const { effects } = story.accept(story.deleted("ses_ada_1"));
    expect(toasts(effects)).toEqual(["error: ada (explorers) has failed: its session was deleted"]);
    expect(story.decide(story.deleted("ses_ada_1"))).toEqual({ kind: "unchanged" });
  });

  test("of a member's failures only when it is not woken any more", () => {
    const story = Story.active(["ada"]);
    const fault = { name: "APIError", message: "overloaded" };
    const told = Array.from({ length: 8 }, (_, turn) => {
      story.start("ada");
      return toasts(story.settle("ada", { outcome: "failed", fault, stepId: `msg_${turn}` }).effects);
    });
    expect(told.flat()).toEqual(["error: ada (explorers) has failed: APIError: overloaded"]);
    expect(told.at(-1)).toHaveLength(1);
  });

  test("that a budget is reached, once, and which command raises it", () => {
    const story = Story.active(["ada"]);
    story.set({ limits: { ...story.state.limits, maxMessages: 1 } });
    const told = toasts(story.accept(send("lead", "ada")).effects);
    story.refuse(send("lead", "ada"));
    expect(told).toEqual([
      "warning: explorers: The number of messages allowed for this run (max_messages_per_run) is used up: sending is refused. `flotilla limit` raises it.",
    ]);
  });

  test("that the team has ended", () => {
    const story = Story.active(["ada"]);
    const closing = story.accept({ type: "close_run", force: true, reason: "done", unread: {} });
    expect(toasts(closing.effects)).toEqual([]);
    expect(toasts(story.accept({ type: "finish_run" }).effects)).toEqual([
      "info: explorers: the team has ended",
    ]);
  });
});
