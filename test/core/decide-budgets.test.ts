import { describe, expect, test } from "bun:test";
import type { BudgetName, Limits } from "../../src/core/run.ts";
import { LIMITS, letters, permission, Story, send } from "./decide-builders.ts";

const UNCHANGED = { kind: "unchanged" } as const;

function withLimits(limits: Partial<Limits>, names: readonly string[] = ["ada", "bo"]): Story {
  return Story.active(names, { limits: { ...LIMITS, ...limits } });
}

function notices(story: Story): readonly string[] {
  return letters(story.mail.filter(({ kind }) => kind === "budget"));
}

function spend(story: Story, participant: string, tokens: number, cost: number): void {
  story.accept({ type: "note_step", participant, tokens, cost });
}

describe("what members use", () => {
  test("is added up for each of them; what the lead uses is not", () => {
    const story = withLimits({});
    spend(story, "ada", 100, 0.25);
    spend(story, "ada", 50, 0.5);
    spend(story, "bo", 7, 0);
    expect(story.member("ada").usage).toEqual({ turns: 0, tokens: 150, cost: 0.75 });
    expect(story.member("bo").usage).toEqual({ turns: 0, tokens: 7, cost: 0 });
    expect(story.decide({ type: "note_step", participant: "lead", tokens: 5, cost: 5 })).toEqual(UNCHANGED);
    expect(story.decide({ type: "note_step", participant: "ada", tokens: 0, cost: 0 })).toEqual(UNCHANGED);
  });

  test("is counted without a word while there is no limit", () => {
    const story = withLimits({});
    spend(story, "ada", 1e12, 1e9);
    expect(notices(story)).toEqual([]);
  });
});

describe("a limit that is reached", () => {
  const REACHED: Record<BudgetName, (story: Story) => void> = {
    tokens: (story) => spend(story, "ada", 60, 0),
    cost: (story) => spend(story, "ada", 0, 6),
    turns: (story) => {
      story.start("ada");
      story.settle("ada");
    },
    messages: (story) => {
      story.accept(send("lead", "ada"));
    },
    wall_clock: (story) => {
      story.now += 1_000;
      story.accept({ type: "note_time" });
    },
  };
  const TIGHT: Record<BudgetName, Partial<Limits>> = {
    tokens: { maxTokens: 100 },
    cost: { maxCost: 10 },
    turns: { maxMemberTurns: 2 },
    messages: { maxMessages: 4 },
    wall_clock: { maxWallClockMs: 1_000 },
  };

  for (const [name, reach] of Object.entries(REACHED)) {
    const budget = name as BudgetName;
    // Each member has turns of its own.
    const spent = budget === "turns" ? "turns:ada" : budget;
    test(`is told to the lead once: ${budget}`, () => {
      const story = withLimits(TIGHT[budget]);
      if (budget !== "wall_clock") {
        reach(story);
        expect(story.state.spent).toEqual([]);
        expect(notices(story)).toEqual([]);
      }
      reach(story);
      expect(story.state.spent).toEqual([spent]);
      expect(notices(story)).toEqual(["budget system>lead"]);
      if (budget === "wall_clock") expect(story.decide({ type: "note_time" })).toEqual(UNCHANGED);
      else if (budget === "messages")
        expect(story.refuse(send("lead", "ada")).code).toBe("message_budget_spent");
      else reach(story);
      expect(story.state.spent).toEqual([spent]);
      expect(notices(story)).toEqual(["budget system>lead"]);
    });
  }

  test("is a line in the journal", () => {
    const story = withLimits({ maxTokens: 10 });
    const { journal } = story.accept({ type: "note_step", participant: "bo", tokens: 10, cost: 0 });
    expect(journal).toMatchObject([{ event: "budget_reached", budget: "tokens" }]);
  });

  test("by all members together, counts for all", () => {
    const story = withLimits({ maxTokens: 100, maxCost: 10 });
    spend(story, "ada", 60, 6);
    spend(story, "bo", 40, 4);
    expect(story.state.spent).toEqual(["tokens", "cost"]);
    expect(notices(story)).toEqual(["budget system>lead", "budget system>lead"]);
  });

  test("by a generation and the one after it, counts as well", () => {
    const story = withLimits({ maxTokens: 100 });
    spend(story, "ada", 60, 0);
    story.accept(story.deleted("ses_ada_1"));
    story.accept({ type: "add_members", by: "lead", plans: [story.member("ada").plan] });
    story.open("ada");
    spend(story, "ada", 40, 0);
    expect(story.state.spent).toEqual(["tokens"]);
  });

  test("of turns is reached by a turn however it ended", () => {
    for (const outcome of ["ended", "failed", "aborted"] as const) {
      const story = withLimits({ maxMemberTurns: 1 });
      story.start("ada");
      story.settle("ada", { outcome });
      expect(story.state.spent).toEqual(["turns:ada"]);
    }
  });

  test("of messages is told when the last one is sent, and a broadcast may be it", () => {
    const story = withLimits({ maxMessages: 4 });
    const { mail } = story.accept(send("lead", "*"));
    expect(letters(mail)).toEqual(["message lead>ada", "message lead>bo", "budget system>lead"]);
  });
});

describe("the end of the time", () => {
  test("comes at the limit and not before, and only to a run that is active", () => {
    const story = withLimits({ maxWallClockMs: 60_000 });
    story.now = story.state.createdAt + 59_999;
    expect(story.decide({ type: "note_time" })).toEqual(UNCHANGED);
    story.now += 1;
    expect(story.decide({ type: "note_time" }).kind).toBe("accepted");
    for (const status of ["creating", "orphaned", "closing", "closed", "failed"] as const) {
      story.set({ status });
      expect(story.decide({ type: "note_time" })).toEqual(UNCHANGED);
    }
  });

  test("asks those who work to wrap up, and nobody else", () => {
    const story = withLimits({ maxWallClockMs: 1 }, ["ada", "bo", "cy", "di", "eve"]);
    for (const name of ["ada", "bo", "cy", "di"]) story.start(name);
    story.accept({ type: "note_gate_opened", participant: "bo", gate: permission("per_1") });
    story.settle("cy", { outcome: "aborted" });
    // Its end is agreed upon: it takes no more mail.
    story.accept({ type: "request_shutdown", by: "lead", member: "di" });
    story.approve("di", "di");
    const { mail } = story.accept({ type: "note_time" });
    expect(letters(mail)).toEqual(["budget system>lead", "budget system>ada"]);
    expect(mail[1]?.body).toContain("Bring what you are doing to a safe end");
  });
});
