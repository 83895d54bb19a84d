import { describe, expect, test } from "bun:test";
import { sayEvent } from "../../src/cli/say-event.ts";
import type { EventName } from "../../src/core/events.ts";

type Fields = Readonly<Record<string, unknown>>;

/** One of each that core can write: the type demands it. */
const SENTENCES: Readonly<Record<EventName, readonly (readonly [fields: Fields, says: string])[]>> = {
  run_created: [
    [{ team: "explorers" }, "the team explorers is created"],
    [{ team: "explorers", label: "nightly" }, "the team explorers (nightly) is created"],
  ],
  run_active: [[{}, "the team is complete and begins"]],
  run_failed: [[{}, "no member could be started: the run is over"]],
  run_orphaned: [[{}, "OpenCode is closed; the run rests"]],
  run_adopted: [[{}, "an OpenCode takes the run over"]],
  run_closing: [
    [{ force: false, reason: "all done" }, "the run is being closed: all done"],
    [{ force: true, reason: "" }, "the run is being closed, by force"],
  ],
  run_closed: [[{}, "the run is closed"]],
  run_quiet: [
    [{ open: 1, told: "ada" }, "nobody works and a task is still open; ada is told"],
    [{ open: 30, told: "lead" }, "nobody works and 30 tasks are still open; lead is told"],
    [{ open: [3], told: "lead" }, "nobody works and task #3 is still open; lead is told"],
    [{ open: [3, 4], told: "ada" }, "nobody works and tasks #3, #4 are still open; ada is told"],
  ],
  member_added: [
    [{ member: "ada", agent: "general", generation: 1 }, "ada joins, agent general"],
    [{ member: "ada", agent: "build", generation: 2 }, "ada joins, agent build, for the second time"],
    [{ member: "ada", agent: "build", generation: 4 }, "ada joins, agent build, for the 4th time"],
  ],
  member_starting: [[{ member: "ada" }, "ada starts"]],
  member_waiting: [[{ member: "ada" }, "ada waits for mail"]],
  member_working: [[{ member: "ada" }, "ada works"]],
  member_needs_approval: [
    [{ member: "ada", reason: "permission bash (ls)" }, "ada waits for a person: permission bash (ls)"],
  ],
  member_interrupted: [
    [{ member: "ada", reason: "stopped by a person" }, "ada is interrupted: stopped by a person"],
  ],
  member_failed: [[{ member: "ada", reason: "no agent" }, "ada could not be started: no agent"]],
  member_lost: [
    [{ member: "ada", reason: "its session was deleted" }, "ada is lost: its session was deleted"],
  ],
  member_done: [[{ member: "ada", reason: "run closed" }, "ada is done: run closed"]],
  gate_answered: [
    [
      { member: "ada", permission: "bash", reply: "once", by: "person" },
      "a person answers ada, who asks for bash: once",
    ],
    [
      { member: "ada", permission: "doom_loop", reply: "reject", by: "rule" },
      "a rule answers ada, who asks for doom_loop: reject",
    ],
  ],
  member_rejected: [
    [{ member: "ada", agent: "oracle", reason: "read-only" }, "ada cannot join, agent oracle: read-only"],
  ],
  session_opened: [[{ member: "ada", sessionId: "ses_1" }, "ada has its session: ses_1"]],
  turn_started: [
    [{ participant: "ada", turn: 2, cause: "peer" }, "ada begins turn 2, because of mail of another member"],
  ],
  turn_settled: [
    [{ participant: "ada", turn: 2, outcome: "ended" }, "ada ends turn 2"],
    [
      { participant: "ada", turn: 2, outcome: "failed", error: { name: "APIError" } },
      "ada ends turn 2, failed: APIError",
    ],
  ],
  step_ended: [
    [{ participant: "ada", step: { modelId: "m" } }, "ada: m answers"],
    [
      { participant: "ada", below: {}, step: { modelId: "m" }, tools: [{ tool: "bash" }, { tool: "edit" }] },
      "a subagent of ada: m answers, after bash, edit",
    ],
    [{ participant: "ada", step: { modelId: "m", error: { name: "APIError" } } }, "ada: m answers: APIError"],
  ],
  gate_opened: [[{ participant: "ada", subject: "bash" }, "ada asks a person: bash"]],
  gate_closed: [
    [{ participant: "ada", reply: "once" }, "a request of ada is answered: once"],
    [{ participant: "ada" }, "a request of ada is gone"],
  ],
  report_sent: [[{ messageId: "report_1", from: "ada" }, "ada -> lead: its last word"]],
  shutdown_requested: [
    [{ member: "ada", by: "lead", reason: "no work" }, "lead asks ada to shut down: no work"],
    [{ member: "ada", by: "ada" }, "ada asks to be shut down"],
  ],
  shutdown_approved: [[{ member: "ada", by: "ada" }, "ada approves the shutdown of ada"]],
  shutdown_rejected: [
    [{ member: "ada", by: "ada", reason: "busy" }, "ada rejects the shutdown of ada: busy"],
  ],
  worktree_removed: [
    [{ member: "ada", path: "/w/ada", branch: "b" }, "the worktree of ada is removed: /w/ada"],
  ],
  worktree_kept: [
    [
      { member: "ada", path: "/w/ada", branch: "team/x/ada", reason: "1 commit" },
      "the worktree of ada is kept: /w/ada, branch team/x/ada: 1 commit",
    ],
  ],
  message_sent: [
    [{ from: "ada", to: ["bo"], kind: "message", bytes: 12 }, "ada -> bo: a message, 12 bytes"],
    [
      { from: "lead", to: ["ada", "bo"], kind: "announcement", bytes: 5 },
      "lead -> ada, bo: announcement, 5 bytes",
    ],
  ],
  messages_given_up: [
    [{ recipient: "ada", messageIds: ["mail_1"], reason: "404" }, "a message to ada is given up: 404"],
    [{ recipient: "ada", messageIds: ["a", "b"], reason: "404" }, "2 messages to ada are given up: 404"],
  ],
  volley_stopped: [
    [
      { members: ["ada", "bo"], alternations: 20 },
      "ada, bo may not write to each other: 20 answers to and fro changed no task",
    ],
  ],
  budget_reached: [
    [{ budget: "tokens" }, "max_tokens_per_run is used up"],
    [{ budget: "turns", member: "ada" }, "ada: max_member_turns is used up"],
    [{ budget: "patience" }, "patience is used up"],
  ],
  limits_changed: [
    [
      { from: { maxTokens: null, maxWallClockMs: 60_000 }, to: { maxTokens: 5, maxWallClockMs: 120_000 } },
      "a person sets max_tokens_per_run from none to 5, max_wall_clock_minutes from 1 to 2",
    ],
  ],
  task_created: [
    [{ taskId: 1, by: "lead", blockedBy: [] }, "lead adds task #1"],
    [
      { taskId: 3, by: "lead", owner: "ada", blockedBy: [1, 2] },
      "lead adds task #3 for ada, to be done after #1, #2",
    ],
  ],
  task_assigned: [[{ taskId: 1, by: "lead", owner: "ada" }, "lead assigns task #1 to ada"]],
  task_claimed: [[{ taskId: 1, by: "ada" }, "ada takes task #1"]],
  task_started: [[{ taskId: 1, by: "ada" }, "ada begins task #1"]],
  task_completed: [[{ taskId: 1, by: "ada" }, "ada completes task #1"]],
  task_deleted: [[{ taskId: 1, by: "lead" }, "lead deletes task #1"]],
  task_released: [
    [{ taskId: 1, by: "ada", owner: "ada" }, "task #1 of ada returns to the list"],
    [{ taskId: 1, by: "lead", owner: "ada" }, "task #1 of ada returns to the list, by lead"],
  ],
  task_ready: [
    [{ taskId: 2, after: 1 }, "task #2 is ready, after #1"],
    [{ taskId: 2, after: 2 }, "task #2 is ready"],
  ],
  task_edited: [
    [
      { taskId: 1, by: "lead", fields: ["subject", "blockedBy"] },
      "lead changes subject, blockedBy of task #1",
    ],
  ],
};

describe("the sentence of", () => {
  const entry = (event: string, fields: Fields) => ({ revision: 1, index: 0, at: 0, event, ...fields });

  for (const [event, rows] of Object.entries(SENTENCES)) {
    test(event, () => {
      for (const [fields, says] of rows) expect(sayEvent(entry(event, fields))).toBe(says);
    });
  }

  test("an event that only a newer version writes says what it says", () => {
    expect(sayEvent(entry("member_promoted", { member: "ada", to: ["chief"], rank: 2 }))).toBe(
      'member promoted (member: ada, to: ["chief"], rank: 2)',
    );
    expect(sayEvent(entry("toString", {}))).toBe("toString");
  });

  test("a line whose fields are not what this version writes is still a sentence", () => {
    for (const event of Object.keys(SENTENCES)) {
      for (const fields of [{}, { to: { a: 1 }, from: null, taskId: "x", open: 3, messageIds: null }]) {
        expect(sayEvent(entry(event, fields)).length, event).toBeGreaterThan(0);
      }
    }
  });
});
