import { describe, expect, test } from "bun:test";
import { reportOf, type Sources } from "../../src/core/report/build.ts";
import type { Bar, BarKind, Report } from "../../src/core/report/report.ts";
import { spansOf } from "../../src/core/trace/tree.ts";
import { systemIds } from "../../src/system/ids.ts";
import { message, NOON, RUN, task } from "../contract/samples.ts";

const ADA = { participant: "ada", generation: 1, sessionId: "ses_ada", turn: 1 };
const BASH = { hostMessageId: "msg_1", callId: "call_1" };
const bash = (parts: object = {}) => ({
  ...BASH,
  tool: "bash",
  startedAt: NOON + 3_000,
  endedAt: NOON + 3_500,
  outcome: "completed",
  ...parts,
});
const step = (parts: object = {}) => ({
  hostMessageId: "msg_1",
  modelId: "m",
  tokens: { input: 1_000, output: 200 },
  cost: 0.25,
  startedAt: NOON + 2_000,
  completedAt: NOON + 4_000,
  ...parts,
});

const BEGUN = [
  { at: 0, event: "run_created", team: "explorers", label: "nightly", sessionId: "ses_lead" },
  { at: 10, event: "member_added", member: "ada", generation: 1, agent: "build" },
  { at: 20, event: "session_opened", member: "ada", generation: 1, sessionId: "ses_ada" },
  { at: 1_000, event: "turn_started", ...ADA, cause: "brief" },
];

type Line = { readonly at: number; readonly event: string } & Readonly<Record<string, unknown>>;

function reported(lines: readonly Line[], more: Partial<Sources> = {}): Report {
  const journal = [...BEGUN, ...lines].map((line, index) => ({
    ...line,
    revision: 1,
    index,
    at: NOON + line.at,
  }));
  const about = { runId: RUN, pluginVersion: "1.2.3", digest: systemIds.digest };
  const spans = spansOf(journal, about);
  return reportOf({ runId: RUN, team: "explorers", journal, spans, mail: [], tasks: [], ...more });
}

function barsOf(report: Report, kind: BarKind): readonly Bar[] {
  return report.bars.filter((bar) => bar.kind === kind);
}

describe("the report of a run", () => {
  test("has a lane for everybody, the lead first, whoever only writes last", () => {
    const mail = [
      { message: message(1, { from: "system" }), place: "ready" },
      { message: message(2, { from: "person", to: "bo" }), place: "ready" },
    ];
    const { lanes } = reported([], { mail });
    expect(lanes.map(({ name, seat }) => [name, seat])).toEqual([
      ["lead", "lead"],
      ["ada", "member"],
      ["bo", "member"],
      ["system", "outside"],
      ["person", "outside"],
    ]);
  });

  test("shows turns, calls and tools as bars of whoever they belong to, and sums them up once", () => {
    const report = reported([
      { at: 4_000, event: "step_ended", ...ADA, step: step(), tools: [bash({ outcome: "failed" })] },
      { at: 5_000, event: "turn_settled", ...ADA, outcome: "ended" },
      { at: 6_000, event: "run_closed" },
    ]);
    expect(report.run).toEqual({
      runId: RUN,
      team: "explorers",
      label: "nightly",
      startedAt: NOON,
      lengthMs: 6_000,
      isOver: true,
    });
    const own = report.bars.filter(({ lane }) => lane === 1);
    expect(own.map(({ kind, name, from, to }) => [kind, name, from, to])).toEqual([
      ["turn", "turn 1", 1_000, 5_000],
      ["call", "m", 2_000, 4_000],
      ["tool", "bash", 3_000, 3_500],
    ]);
    expect(own[1]?.facts).toMatchObject({ "input tokens": 1_000, "output tokens": 200, cost: 0.25 });
    expect(report.totals).toMatchObject({ calls: 1, tools: 1, failures: 1, inputTokens: 1_000, cost: 0.25 });
    expect(report.lanes[1]?.totals.turns).toBe(1);
  });

  test("puts what happens at the same time below each other, and what comes after it beside it", () => {
    const tools = [
      bash(),
      bash({ callId: "call_2", startedAt: NOON + 3_100 }),
      bash({ callId: "call_3", startedAt: NOON + 3_500, endedAt: NOON + 3_600 }),
    ];
    const report = reported([{ at: 4_000, event: "step_ended", ...ADA, step: step(), tools }]);
    expect(barsOf(report, "tool").map(({ row }) => row)).toEqual([0, 1, 0]);
    expect(report.lanes[1]?.rows).toEqual({ turn: 1, call: 1, tool: 2, wait: 0, task: 0 });
  });

  test("shows a subagent's calls in the lane of the member that let it work", () => {
    const below = { sessionId: "ses_sub", call: BASH };
    const report = reported([
      {
        at: 4_000,
        event: "step_ended",
        ...ADA,
        below,
        step: step({ hostMessageId: "msg_9", agent: "explore" }),
      },
    ]);
    expect(barsOf(report, "call")[0]).toMatchObject({ lane: 1, facts: { subagent: "explore" } });
  });

  test("shows each wait for a person, with its answer or as going on", () => {
    const report = reported([
      { at: 3_000, event: "gate_opened", ...ADA, requestId: "per_1", subject: "bash", call: BASH },
      { at: 3_400, event: "gate_closed", ...ADA, requestId: "per_1", reply: "once" },
      { at: 4_000, event: "step_ended", ...ADA, step: step(), tools: [bash()] },
      { at: 4_500, event: "gate_opened", ...ADA, requestId: "per_2", subject: "edit" },
      { at: 9_000, event: "run_quiet", open: 0, told: "lead" },
    ]);
    expect(barsOf(report, "wait")).toEqual([
      { lane: 1, kind: "wait", row: 0, from: 3_000, to: 3_400, name: "bash", facts: { answer: "once" } },
      { lane: 1, kind: "wait", row: 0, from: 4_500, to: 9_000, open: true, name: "edit", facts: {} },
    ]);
    expect(report.lanes[1]?.totals.waitedMs).toBe(4_900);
  });

  test("ends a wait that nobody answered with the turn that waited", () => {
    const report = reported([
      { at: 3_000, event: "gate_opened", ...ADA, requestId: "per_1", subject: "bash" },
      { at: 5_000, event: "turn_settled", ...ADA, outcome: "failed", error: { name: "APIError" } },
      { at: 90_000, event: "run_quiet", open: 0, told: "lead" },
    ]);
    expect(barsOf(report, "wait")).toMatchObject([{ from: 3_000, to: 5_000 }]);
    expect(barsOf(report, "wait")[0]?.open).toBeUndefined();
    expect(barsOf(report, "turn").find(({ lane }) => lane === 1)?.error).toBe("APIError");
  });

  test("draws mail from its sending to the model call that first saw it, one letter a recipient", () => {
    const sent = {
      event: "message_sent",
      messageId: "mail_1",
      from: "lead",
      to: ["ada", "bo"],
      kind: "announcement",
      bytes: 7,
    };
    const report = reported(
      [
        { at: 1_500, ...sent },
        { at: 4_000, event: "step_ended", ...ADA, step: step(), mail: ["mail_1"] },
        { at: 8_000, event: "step_ended", ...ADA, step: step({ startedAt: NOON + 7_000 }), mail: ["mail_1"] },
      ],
      { mail: [{ message: message(1, { summary: "Look here" }), place: "processed" }] },
    );
    expect(report.letters).toMatchObject([
      { from: 0, to: 1, sentAt: 1_500, readAt: 2_000, state: "read", summary: "Look here" },
      { from: 0, to: 2, sentAt: 1_500, state: "waiting", kind: "announcement", bytes: 7 },
    ]);
    expect(report.totals).toMatchObject({ sent: 2, received: 2 });
  });

  test("says of mail that was given up that it was, wherever that stands", () => {
    const mail = [1, 2].map((seq) => ({ message: message(seq), place: seq === 1 ? "dead" : "ready" }));
    const given = {
      event: "messages_given_up",
      recipient: "ada",
      messageIds: ["mail_2"],
      reason: "member_done",
    };
    const report = reported([{ at: 2_000, ...given }], { mail });
    expect(report.letters.map(({ state }) => state)).toEqual(["given up", "given up"]);
  });

  test("shows a task as a bar of whoever has it, for as long as it has it", () => {
    const report = reported(
      [
        { at: 1_000, event: "task_created", taskId: 1, by: "lead" },
        { at: 2_000, event: "task_claimed", taskId: 1, by: "ada", generation: 1 },
        { at: 2_500, event: "task_started", taskId: 1, by: "ada", generation: 1 },
        { at: 3_000, event: "task_released", taskId: 1, by: "ada", owner: "ada" },
        { at: 4_000, event: "task_started", taskId: 1, by: "lead", generation: 2 },
      ],
      { tasks: [task(1, { subject: "Find it", status: "in_progress", owner: "lead" })] },
    );
    expect(barsOf(report, "task")).toMatchObject([
      { lane: 1, from: 2_000, to: 3_000, name: "#1 Find it", task: 1, facts: { "ended as": "released" } },
      { lane: 0, from: 4_000, to: 4_000, open: true },
    ]);
    expect(report.tasks).toMatchObject([
      { taskId: 1, subject: "Find it", status: "in_progress", owner: "lead" },
    ]);
    expect(report.tasks[0]?.steps.map(({ what }) => what)).toEqual([
      "created",
      "claimed",
      "started",
      "released",
      "started",
    ]);
  });

  test("is the same whenever it is made", () => {
    const lines = [{ at: 4_000, event: "step_ended", ...ADA, step: step(), tools: [bash()] }];
    expect(JSON.stringify(reported(lines))).toBe(JSON.stringify(reported(lines)));
  });

  test("holds no text of a message, and cuts what is long or would hide what follows", () => {
    const summary = `\u202eturned\u0000 ${"x".repeat(10_000)}`;
    const report = reported([], {
      mail: [{ message: message(1, { body: "MARKER", summary }), place: "ready" }],
    });
    expect(JSON.stringify(report)).not.toContain("MARKER");
    expect(report.letters[0]?.summary).toStartWith("turned  x");
    expect(report.letters[0]?.summary).toHaveLength(200);
    expect(report.letters[0]?.bytes).toBe(6);
  });

  test("holds the newest of what is too much for a page, says how much is not there, and sums up all", () => {
    const count = 41_000;
    const tools = Array.from({ length: count }, (_, index) =>
      bash({ callId: `call_${index}`, startedAt: NOON + 3_000 + index, endedAt: NOON + 3_001 + index }),
    );
    const report = reported([{ at: 4_000, event: "step_ended", ...ADA, step: step(), tools }]);
    expect(report.bars).toHaveLength(40_000);
    expect(report.bars.at(-1)?.to).toBe(3_000 + count);
    expect(report.totals.tools).toBe(count);
    expect(report.leftOut.bars).toBeGreaterThanOrEqual(1_000);
  });

  test("of a run in which nothing has happened is empty", () => {
    const sources = { runId: RUN, team: "explorers", journal: [], spans: [], mail: [], tasks: [] };
    expect(reportOf(sources)).toMatchObject({
      bars: [],
      letters: [],
      tasks: [],
      run: { lengthMs: 0, isOver: false },
    });
  });
});
