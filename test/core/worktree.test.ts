import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { RunPlan } from "../../src/core/decide-run.ts";
import { memberSection } from "../../src/core/team-section.ts";
import { branchFor, type Site } from "../../src/core/worktree.ts";
import { journalOf, memberPlan, runPlan, Story } from "./decide-builders.ts";

const SITE: Site = {
  repository: "/project/.git",
  path: "/worktrees/ada",
  branch: "team/crew/ada",
  base: "c0ffee00c0ffee00",
  baseBranch: "main",
  mark: "flotilla: run_1 ada",
};

function plan(parts: Partial<RunPlan> = {}): RunPlan {
  const members = [memberPlan("ada", { worktree: true }), memberPlan("bo")];
  return runPlan([], { members, sites: { ada: SITE }, ...parts });
}

/** A run in which ada has a worktree and bo has none. */
function live(): Story {
  const story = new Story(plan());
  openInWorktree(story, 1);
  story.open("bo");
  return story;
}

function openInWorktree(story: Story, generation: number): ReturnType<Story["accept"]> {
  const sessionId = `ses_ada_${generation}`;
  return story.accept({
    type: "note_session_opened",
    member: "ada",
    generation,
    sessionId,
    directory: SITE.path,
  });
}

function close(story: Story): ReturnType<Story["accept"]> {
  return story.accept({ type: "close_run", force: true, reason: "so", unread: {} });
}

function wanted({ effects }: ReturnType<Story["accept"]>): readonly string[] {
  return effects.flatMap((effect) => (effect.type === "remove_worktree" ? [effect.member] : []));
}

describe("the branch of a member", () => {
  const NAMES: readonly (readonly [label: string, branch: string])[] = [
    ["crew", "team/crew/ada"],
    ["Map the code base", "team/Map-the-code-base/ada"],
    ["Größe 2.0", "team/Größe-2.0/ada"],
    ["a..b~c^d:e?f*g[h\\i@{j}", "team/a.b-c-d-e-f-g-h-i-j/ada"],
    [".hidden/../x.lock", "team/hidden-.-x/ada"],
    ["x.lock.lock.", "team/x/ada"],
    ["地図", "team/地図/ada"],
    ["🚢", "team/run/ada"],
    ["", "team/run/ada"],
    ["x".repeat(99), `team/${"x".repeat(48)}/ada`],
  ];
  for (const [label, branch] of NAMES) {
    test(`of a run that is called ${JSON.stringify(label)} is ${branch}`, () => {
      expect(branchFor(label, "ada")).toBe(branch);
    });
  }

  test("is one that git takes, whatever the run is called", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), (label) => {
        const [, part = ""] = branchFor(label, "ada").split("/");
        expect(part).toMatch(/^[\p{L}\p{M}\p{N}_][\p{L}\p{M}\p{N}._-]*$/u);
        expect(part).not.toMatch(/\.\.|\.lock$|\.$/i);
      }),
    );
  });
});

describe("a member that is to have a worktree", () => {
  test("has its names committed with its seat, before anything is made", () => {
    const story = new Story(plan());
    expect(story.member("ada").worktree).toEqual({ ...SITE, made: false });
    expect(story.member("bo").worktree).toBeUndefined();
    expect(openInWorktree(story, 1).state.members["ada"]?.worktree).toEqual({ ...SITE, made: true });
  });

  test("is told in its system prompt where it works and what becomes of it; one that has none is not", () => {
    const story = new Story(plan());
    const { state } = openInWorktree(story, 1);
    const section = memberSection(state, story.member("ada"));
    expect(section).toContain(`${SITE.path}, on branch ${SITE.branch}, which starts from main.`);
    story.open("bo");
    expect(memberSection(story.state, story.member("bo"))).not.toContain("worktree");
  });

  test("goes on in it when its name comes back, and a former end of it is none any more", () => {
    const story = live();
    story.patch("ada", { status: "lost" });
    const other = { ...SITE, path: "/elsewhere" };
    const plans = [memberPlan("ada", { worktree: true })];
    story.accept({ type: "add_members", by: "lead", plans, sites: { ada: other } });
    expect(story.member("ada")).toMatchObject({ generation: 2, worktree: { ...SITE, made: true } });
    expect(openInWorktree(story, 2).state.members["ada"]).toMatchObject({ directory: SITE.path });
  });

  test("keeps it for the end when its name comes back without wanting one", () => {
    const story = live();
    story.patch("ada", { status: "lost" });
    story.accept({ type: "add_members", by: "lead", plans: [memberPlan("ada")] });
    expect(story.member("ada").worktree?.path).toBe(SITE.path);
    story.open("ada");
    expect(memberSection(story.state, story.member("ada"))).not.toContain(SITE.path);
    expect(wanted(close(story))).toEqual(["ada"]);
  });

  test("gets a new one when its name comes back after the first could not be used and was removed", () => {
    const story = new Story(plan());
    story.open("bo");
    const failed = { type: "note_spawn_failed", member: "ada", generation: 1, reason: "no plugin" } as const;
    story.accept({ ...failed, worktree: { outcome: "removed" }, book: story.book });
    expect(wanted(close(story))).toEqual([]);
    const again = new Story(plan());
    again.open("bo");
    again.accept({ ...failed, worktree: { outcome: "removed" }, book: again.book });
    const plans = [memberPlan("ada", { worktree: true })];
    const other = { ...SITE, path: "/elsewhere" };
    again.accept({ type: "add_members", by: "lead", plans, sites: { ada: other } });
    expect(again.member("ada").worktree).toEqual({ ...other, made: false });
  });
});

describe("the worktrees of a run that closes", () => {
  test("are each looked at once, whatever has become of the member, and the run ends after that", () => {
    for (const status of ["waiting", "working", "starting", "lost", "done", "failed"] as const) {
      const story = live();
      story.patch("ada", { status });
      expect(wanted(close(story))).toEqual(["ada"]);
    }
  });

  test("say in state and journal what became of them", () => {
    const story = live();
    close(story);
    const end = { outcome: "kept", reason: "uncommitted: a.txt", wayOut: "git status" } as const;
    const { state, effects } = story.accept({ type: "note_worktree_ended", member: "ada", end });
    expect(state.members["ada"]?.worktree?.end).toEqual(end);
    expect(journalOf(effects)).toMatchObject([
      { event: "worktree_kept", member: "ada", path: SITE.path, branch: SITE.branch, reason: end.reason },
    ]);
    expect(story.decide({ type: "note_worktree_ended", member: "bo", end }).kind).toBe("unchanged");
  });
});
