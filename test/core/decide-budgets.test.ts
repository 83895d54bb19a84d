import { describe, expect, test } from "bun:test";
import type { Command } from "../../src/core/commands.ts";
import { isBudgetSpent, usageOf } from "../../src/core/policy.ts";
import type { BudgetName, Limits } from "../../src/core/run.ts";
import { LIMITS, letters, permission, Story, send, stepped } from "./decide-builders.ts";

const UNCHANGED = { kind: "unchanged" } as const;

function withLimits(limits: Partial<Limits>, names: readonly string[] = ["ada", "bo"]): Story {
  return Story.active(names, { limits: { ...LIMITS, ...limits } });
}

function notices(story: Story): readonly string[] {
  return letters(story.mail.filter(({ kind }) => kind === "budget"));
}

/** A model call that is completed now. */
function step(story: Story, participant: string, tokens: number, cost: number): Command {
  return stepped(participant, story.now + 1, { tokens, cost });
}

function spend(story: Story, participant: string, tokens: number, cost: number): void {
  story.accept(step(story, participant, tokens, cost));
}

describe("what members use", () => {
  test("is added up for each of them; what the lead uses is not", () => {
    const story = withLimits({});
    spend(story, "ada", 100, 0.25);
    spend(story, "ada", 50, 0.5);
    spend(story, "bo", 7, 0);
    expect(story.member("ada").usage).toEqual({ turns: 0, tokens: 150, cost: 0.75 });
    expect(story.member("bo").usage).toEqual({ turns: 0, tokens: 7, cost: 0 });
    const { state } = story.accept(step(story, "lead", 5, 5));
    expect(usageOf(state)).toEqual({ tokens: 157, cost: 0.75 });
    spend(story, "ada", 0, 0);
    expect(story.member("ada").usage).toEqual({ turns: 0, tokens: 150, cost: 0.75 });
  });

  test("is counted once a model call, however often and however late it is told", () => {
    const story = withLimits({});
    const first = step(story, "ada", 100, 0.25);
    story.accept(first);
    const second = step(story, "ada", 50, 0.5);
    expect(story.decide(first)).toEqual(UNCHANGED);
    story.accept(second);
    for (const told of [second, first]) expect(story.decide(told)).toEqual(UNCHANGED);
    expect(story.member("ada").usage).toMatchObject({ tokens: 150, cost: 0.75 });
  });

  test("is counted on for a member of an earlier version's record", () => {
    const story = withLimits({});
    const { countedTo: _unknown, ...ada } = story.member("ada");
    story.set({ members: { ada } });
    spend(story, "ada", 100, 0);
    expect(story.member("ada").usage.tokens).toBe(100);
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
    messages: { maxMessages: 2 },
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
    const { journal } = story.accept(step(story, "bo", 10, 0));
    expect(journal).toMatchObject([{ event: "step_ended" }, { event: "budget_reached", budget: "tokens" }]);
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
    const story = withLimits({ maxMessages: 2 });
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

describe("messages of the run", () => {
  test("are those that somebody sent; what the plugin writes by itself counts against no limit", () => {
    const story = withLimits({ maxMessages: 3 });
    story.accept(send("lead", "ada"));
    story.start("ada");
    story.settle("ada", { text: "a last word" });
    story.accept({ type: "request_shutdown", by: "lead", member: "bo" });
    story.accept(send("person", "ada", { kind: "person" }));
    expect(story.state.spent).toEqual([]);
    story.accept(send("ada", "bo"));
    expect(story.state.spent).toEqual(["messages"]);
    expect(story.refuse(send("bo", "ada")).message).toStartWith("3 of 3 messages");
    expect(story.state.messages).toBe(story.mail.length);
    expect(story.mail.length).toBeGreaterThan(6);
  });

  test("may go on to be reported and told of when no more can be sent", () => {
    const story = withLimits({ maxMessages: 1 });
    story.accept(send("lead", "ada"));
    story.start("ada");
    const { mail } = story.settle("ada", { text: "done" });
    expect(letters(mail)).toEqual(["final_report ada>lead"]);
  });
});

describe("a limit that a person changes", () => {
  const change = (limits: Partial<Limits>): Command => ({ type: "change_limits", limits });

  test("is a line in the journal with what it was and is, and wakes nobody if nothing was stopped", () => {
    const story = withLimits({ maxTokens: 100 });
    const { journal, mail, state } = story.accept(change({ maxTokens: 200, maxCost: 5, maxMembers: 8 }));
    expect(journal).toMatchObject([
      {
        event: "limits_changed",
        from: { maxTokens: 100, maxCost: null },
        to: { maxTokens: 200, maxCost: 5 },
      },
    ]);
    expect(Object.keys(journal[0]?.["to"] as object)).toEqual(["maxTokens", "maxCost"]);
    expect(mail).toEqual([]);
    expect(state.limits).toMatchObject({ maxTokens: 200, maxCost: 5, maxMembers: 8 });
    expect(story.decide(change({ maxTokens: 200 }))).toEqual(UNCHANGED);
  });

  test("is for runs that are live", () => {
    const story = withLimits({});
    story.set({ status: "orphaned" });
    expect(story.decide(change({ maxMembers: 9 })).kind).toBe("accepted");
    story.set({ status: "closing" });
    expect(story.refuse(change({ maxMembers: 9 })).code).toBe("run_not_live");
  });

  const STOPPED: Record<BudgetName, readonly [Partial<Limits>, (story: Story) => void, Partial<Limits>]> = {
    tokens: [{ maxTokens: 10 }, (story) => spend(story, "ada", 10, 0), { maxTokens: 11 }],
    cost: [{ maxCost: 1 }, (story) => spend(story, "ada", 0, 1), { maxCost: 1.5 }],
    turns: [
      { maxMemberTurns: 1 },
      (story) => {
        story.start("ada");
        story.settle("ada");
      },
      { maxMemberTurns: 2 },
    ],
    messages: [{ maxMessages: 1 }, (story) => void story.accept(send("lead", "ada")), { maxMessages: 2 }],
    wall_clock: [
      { maxWallClockMs: 1_000 },
      (story) => {
        story.now = Math.max(story.now, story.state.createdAt + story.state.limits.maxWallClockMs);
        story.accept({ type: "note_time" });
      },
      { maxWallClockMs: 60_000 },
    ],
  };

  for (const [budget, [tight, use, more]] of Object.entries(STOPPED)) {
    test(`lets the run go on, says so once, and is told again when it is reached again: ${budget}`, () => {
      const story = withLimits(tight);
      use(story);
      expect(isBudgetSpent(story.state, "ada")).toBe(budget !== "messages");
      const { mail } = story.accept(change(more));
      expect(letters(mail)).toEqual(["budget system>lead"]);
      expect(mail[0]?.body).toStartWith("The person has raised limits of this run.");
      expect(story.state.spent).toEqual([]);
      expect(isBudgetSpent(story.state, "ada")).toBe(false);
      use(story);
      expect(notices(story)).toEqual(Array(3).fill("budget system>lead"));
      expect(story.mail.at(-1)?.body).toContain("`flotilla limit`");
    });

    test(`and that is still not enough keeps the run stopped without a word: ${budget}`, () => {
      const [key] = Object.keys(more) as [keyof Limits];
      const story = withLimits(tight);
      use(story);
      const { mail } = story.accept(change({ [key]: (tight[key] ?? 0) * 0.9 }));
      expect(mail).toEqual([]);
      expect(story.state.spent).toEqual([budget === "turns" ? "turns:ada" : (budget as BudgetName)]);
    });
  }

  test("to less than is used is reached there and then", () => {
    const story = withLimits({});
    story.start("bo");
    spend(story, "ada", 50, 5);
    story.accept(send("lead", "ada"));
    const { mail } = story.accept(change({ maxTokens: 50, maxCost: 4, maxMessages: 1, maxWallClockMs: 1 }));
    expect(story.state.spent).toEqual(["messages", "wall_clock", "tokens", "cost"]);
    expect(letters(mail)).toEqual([
      "budget system>lead",
      "budget system>lead",
      "budget system>bo",
      "budget system>lead",
      "budget system>lead",
    ]);
  });

  test("of turns is told for those who are there, and a name that comes back begins anew", () => {
    const story = withLimits({ maxMemberTurns: 1 });
    for (const name of ["ada", "bo"]) {
      story.start(name);
      story.settle(name);
    }
    story.accept(story.deleted("ses_bo_1"));
    const { mail } = story.accept(change({ maxMemberTurns: 2 }));
    expect(mail.map(({ body }) => body)).toEqual([expect.stringContaining("ada has more turns")]);
    expect(mail[0]?.body).not.toContain("bo has");

    story.accept(change({ maxMemberTurns: 1 }));
    expect(story.state.spent).toEqual(["turns:ada"]);
    story.accept(story.deleted("ses_ada_1"));
    story.accept({ type: "add_members", by: "lead", plans: [story.member("ada").plan] });
    expect(story.state.spent).toEqual([]);
  });

  test("leaves a mark of a later version's budget where it is", () => {
    const story = withLimits({ maxTokens: 10 });
    story.set({ spent: ["patience" as BudgetName] });
    story.accept(change({ maxTokens: 20 }));
    expect(story.state.spent).toEqual(["patience" as BudgetName]);
  });
});
