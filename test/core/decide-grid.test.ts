import { describe, expect, test } from "bun:test";
import type { Command } from "../../src/core/commands.ts";
import { decide } from "../../src/core/decide.ts";
import {
  MEMBER_STATUSES,
  type Member,
  type MemberStatus,
  RUN_STATUSES,
  type RunState,
  type RunStatus,
  SHUTDOWN_STATUSES,
  type ShutdownStatus,
} from "../../src/core/run.ts";
import {
  draft,
  frozen,
  mailOf,
  memberPlan,
  NOON,
  opened,
  permission,
  runPlan,
  Story,
  send,
  stepped,
} from "./decide-builders.ts";

/**
 * Every command on a run of every status with a member, ada, in every status of hers; also where the two cannot meet,
 * since a state that was read from disk is decided on as it is. Beside ada there is bo, who waits.
 *
 * A line reads `run statuses: ada's statuses -> what happens`. `.` is nothing, `x code` a refusal; else what moved, the
 * mail that is written (`kind>to`) and the deeds that are wanted. `all` are all statuses, `rest` those not yet named.
 */
const TURN = { startedAt: NOON, cause: "lead", reported: false } as const;
const WORKTREE = {
  repository: "/project/.git",
  path: "/worktrees/ada",
  branch: "team/x/ada",
  base: "c0ffee",
  mark: "m",
  made: true,
};
const SEATED = { sessionId: "ses_ada_1", directory: "/project" };
const ENDED = { tasks: [], reason: "so" };
const PARTS: Readonly<Record<MemberStatus, Partial<Member>>> = {
  starting: {},
  waiting: SEATED,
  working: { ...SEATED, turn: TURN },
  needs_approval: { ...SEATED, turn: TURN, gates: [permission("per_1")] },
  interrupted: { ...SEATED, backoff: { failures: 2, until: NOON + 9 }, heldByPerson: true },
  failed: ENDED,
  lost: { ...SEATED, ...ENDED },
  done: { ...SEATED, ...ENDED },
};

const TASKS = [draft("one", { owner: "ada" }), draft("two")];

function world(run: RunStatus, ada: MemberStatus, shutdown: ShutdownStatus): Story {
  const story = new Story(runPlan(["ada", "bo"], { tasks: TASKS }));
  story.open("bo");
  story.patch("ada", {
    ...PARTS[ada],
    status: ada,
    shutdown: {
      status: shutdown,
      changedAt: NOON,
      ...(shutdown === "none" ? {} : { requestedBy: "ada" }),
    },
  });
  if (PARTS[ada].tasks) {
    const { owner: _owner, ...free } = story.book.get(1) ?? { owner: "ada" };
    story.book.set(1, frozen(free) as never);
  }
  const lead = { ...story.state.lead, gates: [permission("per_1")], turn: TURN, heldByPerson: true };
  story.set({ status: run, lead });
  return story;
}

function outcome(story: Story, command: Command): string {
  const before = story.state;
  const decision = decide(before, command, story.now + 1);
  if (decision.kind === "unchanged") return ".";
  if (decision.kind === "refused") {
    const { code, message, hint } = decision.refusal;
    expect(message).not.toBe("");
    expect(hint).not.toBe("");
    return `x ${code}`;
  }
  const { state, effects } = decision;
  expect(state.revision).toBe(before.revision + 1);
  const moved = [status("run", before.status, state.status), ...memberMoves(before, state)];
  const letters = mailOf(effects).map(({ kind, to }) => `${kind}>${to}`);
  const deeds = effects.map(({ type }) => type).filter((type) => !RECORDS.includes(type));
  return [...moved, ...letters, ...deeds].filter((part) => part !== "").join(" ") || "noted";
}

const RECORDS: readonly string[] = ["put_message", "append_journal", "write_task"];

function memberMoves(before: RunState, after: RunState): string[] {
  return Object.keys(after.members).map((name) => {
    const was = before.members[name]?.status;
    const is = after.members[name]?.status;
    return status(name, was ?? "absent", is ?? "absent");
  });
}

function status(name: string, was: string, is: string): string {
  return was === is ? "" : `${name}=${is}`;
}

/** The grid of one command, with equal rows and equal cells drawn together. */
function draw(make: (story: Story) => Command, shutdown: ShutdownStatus): string {
  const rows = new Map<string, RunStatus[]>();
  for (const run of RUN_STATUSES) {
    const cells = new Map<string, MemberStatus[]>();
    for (const ada of MEMBER_STATUSES) {
      const story = world(run, ada, shutdown);
      const cell = outcome(story, make(story));
      cells.set(cell, [...(cells.get(cell) ?? []), ada]);
    }
    const row = [...cells]
      .map(([cell, statuses], at) => {
        const last = at === cells.size - 1;
        if (cells.size === 1) return `all -> ${cell}`;
        return `${last ? "rest" : statuses.join(" ")} -> ${cell}`;
      })
      .join("\n");
    rows.set(row, [...(rows.get(row) ?? []), run]);
  }
  return [...rows]
    .flatMap(([row, runs]) => row.split("\n").map((line) => `${runs.join(" ")}: ${line}`))
    .join("\n");
}

interface Grid {
  readonly title: string;
  readonly make: (story: Story) => Command;
  readonly shutdown?: ShutdownStatus;
  readonly golden: string;
}

const GRIDS: readonly Grid[] = [
  {
    title: "send_message by the lead to ada",
    make: () => send("lead", "ada"),
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting waiting working needs_approval interrupted -> message>ada
      active orphaned: rest -> x member_ended
    `,
  },
  {
    title: "send_message by the lead to ada, whose end is agreed upon",
    make: () => send("lead", "ada"),
    shutdown: "approved",
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: all -> x member_ended
    `,
  },
  {
    title: "send_message by ada to the lead",
    make: () => send("ada", "lead"),
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting waiting working needs_approval interrupted -> message>lead
      active orphaned: rest -> x member_ended
    `,
  },
  {
    title: "send_message by a person to everyone",
    make: () => send("person", "*", { kind: "person" }),
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting waiting working needs_approval interrupted -> person>lead person>ada person>bo
      active orphaned: rest -> person>lead person>bo
    `,
  },
  {
    title: "add_members with ada's name",
    make: () => ({ type: "add_members", by: "lead", plans: [memberPlan("ada")] }),
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting waiting working needs_approval interrupted -> x member_exists
      active orphaned: rest -> ada=starting open_session
    `,
  },
  {
    title: "create_tasks by the lead, for ada",
    make: ({ book }) => ({ type: "create_tasks", by: "lead", drafts: [draft("x", { owner: "ada" })], book }),
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting -> noted
      active orphaned: waiting working needs_approval interrupted -> task>ada
      active orphaned: rest -> x member_unknown
    `,
  },
  {
    title: "update_task by ada, who takes it",
    make: ({ book }) => ({
      type: "update_task",
      by: "ada",
      taskId: 2,
      change: { status: "in_progress" },
      book,
    }),
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting waiting working needs_approval interrupted -> noted
      active orphaned: rest -> x member_ended
    `,
  },
  {
    title: "update_task by the lead, who gives ada's task to bo",
    make: ({ book }) => ({ type: "update_task", by: "lead", taskId: 1, change: { owner: "bo" }, book }),
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting failed lost done -> task>bo
      active orphaned: rest -> task>ada task>bo
    `,
  },
  {
    title: "request_shutdown by the lead",
    make: () => ({ type: "request_shutdown", by: "lead", member: "ada" }),
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting waiting working needs_approval interrupted -> shutdown_request>ada
      active orphaned: rest -> x member_ended
    `,
  },
  {
    title: "approve_shutdown that nobody asked for",
    make: ({ book }) => ({ type: "approve_shutdown", by: "ada", member: "ada", book }),
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting waiting working needs_approval interrupted -> x shutdown_not_requested
      active orphaned: rest -> x member_ended
    `,
  },
  {
    title: "approve_shutdown that was asked for",
    make: ({ book }) => ({ type: "approve_shutdown", by: "ada", member: "ada", book }),
    shutdown: "requested",
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting waiting interrupted -> ada=done shutdown_approved>lead
      active orphaned: working needs_approval -> shutdown_approved>lead
      active orphaned: rest -> x member_ended
    `,
  },
  {
    title: "approve_shutdown that was asked for, with a turn on its way",
    make: ({ book }) => ({ type: "approve_shutdown", by: "ada", member: "ada", turnAhead: true, book }),
    shutdown: "requested",
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting -> ada=done shutdown_approved>lead
      active orphaned: waiting working needs_approval interrupted -> shutdown_approved>lead
      active orphaned: rest -> x member_ended
    `,
  },
  {
    title: "note_at_rest of a member whose end was approved",
    make: ({ book }) => ({ type: "note_at_rest", member: "ada", book }),
    shutdown: "approved",
    golden: `
      creating active orphaned closing: starting waiting interrupted -> ada=done
      creating active orphaned closing: rest -> .
      closed failed: all -> .
    `,
  },
  {
    title: "note_at_rest of a member that nobody lets go",
    make: ({ book }) => ({ type: "note_at_rest", member: "ada", book }),
    shutdown: "requested",
    golden: `
      creating active orphaned closing closed failed: all -> .
    `,
  },
  {
    title: "reject_shutdown by the lead of what ada asked for",
    make: () => ({ type: "reject_shutdown", by: "lead", member: "ada", reason: "no" }),
    shutdown: "requested",
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting waiting working needs_approval interrupted -> shutdown_rejected>ada
      active orphaned: rest -> noted
    `,
  },
  {
    title: "close_run, gracefully",
    make: () => ({ type: "close_run", force: false, reason: "end", unread: {} }),
    golden: `
      creating: all -> x run_busy
      active orphaned: starting working needs_approval interrupted -> x run_busy
      active orphaned: waiting -> run=closing ada=done bo=done abort_session abort_session add_rules
            active orphaned: rest -> run=closing bo=done abort_session add_rules
      closing closed failed: all -> .
    `,
  },
  {
    title: "change_limits, below what is used",
    make: () => ({ type: "change_limits", limits: { maxWallClockMs: 0 } }),
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting waiting needs_approval interrupted failed lost done -> budget>lead show_toast
      active orphaned: rest -> budget>lead budget>ada show_toast
    `,
  },
  {
    title: "close_run, by force",
    make: () => ({ type: "close_run", force: true, reason: "end", unread: {} }),
    golden: `
      creating active orphaned: starting -> run=closing ada=done bo=done abort_session add_rules
      creating active orphaned: waiting working needs_approval interrupted -> run=closing ada=done bo=done abort_session abort_session add_rules
      creating active orphaned: rest -> run=closing bo=done abort_session add_rules
      closing closed failed: all -> .
    `,
  },
  {
    title: "finish_run",
    make: () => ({ type: "finish_run" }),
    golden: `
      creating active orphaned closed failed: all -> .
      closing: all -> run=closed show_toast archive_run
    `,
  },
  {
    title: "note_session_opened",
    make: () => opened("ada"),
    golden: `
      creating: starting -> run=active ada=waiting brief>ada
      creating: rest -> .
      active orphaned closing: starting -> ada=waiting brief>ada
      active orphaned closing: rest -> .
      closed failed: all -> .
    `,
  },
  {
    title: "note_session_opened of another generation",
    make: () => opened("ada", 2),
    golden: `
      creating active orphaned closing closed failed: all -> .
    `,
  },
  {
    title: "note_spawn_failed",
    make: ({ book }) => ({ type: "note_spawn_failed", member: "ada", generation: 1, reason: "no", book }),
    golden: `
      creating: starting -> run=active ada=failed show_toast
      creating: rest -> .
      active orphaned closing: starting -> ada=failed member_error>lead show_toast
      active orphaned closing: rest -> .
      closed failed: all -> .
    `,
  },
  {
    title: "note_worktree_ended of ada, who has one",
    make: (story) => {
      story.patch("ada", { worktree: WORKTREE });
      return { type: "note_worktree_ended", member: "ada", end: { outcome: "removed" } };
    },
    golden: `
      creating active orphaned closing: all -> noted
      closed failed: all -> .
    `,
  },
  {
    title: "note_turn_started of ada",
    make: () => ({ type: "note_turn_started", participant: "ada", cause: "lead" }),
    golden: `
      creating active orphaned closing: starting working needs_approval failed lost done -> .
      creating active orphaned closing: rest -> ada=working
      closed failed: all -> .
    `,
  },
  {
    title: "note_turn_started of the lead, in a turn",
    make: () => ({ type: "note_turn_started", participant: "lead", cause: "foreign" }),
    golden: `
      creating active orphaned closing closed failed: all -> .
    `,
  },
  {
    title: "note_step of ada",
    make: ({ now }) => stepped("ada", now, { tokens: 5, cost: 0.5 }),
    golden: `
      creating active orphaned closing: all -> noted
      closed failed: all -> .
    `,
  },
  {
    title: "note_turn_settled of ada, ended",
    make: (story) => story.settled("ada", { text: "done" }),
    golden: `
      creating active orphaned closing: starting waiting interrupted failed lost done -> .
      creating active orphaned closing: rest -> ada=waiting final_report>lead
      closed failed: all -> .
    `,
  },
  {
    title: "note_turn_settled of ada, failed",
    make: (story) => story.settled("ada", { outcome: "failed" }),
    golden: `
      creating active orphaned closing: starting waiting interrupted failed lost done -> .
      creating active orphaned closing: rest -> ada=interrupted member_error>lead member_error>ada
      closed failed: all -> .
    `,
  },
  {
    title: "note_turn_settled of ada, failed, with her end agreed upon",
    make: (story) => story.settled("ada", { outcome: "failed" }),
    shutdown: "approved",
    golden: `
      creating active orphaned closing: starting waiting interrupted failed lost done -> .
      creating active orphaned closing: rest -> ada=done member_error>lead
      closed failed: all -> .
    `,
  },
  {
    title: "note_turn_settled of ada, aborted",
    make: (story) => story.settled("ada", { outcome: "aborted" }),
    golden: `
      creating active orphaned closing: starting waiting interrupted failed lost done -> .
      creating active orphaned closing: rest -> ada=interrupted member_error>lead
      closed failed: all -> .
    `,
  },
  {
    title: "note_turn_settled of the lead",
    make: (story) => story.settled("lead", { text: "done" }),
    golden: `
      creating active orphaned closing: all -> noted
      closed failed: all -> .
    `,
  },
  {
    title: "note_gate_opened of ada",
    make: () => ({ type: "note_gate_opened", participant: "ada", gate: permission("per_2") }),
    golden: `
      creating active orphaned closing: starting failed lost done -> .
      creating active orphaned closing: waiting working interrupted -> ada=needs_approval show_toast
      creating active orphaned closing: rest -> show_toast
      closed failed: all -> .
    `,
  },
  {
    title: "note_gate_opened of ada, who repeats herself",
    make: () => ({
      type: "note_gate_opened",
      participant: "ada",
      gate: { ...permission("per_2"), subject: "doom_loop" },
    }),
    golden: `
      creating active orphaned closing: starting failed lost done -> .
      creating active orphaned closing: waiting working interrupted -> ada=needs_approval member_error>ada answer_permission
      creating active orphaned closing: rest -> member_error>ada answer_permission
      closed failed: all -> .
    `,
  },
  {
    title: "answer_gate of ada",
    make: () => ({ type: "answer_gate", participant: "ada", requestId: "per_1", reply: "once" }),
    golden: `
      creating closing closed failed: all -> x run_not_live
      active orphaned: starting waiting working interrupted failed lost done -> x request_unknown
      active orphaned: rest -> answer_permission
    `,
  },
  {
    title: "note_gate_opened of the lead",
    make: () => ({ type: "note_gate_opened", participant: "lead", gate: permission("per_2") }),
    golden: `
      creating active orphaned closing: all -> noted
      closed failed: all -> .
    `,
  },
  {
    title: "note_gate_closed of ada",
    make: () => ({ type: "note_gate_closed", participant: "ada", requestId: "per_1" }),
    golden: `
      creating active orphaned closing: starting waiting working interrupted failed lost done -> .
      creating active orphaned closing: rest -> ada=working
      closed failed: all -> .
    `,
  },
  {
    title: "note_gate_closed of the lead, all",
    make: () => ({ type: "note_gate_closed", participant: "lead" }),
    golden: `
      creating active orphaned closing: all -> noted
      closed failed: all -> .
    `,
  },
  {
    title: "note_prompted of ada",
    make: () => ({ type: "note_prompted", participant: "ada" }),
    golden: `
      creating active orphaned closing: starting waiting working needs_approval failed lost done -> .
      creating active orphaned closing: rest -> noted
      closed failed: all -> .
    `,
  },
  {
    title: "note_prompted of the lead",
    make: () => ({ type: "note_prompted", participant: "lead" }),
    golden: `
      creating active orphaned closing: all -> noted
      closed failed: all -> .
    `,
  },
  {
    title: "note_session_deleted of ada",
    make: (story) => story.deleted("ses_ada_1"),
    golden: `
      creating active orphaned closing: starting failed lost done -> .
      creating active orphaned closing: rest -> ada=lost member_error>lead abort_session show_toast
      closed failed: all -> .
    `,
  },
  {
    title: "note_undeliverable to bo, from ada",
    make: () => ({
      type: "note_undeliverable",
      recipient: "bo",
      messages: [{ messageId: "m1", from: "ada" }],
      reason: "8 attempts",
    }),
    golden: `
      creating active orphaned closing: starting waiting working needs_approval interrupted -> stuck>lead stuck>ada
      creating active orphaned closing: rest -> stuck>lead
      closed failed: all -> .
    `,
  },
  {
    title: "note_quiet, with the tasks that are open",
    make: ({ book }) => ({
      type: "note_quiet",
      list: "1:pending 2:pending",
      open: [...book.values()],
      ready: [1, 2],
    }),
    golden: `
      creating orphaned closing closed failed: all -> .
      active: starting working needs_approval interrupted failed lost done -> stuck>lead
      active: rest -> stuck>ada
    `,
  },
  {
    title: "note_orphaned",
    make: () => ({ type: "note_orphaned" }),
    golden: `
      creating orphaned closing closed failed: all -> .
      active: all -> run=orphaned
    `,
  },
  {
    title: "note_adopted, with somebody held by a person's Esc",
    make: () => ({ type: "note_adopted" }),
    golden: `
      creating closing closed failed: all -> .
      active: all -> noted
      orphaned: all -> run=active
    `,
  },
  {
    title: "note_time, when it is over",
    make: (story) => {
      story.now += 7_200_000;
      return { type: "note_time" };
    },
    golden: `
      creating orphaned closing closed failed: all -> .
      active: starting waiting needs_approval interrupted failed lost done -> budget>lead show_toast
      active: rest -> budget>lead budget>ada show_toast
    `,
  },
];

describe("every command on every status of a run and a member", () => {
  for (const { title, make, shutdown = "none", golden } of GRIDS) {
    test(title, () => {
      expect(draw(make, shutdown)).toBe(golden.trim().replace(/^ +/gm, ""));
    });
  }

  test("is drawn: there is a grid for each type of command", () => {
    const TYPES: Record<Command["type"], true> = {
      send_message: true,
      add_members: true,
      change_limits: true,
      create_tasks: true,
      update_task: true,
      request_shutdown: true,
      approve_shutdown: true,
      reject_shutdown: true,
      close_run: true,
      finish_run: true,
      note_session_opened: true,
      note_worktree_ended: true,
      note_spawn_failed: true,
      note_turn_started: true,
      note_step: true,
      note_turn_settled: true,
      answer_gate: true,
      note_gate_opened: true,
      note_gate_closed: true,
      note_prompted: true,
      note_at_rest: true,
      note_session_deleted: true,
      note_undeliverable: true,
      note_time: true,
      note_quiet: true,
      note_orphaned: true,
      note_adopted: true,
    };
    const drawn = GRIDS.map(({ make }) => make(world("active", "waiting", "none")).type);
    expect([...new Set(drawn)].toSorted()).toEqual(Object.keys(TYPES).toSorted() as Command["type"][]);
  });

  // What was given is frozen, so a decision that changed it would throw.
  test("has an answer, at every stage of the handshake, and leaves what it was given as it was", () => {
    for (const shutdown of SHUTDOWN_STATUSES) {
      for (const run of RUN_STATUSES) {
        for (const ada of MEMBER_STATUSES) {
          for (const { make } of GRIDS) {
            const story = world(run, ada, shutdown);
            expect(outcome(story, make(story))).not.toBe("");
          }
        }
      }
    }
  });
});
