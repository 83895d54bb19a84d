import { describe, expect, test } from "bun:test";
import {
  type HoldReason,
  holdOf,
  isBudgetSpent,
  mayCall,
  ROLES,
  type Role,
  toolMatrix,
  usageOf,
  workingMembers,
} from "../../src/core/policy.ts";
import { type BudgetName, MEMBER_STATUSES, RUN_STATUSES, type RunStatus } from "../../src/core/run.ts";
import { TOOL_NAMES, type ToolName } from "../../src/core/tool-names.ts";
import { LIMITS, memberPlan, NOON, permission, Story } from "./decide-builders.ts";

/** When each word lets a call through; `run` is undefined for a session in no run. */
const WORDS: Readonly<Record<string, readonly (RunStatus | undefined)[]>> = {
  ".": [],
  live: ["active", "orphaned"],
  open: ["creating", "active", "orphaned", "closing"],
  always: [...RUN_STATUSES, undefined],
};

/** Who may call what, and while the run is what; `.` is never. */
const MATRIX = `
                         stranger  subagent  lead    member  ended   former
  team_create            always    .         live    .       .       .
  team_delete            .         .         open    .       .       .
  team_shutdown_request  .         .         live    live    .       .
  team_approve_shutdown  .         .         live    live    .       .
  team_reject_shutdown   .         .         live    live    .       .
  team_send_message      .         .         live    live    .       .
  team_task_create       .         .         live    live    .       .
  team_task_list         .         .         open    open    open    .
  team_task_update       .         .         live    live    .       .
  team_task_get          .         .         open    open    open    .
  team_status            .         .         open    open    open    .
  team_list              always    .         always  always  always  always
`;

describe("who may call which tool", () => {
  const [head = "", ...rows] = MATRIX.trim().split("\n");
  const roles = head.trim().split(/\s+/) as Role[];

  test("is drawn for every tool and every role", () => {
    expect(roles).toEqual([...ROLES]);
    expect(rows.map((row) => row.trim().split(/\s+/)[0] as ToolName)).toEqual([...TOOL_NAMES]);
    expect(Object.keys(toolMatrix)).toEqual([...TOOL_NAMES]);
  });

  for (const row of rows) {
    const [tool, ...words] = row.trim().split(/\s+/) as [ToolName, ...string[]];
    test(`is as drawn for ${tool} in every status of a run and without one`, () => {
      expect(words).toHaveLength(roles.length);
      for (const [at, role] of roles.entries()) {
        for (const status of [...RUN_STATUSES, undefined]) {
          const allowed = WORDS[words[at] ?? ""]?.includes(status);
          expect(`${role} ${status}: ${mayCall(tool, role, status)}`).toBe(`${role} ${status}: ${allowed}`);
        }
      }
    });
  }
});

describe("what holds a member's mail", () => {
  const HELD: readonly (readonly [HoldReason | undefined, HoldReason | undefined, (story: Story) => void])[] =
    [
      [undefined, undefined, () => undefined],
      ["run_not_active", "run_not_active", (story) => story.set({ status: "orphaned" })],
      ["run_not_active", "run_not_active", (story) => story.set({ status: "creating" })],
      ["run_not_active", "run_not_active", (story) => story.set({ status: "closing" })],
      ["run_not_active", "run_not_active", (story) => story.set({ status: "closed" })],
      ["run_not_active", "run_not_active", (story) => story.set({ status: "failed" })],
      ["ended", "ended", (story) => story.patch("ada", { status: "failed" })],
      ["ended", "ended", (story) => story.patch("ada", { status: "lost" })],
      ["ended", "ended", (story) => story.patch("ada", { status: "done" })],
      ["ended", "ended", (story) => story.set({ members: {} })],
      ["starting", "starting", (story) => story.patch("ada", { status: "starting" })],
      ["approval", "approval", (story) => story.patch("ada", { gates: [permission("p")] })],
      [
        "shutdown",
        "shutdown",
        (story) => story.patch("ada", { shutdown: { status: "approved", changedAt: 1 } }),
      ],
      [
        undefined,
        undefined,
        (story) => story.patch("ada", { shutdown: { status: "requested", changedAt: 1 } }),
      ],
      ["stopped_by_person", "stopped_by_person", (story) => story.patch("ada", { heldByPerson: true })],
      ["backoff", undefined, (story) => story.patch("ada", { backoff: { failures: 1, until: NOON + 1 } })],
      [undefined, undefined, (story) => story.patch("ada", { backoff: { failures: 1, until: NOON } })],
      ["budget", undefined, (story) => story.patch("ada", { usage: { turns: 500, tokens: 0, cost: 0 } })],
      [undefined, undefined, (story) => story.patch("ada", { usage: { turns: 499, tokens: 9, cost: 9 } })],
      ["budget", undefined, (story) => story.set({ spent: ["wall_clock"] })],
      ["budget", undefined, (story) => story.set({ spent: ["tokens"] })],
      ["budget", undefined, (story) => story.set({ spent: ["cost"] })],
      [undefined, undefined, (story) => story.set({ spent: ["messages", "turns"] })],
    ];
  for (const [at, [starts, joins, prepare]] of HELD.entries()) {
    test(`case ${at + 1}: ${starts ?? "nothing"} if a turn would start, ${joins ?? "nothing"} if one runs`, () => {
      const story = Story.active(["ada"]);
      prepare(story);
      expect(holdOf(story.state, "ada", true, 1, NOON)).toBe(starts);
      expect(holdOf(story.state, "ada", false, 0, NOON)).toBe(joins);
    });
  }

  test("is decided for every status that a member can have", () => {
    const drawn = {
      starting: "starting",
      waiting: undefined,
      working: undefined,
      needs_approval: "approval",
      interrupted: undefined,
      failed: "ended",
      lost: "ended",
      done: "ended",
    };
    expect(Object.keys(drawn)).toEqual([...MEMBER_STATUSES]);
    for (const status of MEMBER_STATUSES) {
      for (const starts of [true, false]) {
        const story = Story.active(["ada"]);
        story.patch("ada", { status });
        expect(`${status}: ${holdOf(story.state, "ada", starts, 1, NOON)}`).toBe(
          `${status}: ${drawn[status]}`,
        );
      }
    }
  });

  test("is the want of a slot, if a turn would start", () => {
    const { state } = Story.active(["ada"]);
    expect(holdOf(state, "ada", true, 0, NOON)).toBe("slot");
    expect(holdOf(state, "ada", true, -1, NOON)).toBe("slot");
    expect(holdOf(state, "ada", false, -1, NOON)).toBeUndefined();
  });

  test("is named by what would hold it longest, a slot last", () => {
    const story = Story.active(["ada"]);
    story.patch("ada", { heldByPerson: true, backoff: { failures: 1, until: NOON + 1 } });
    story.set({ spent: ["cost"] });
    expect(holdOf(story.state, "ada", true, 0, NOON)).toBe("stopped_by_person");
    story.patch("ada", { heldByPerson: false });
    expect(holdOf(story.state, "ada", true, 0, NOON)).toBe("backoff");
    expect(holdOf(story.state, "ada", true, 0, NOON + 1)).toBe("budget");
    story.set({ spent: [] });
    expect(holdOf(story.state, "ada", true, 0, NOON + 1)).toBe("slot");
  });
});

describe("what holds the lead's mail", () => {
  test("is its own request, a person's Esc, or a run that is not active, and never a limit", () => {
    const story = Story.active(["ada"]);
    story.set({ spent: ["wall_clock", "tokens", "cost"] });
    expect(holdOf(story.state, "lead", true, 0, NOON)).toBeUndefined();
    story.set({ lead: { ...story.state.lead, heldByPerson: true } });
    expect(holdOf(story.state, "lead", true, 0, NOON)).toBe("stopped_by_person");
    expect(holdOf(story.state, "lead", false, 0, NOON)).toBe("stopped_by_person");
    story.set({ lead: { ...story.state.lead, gates: [permission("p")] } });
    expect(holdOf(story.state, "lead", false, 0, NOON)).toBe("approval");
    for (const status of RUN_STATUSES.filter((one) => one !== "active")) {
      story.set({ status });
      expect(holdOf(story.state, "lead", true, 1, NOON)).toBe("run_not_active");
    }
  });
});

describe("limits and slots", () => {
  test("forbid a member a new turn by its own turns, or by what the run has used up", () => {
    const FORBIDS: Record<BudgetName, boolean> = {
      messages: false,
      wall_clock: true,
      turns: false,
      tokens: true,
      cost: true,
    };
    for (const [budget, forbids] of Object.entries(FORBIDS)) {
      const story = Story.active(["ada"]);
      story.set({ spent: [budget as BudgetName] });
      expect(isBudgetSpent(story.state, "ada")).toBe(forbids);
      expect(isBudgetSpent(story.state, "lead")).toBe(false);
    }
    const story = Story.active(["ada", "bo"], { limits: { ...LIMITS, maxMemberTurns: 1 } });
    story.start("ada");
    story.settle("ada");
    expect([isBudgetSpent(story.state, "ada"), isBudgetSpent(story.state, "bo")]).toEqual([true, false]);
  });

  test("count a slot for each member that works, and for no other", () => {
    const story = Story.active(MEMBER_STATUSES.map((_, at) => `m${at}`));
    for (const [at, status] of MEMBER_STATUSES.entries()) story.patch(`m${at}`, { status });
    expect(workingMembers(story.state)).toBe(1);
  });

  test("add up what all members have used, the ended ones too", () => {
    const story = Story.active(["ada", "bo"]);
    story.patch("ada", { status: "lost", usage: { turns: 1, tokens: 3, cost: 0.5 } });
    story.patch("bo", { plan: memberPlan("bo"), usage: { turns: 1, tokens: 4, cost: 0.25 } });
    expect(usageOf(story.state)).toEqual({ tokens: 7, cost: 0.75 });
  });
});
