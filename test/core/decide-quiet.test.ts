import { describe, expect, test } from "bun:test";
import type { Command } from "../../src/core/commands.ts";
import { VOLLEY_MAX } from "../../src/core/volley.ts";
import { draft, letters, runPlan, Story, send } from "./decide-builders.ts";

/** A look at the list in a moment in which nobody works. */
function quiet(story: Story, ready: readonly number[] = []): Command {
  const open = [...story.book.values()].filter((task) => !["completed", "deleted"].includes(task.status));
  const list = open.map(({ taskId, status, owner }) => `${taskId} ${status} ${owner}`).join();
  return { type: "note_quiet", list, open, ready };
}

function withTasks(...subjects: readonly string[]): Story {
  const story = new Story(runPlan(["ada", "bo"], { tasks: subjects.map((subject) => draft(subject)) }));
  story.open("ada");
  story.open("bo");
  return story;
}

describe("a run in which nobody works although tasks are open", () => {
  test("wakes the one who began a task and stopped", () => {
    const story = withTasks("map", "test");
    story.update("ada", 1, { status: "in_progress" });

    const { mail } = story.accept(quiet(story, [2]));

    expect(letters(mail)).toEqual(["stuck system>ada"]);
    expect(mail[0]?.body).toContain("Task #1 (map) is yours and in_progress");
  });

  test("wakes the one a ready task is assigned to", () => {
    const story = withTasks("map");
    story.update("lead", 1, { owner: "bo" });

    expect(letters(story.accept(quiet(story, [1])).mail)).toEqual(["stuck system>bo"]);
  });

  test("wakes the lead when the tasks are nobody's, and says of each what it waits for", () => {
    const story = withTasks("map");
    story.accept({
      type: "create_tasks",
      by: "lead",
      drafts: [draft("test", { blockedBy: [1] })],
      book: story.book,
    });

    const { mail, journal } = story.accept(quiet(story, [1]));

    expect(letters(mail)).toEqual(["stuck system>lead"]);
    expect(mail[0]?.body).toContain("#1 map: ready, nobody's; #2 test: waits for #1");
    expect(journal).toMatchObject([{ event: "run_quiet", open: 2, told: "lead" }]);
  });

  test("passes over an owner that a person has stopped, and wakes the lead", () => {
    const story = withTasks("map");
    story.update("ada", 1, { status: "in_progress" });
    story.start("ada");
    story.settle("ada", { outcome: "aborted" });

    expect(letters(story.accept(quiet(story)).mail)).toEqual(["stuck system>lead"]);
  });

  test("says so once, and again when the list has changed", () => {
    const story = withTasks("map", "test");
    story.accept(quiet(story, [1, 2]));
    expect(story.decide(quiet(story, [1, 2])).kind).toBe("unchanged");

    story.update("ada", 1, { status: "in_progress" });
    expect(story.decide(quiet(story, [2])).kind).toBe("accepted");
  });

  test("is left alone when no task is open", () => {
    const story = Story.active(["ada"]);
    expect(story.decide(quiet(story)).kind).toBe("unchanged");
  });
});

describe("two members that only answer each other", () => {
  function volley(story: Story, times: number): void {
    for (let turn = 0; turn < times; turn += 1) {
      story.accept(turn % 2 === 0 ? send("ada", "bo") : send("bo", "ada"));
    }
  }

  test(`are stopped after ${VOLLEY_MAX} alternations, and the lead is told once`, () => {
    const story = Story.active(["ada", "bo", "cy"]);
    volley(story, VOLLEY_MAX);
    expect(story.mail.filter((message) => message.kind === "stuck")).toEqual([]);

    const last = story.accept(send("ada", "bo"));
    expect(letters(last.mail)).toEqual(["message ada>bo", "stuck system>lead"]);
    expect(story.refuse(send("bo", "ada"))).toMatchObject({
      code: "going_in_circles",
      details: { from: "bo", to: "ada", alternations: VOLLEY_MAX },
    });
    expect(story.decide(send("bo", "cy")).kind).toBe("accepted");
    expect(story.decide(send("bo", "lead")).kind).toBe("accepted");
  });

  test("are not counted for saying several things in a row", () => {
    const story = Story.active(["ada", "bo"]);
    for (let turn = 0; turn < 3 * VOLLEY_MAX; turn += 1) story.accept(send("ada", "bo"));
    expect(story.decide(send("ada", "bo")).kind).toBe("accepted");
  });

  test.each([
    ["a task has changed", (story: Story): unknown => story.update("ada", 1, { status: "in_progress" })],
    ["the lead has written to one of them", (story: Story): unknown => story.accept(send("lead", "bo"))],
  ])("may go on once %s", (_why, event) => {
    const story = withTasks("map");
    volley(story, VOLLEY_MAX + 1);
    expect(story.decide(send("bo", "ada")).kind).toBe("refused");

    event(story);
    expect(story.decide(send("bo", "ada")).kind).toBe("accepted");
  });
});
