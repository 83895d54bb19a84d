import { describe, expect, test } from "bun:test";
import { meantSession, type ResumeSight, resumeRefusal } from "../../src/core/resume.ts";
import { emptyLedger, noteEnded, noteStarted } from "../../src/core/subagents.ts";

const REQUEST = { parentId: "ses_parent", taskId: "ses_child", agent: "general" };
const CHILD: ResumeSight = { parentId: "ses_parent", agent: "general", working: false };

const owner = { pid: 1, startTime: "proc:1", bootId: "b" };
const call = { callId: "call_1", hostMessageId: "msg_1", startedAt: 1, background: false };
const start = { sessionId: "ses_child", agent: "general", label: "Look", call };
const LEDGER = noteEnded(
  noteStarted(emptyLedger("ses_parent", owner), start),
  {
    hostMessageId: "msg_1",
    callId: "call_1",
    ending: "provider",
    sessionId: "ses_child",
    endedAt: 2,
    shells: [],
  },
  () => "note",
);

describe("a call that names a session to go on with", () => {
  test("means the session of that name in its own record, or the one with that id", () => {
    expect(meantSession({ ...REQUEST, taskId: "gen-1" }, LEDGER)).toEqual({
      kind: "session",
      sessionId: "ses_child",
    });
    expect(meantSession({ ...REQUEST, taskId: "ses_x" }, undefined)).toEqual({
      kind: "session",
      sessionId: "ses_x",
    });
    expect(meantSession({ ...REQUEST, taskId: "gen-1" }, undefined)).toMatchObject({
      refusal: { code: "subagent_unknown" },
    });
    expect(meantSession({ ...REQUEST, taskId: "gen-2" }, LEDGER)).toMatchObject({
      refusal: { hint: expect.stringContaining("gen-1 (general)") },
    });
  });

  test("may go on with a subagent of its own, of the same agent, that rests", () => {
    expect(resumeRefusal(REQUEST, CHILD, LEDGER)).toBeUndefined();
  });

  // The first reason decides: what is somebody else's is not told to be at work.
  test.each([
    ["that does not exist", undefined, "subagent_unknown"],
    ["of somebody else", { ...CHILD, parentId: "ses_other", working: true }, "subagent_foreign"],
    ["without a parent", { agent: "general", working: false }, "subagent_foreign"],
    ["of another agent", { ...CHILD, agent: "explore", working: true }, "subagent_type_differs"],
    ["that works", { ...CHILD, working: true }, "subagent_busy"],
  ] as const)("is refused one %s", (_case, sight, code) => {
    expect(resumeRefusal(REQUEST, sight, LEDGER)).toMatchObject({ refusal: { code } });
  });
});
