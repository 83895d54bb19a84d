import { describe, expect, test } from "bun:test";
import { leadSection, memberSection } from "../../src/core/team-section.ts";
import { formatRun, parseRun } from "../../src/records/run.ts";
import { memberPlan, permission, runPlan, Story } from "./decide-builders.ts";

const TEAM = {
  name: "explorers",
  description: "Map the code base.",
  source: "inline",
  leadPrompt: "Answer in French.",
  allowMemberBroadcast: false,
} as const;

function explorers(): Story {
  return Story.active(["ada", "bo"], { team: TEAM });
}

/** What ada's and the lead's sessions are told, of the state as it is read back from the disk. */
function told(story: Story): readonly string[] {
  const reading = parseRun(formatRun(story.state));
  if (!reading.ok) throw new Error("not readable");
  const member = reading.value.members["ada"];
  return [leadSection(reading.value), member ? memberSection(reading.value, member) : ""];
}

describe("what a participant's system prompt says of its team", () => {
  test("is who it is, who is there, how to talk and when it is done, and short", () => {
    const [lead = "", ada = ""] = told(explorers());
    for (const words of [
      'You are ada (general), a member of the team "explorers". Your lead is "lead".',
      "Its purpose: Map the code base.",
      "the other members were bo (general)",
      "team_send_message",
      "You are done when no task of yours is claimed or in_progress and the lead has your outcome.",
    ]) {
      expect(ada).toContain(words);
    }
    for (const words of ['You lead the team "explorers": Map', "Answer in French.", "call team_delete"]) {
      expect(lead).toContain(words);
    }
    expect(ada).not.toContain("Answer in French.");
    expect(ada.length).toBeLessThan(1_600);
    expect(lead.length).toBeLessThan(1_600);
  });

  test("stays the same to the byte, whatever happens to the others, to mail, tasks and itself", () => {
    const story = explorers();
    const before = told(story);
    const steps: readonly (() => unknown)[] = [
      () => story.accept({ type: "add_members", by: "lead", plans: [memberPlan("cy")] }),
      () => story.open("cy"),
      () => story.start("ada", "brief"),
      () =>
        story.accept({
          type: "note_gate_opened",
          participant: "ada",
          generation: 1,
          gate: permission("per_1"),
        }),
      () => story.settle("ada", { text: "done" }),
      () => story.accept(story.deleted("ses_bo_1")),
      () => story.accept({ type: "request_shutdown", by: "lead", member: "ada" }),
      () => story.accept({ type: "note_orphaned" }),
    ];
    for (const step of steps) {
      step();
      expect(told(story)).toEqual(before);
    }
  });

  test("names its worktree, and says so where it is alone", () => {
    const story = Story.active(
      ["ada"],
      runPlan(["ada"], { members: [memberPlan("ada", { worktree: true })] }),
    );
    const worktree = {
      repository: "/r",
      path: "/w/ada",
      branch: "team/x/ada",
      base: "c0ffee",
      mark: "m",
      made: true,
    };
    story.patch("ada", { worktree });
    const [, ada] = told(story);
    expect(ada).toContain("You work in a git worktree of your own, /w/ada, on branch team/x/ada");
    expect(ada).toContain("there were no other members");
  });
});
