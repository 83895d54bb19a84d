import { describe, expect, test } from "bun:test";
import type { Fact } from "../../src/core/facts.ts";
import { compactionStarted, eventDecoder, promptReceived } from "../../src/opencode/events.ts";
import * as recorded from "./recorded-events.ts";

const NOW = 1_000;

/** What a fresh decoder makes of the events, in order. */
function decoded(...events: readonly unknown[]): readonly (Fact | undefined)[] {
  const decoder = eventDecoder(() => NOW);
  return events.map((event) => decoder.decode(event));
}

describe("sessions", () => {
  test("a session that opens names its parent, a root session none", () => {
    expect(decoded(recorded.OPENED, recorded.OPENED_ROOT)).toEqual([
      { type: "session_opened", sessionId: "ses_a", parentId: "ses_lead" },
      { type: "session_opened", sessionId: "ses_lead" },
    ]);
  });

  test("a session is found wherever the event names it", () => {
    const deleted: Fact = { type: "session_deleted", sessionId: "ses_a" };
    expect(decoded(recorded.DELETED, recorded.DELETED_INSIDE)).toEqual([deleted, deleted]);
  });

  test("busy, back-off and both forms of idle are told", () => {
    expect(decoded(recorded.BUSY, recorded.RETRY, recorded.IDLE, recorded.IDLE_TOO)).toEqual([
      { type: "session_busy", sessionId: "ses_a" },
      {
        type: "session_busy",
        sessionId: "ses_a",
        retry: { attempt: 1, message: "scripted failure", nextAt: 1795245062757 },
      },
      { type: "session_idle", sessionId: "ses_a" },
      { type: "session_idle", sessionId: "ses_a" },
    ]);
  });

  test("an error keeps its name, status and whether it may be repeated; one about no session is none of ours", () => {
    const error = { name: "APIError", message: "scripted failure", statusCode: 400, retryable: false };
    expect(decoded(recorded.ERRORED, recorded.ERRORED_NOWHERE)).toEqual([
      { type: "session_errored", sessionId: "ses_a", error },
      undefined,
    ]);
  });

  test("a session that is described is in the middle of an undo or is not", () => {
    expect(decoded(recorded.UNDO_STAGED, recorded.UNDO_TAKEN_BACK)).toEqual([
      undefined,
      { type: "undo_absent", sessionId: "ses_a" },
    ]);
  });

  test("a compaction that ended and a message that was taken back are told", () => {
    expect(decoded(recorded.COMPACTED, recorded.REMOVED)).toEqual([
      { type: "session_compacted", sessionId: "ses_a" },
      { type: "message_removed", sessionId: "ses_a", hostMessageId: "msg_ours" },
    ]);
  });
});

describe("steps", () => {
  test("of the messages of one step only the completed one is a fact, and only once", () => {
    const facts = decoded(
      recorded.USER_MESSAGE,
      recorded.STEP_MADE,
      recorded.STEP_FINISHED,
      recorded.STEP_COMPLETED,
      recorded.STEP_REPEATED,
    );
    expect(facts).toEqual([
      undefined,
      undefined,
      undefined,
      {
        type: "step_ended",
        sessionId: "ses_a",
        step: {
          hostMessageId: "msg_step",
          parentId: "msg_ours",
          finish: "stop",
          agent: "build",
          providerId: "mock",
          modelId: "m",
          summary: false,
          tokens: { input: 60, output: 7, reasoning: 0, cacheRead: 40, cacheWrite: 0 },
          cost: 0,
          startedAt: 1795244991689,
          completedAt: 1795244992462,
        },
      },
      undefined,
    ]);
  });

  test("a step that was cut has an error and no finish", () => {
    const [fact] = decoded(recorded.STEP_ABORTED);
    expect(fact).toMatchObject({
      type: "step_ended",
      step: { error: { name: "MessageAbortedError", message: "Aborted" }, completedAt: 1795245316741 },
    });
    expect(fact?.type === "step_ended" && "finish" in fact.step).toBe(false);
  });

  test("a compaction's summary is marked as one", () => {
    expect(decoded(recorded.SUMMARY)[0]).toMatchObject({ type: "step_ended", step: { summary: true } });
  });
});

describe("tool calls", () => {
  const CALL = {
    sessionId: "ses_a",
    hostMessageId: "msg_step",
    callId: "call_1_0",
    tool: "bash",
    startedAt: 1795283501124,
  } as const;

  test("begin once and end once, however often the host tells, and nothing is kept of what they say", () => {
    const facts = decoded(
      recorded.TEXT_PART,
      recorded.TOOL_PENDING,
      recorded.TOOL_RUNNING,
      recorded.TOOL_TALKING,
      recorded.TOOL_COMPLETED,
      { ...(recorded.TOOL_COMPLETED as object), id: "evt_again" },
      { ...(recorded.TOOL_TALKING as object), id: "evt_late" },
    );

    expect(facts).toEqual([
      undefined,
      undefined,
      { type: "tool_started", ...CALL },
      undefined,
      { type: "tool_ended", ...CALL, endedAt: 1795283501490, outcome: "completed" },
      undefined,
      undefined,
    ]);
    expect(JSON.stringify(facts)).not.toContain("secret");
  });

  test("that never ran end all the same", () => {
    expect(decoded(recorded.TOOL_REFUSED)).toEqual([
      {
        type: "tool_ended",
        ...CALL,
        callId: "call_1_1",
        startedAt: 5,
        endedAt: 5,
        outcome: "failed",
        reason: "tool_error",
      },
    ]);
  });

  test.each([
    ["The user rejected permission to use this specific tool call.", "permission_rejected"],
    [
      "The user has specified a rule which prevents you from using this specific tool call.",
      "permission_rejected",
    ],
    ["Tool execution aborted", "aborted"],
    ["ENOENT: no such file", "tool_error"],
  ])("that failed say why: %s", (error, reason) => {
    const part = { type: "tool", callID: "call_1", messageID: "msg_step", tool: "bash" };
    const state = { status: "error", input: {}, error, time: { start: 5, end: 6 } };
    const properties = { sessionID: "ses_a", part: { ...part, state } };
    expect(decoded({ id: "evt_why", type: "message.part.updated", properties })).toMatchObject([{ reason }]);
  });

  test("of task are told with what they were given and brought, and again when their session is known", () => {
    const input = { description: "sub", prompt: "work", subagent_type: "general" };
    const metadata = { parentSessionId: "ses_a", sessionId: "ses_sub" };
    const started = {
      type: "tool_started",
      ...CALL,
      hostMessageId: "msg_task",
      callId: "call_2_0",
      tool: "task",
      startedAt: 1795283502971,
    } as const;
    expect(
      decoded(recorded.TASK_WAITING, recorded.TASK_RUNNING, recorded.TASK_RUNNING, recorded.TASK_ABORTED),
    ).toEqual([
      { ...started, task: { input, metadata: {} } },
      { ...started, task: { input, metadata } },
      undefined,
      {
        ...started,
        type: "tool_ended",
        endedAt: 1795283504836,
        outcome: "failed",
        reason: "aborted",
        task: { input, metadata: { ...metadata, interrupted: true }, error: "Task cancelled" },
      },
    ]);
  });

  test("that talk much push no other event out of memory", () => {
    const decoder = eventDecoder(() => NOW);
    decoder.decode(recorded.BUSY);
    decoder.decode(recorded.TOOL_RUNNING);
    for (let n = 0; n < 9_000; n += 1)
      decoder.decode({ ...(recorded.TOOL_TALKING as object), id: `evt_talk${n}` });
    expect(decoder.decode(recorded.BUSY)).toBeUndefined();
  });
});

describe("gates", () => {
  test("a permission opens a gate until it is answered", () => {
    expect(decoded(recorded.PERMISSION_ASKED, recorded.PERMISSION_REPLIED)).toEqual([
      {
        type: "gate_opened",
        sessionId: "ses_a",
        gate: {
          kind: "permission",
          requestId: "per_1",
          subject: "bash",
          detail: "ls -la, pwd",
          always: ["ls *"],
          call: { hostMessageId: "msg_step", callId: "call_1" },
          openedAt: NOW,
        },
      },
      { type: "gate_closed", sessionId: "ses_a", requestId: "per_1", reply: "once" },
    ]);
  });

  test("a question opens a gate until it is answered or dismissed", () => {
    const closed = { type: "gate_closed", sessionId: "ses_a", requestId: "que_1" } as const;
    expect(decoded(recorded.QUESTION_ASKED, recorded.QUESTION_REPLIED, recorded.QUESTION_REJECTED)).toEqual([
      {
        type: "gate_opened",
        sessionId: "ses_a",
        gate: {
          kind: "question",
          requestId: "que_1",
          subject: "Colour",
          detail: "Which colour? / Which size?",
          call: { hostMessageId: "msg_step", callId: "call_2" },
          openedAt: NOW,
        },
      },
      { ...closed, reply: "answered" },
      { ...closed, reply: "reject" },
    ]);
  });
});

describe("repeats and strangers", () => {
  test("an event that two instances hand in is one fact", () => {
    const [first, second] = decoded(recorded.BUSY, structuredClone(recorded.BUSY));
    expect(first).toBeDefined();
    expect(second).toBeUndefined();
  });

  test("an event is forgotten only after thousands of others", () => {
    const decoder = eventDecoder(() => NOW);
    const other = (n: number): unknown => ({ ...(recorded.BUSY as object), id: `evt_other${n}` });
    decoder.decode(recorded.BUSY);
    for (let n = 0; n < 4_000; n += 1) decoder.decode(other(n));
    expect(decoder.decode(recorded.BUSY)).toBeUndefined();
    for (let n = 4_000; n < 9_000; n += 1) decoder.decode(other(n));
    expect(decoder.decode(recorded.BUSY)).toBeDefined();
  });

  test("text deltas, unknown kinds and broken payloads are nothing", () => {
    const broken = [
      "permission.asked",
      "message.updated",
      "message.removed",
      "session.status",
      "session.error",
    ];
    expect(
      decoded(
        recorded.DELTA,
        undefined,
        "session.idle",
        { id: "evt_x", type: "toString", properties: { sessionID: "ses_a" } },
        { id: "evt_y", type: "session.idle" },
        ...broken.map((type, n) => ({ id: `evt_${n}`, type, properties: { sessionID: "ses_a" } })),
      ),
    ).toEqual(Array(10).fill(undefined));
  });
});

describe("what other hooks tell", () => {
  const message = { id: "msg_1", sessionID: "ses_a", role: "user" };
  const mark = { runId: "run_1", batchId: "batch_1", round: 2 };

  test("a prompt of ours is told with its mark, a person's without", () => {
    const input = { sessionID: "ses_a", agent: "build" };
    const ours = { type: "text", text: "mail", metadata: { flotilla: { ...mark, reminder: true } } };
    const prompt = { type: "prompt_received", sessionId: "ses_a", hostMessageId: "msg_1" } as const;

    expect(promptReceived(input, { message, parts: [ours] })).toEqual({
      ...prompt,
      mark: { ...mark, reminder: true },
    });
    expect(promptReceived(input, { message, parts: [{ type: "text", text: "hello" }] })).toEqual(prompt);
    expect(promptReceived(undefined, undefined)).toBeUndefined();
  });

  test.each(["runId", "batchId", "round"])("a mark without its %s is none", (missing) => {
    const part = { type: "text", text: "mail", metadata: { flotilla: { ...mark, [missing]: undefined } } };
    expect(promptReceived({}, { message, parts: [part] })).not.toHaveProperty("mark");
  });

  test("a compaction that starts names its session", () => {
    expect(compactionStarted({ sessionID: "ses_a" })).toEqual({
      type: "compaction_started",
      sessionId: "ses_a",
    });
    expect(compactionStarted({})).toBeUndefined();
  });
});
