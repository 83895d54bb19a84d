import { describe, expect, test } from "bun:test";
import type { ToolContext, ToolDefinition } from "@opencode-ai/plugin";
import { TOOL_NAMES } from "../../src/core/tool-names.ts";
import { FlotillaError } from "../../src/errors.ts";
import { tools } from "../../src/tools/index.ts";
import { once } from "../../src/tools/once.ts";
import { type Outcomes, recordingVerbs } from "./recording-verbs.ts";

const LETTER = { to: "ada", body: "hi" };

function context(more: Readonly<Record<string, unknown>> = {}): ToolContext {
  return {
    sessionID: "ses_1",
    messageID: "msg_1",
    callID: "call_1",
    agent: "build",
    directory: "/project/sub",
    worktree: "/project",
    abort: new AbortController().signal,
    ...more,
  } as unknown as ToolContext;
}

interface Fitted {
  readonly fitted: Readonly<Record<string, ToolDefinition>>;
  readonly asked: ReturnType<typeof recordingVerbs>["asked"];
  readonly reports: readonly (readonly [string, unknown])[];
}

function onHost(outcomes: Outcomes = {}): Fitted {
  const { verbs, asked } = recordingVerbs(outcomes);
  const reports: [string, unknown][] = [];
  return { fitted: tools(verbs, (name, fault) => reports.push([name, fault])), asked, reports };
}

async function faultOf(outcome: Promise<unknown>): Promise<Error> {
  const fault = await outcome.catch((thrown: unknown) => thrown);
  if (fault instanceof Error) return fault;
  throw new Error(`it did not fail: ${fault}`);
}

describe("the host's tools", () => {
  test("all twelve are there", () => {
    expect(Object.keys(onHost().fitted)).toEqual([...TOOL_NAMES]);
  });

  test("who calls comes from the host's context", async () => {
    const { fitted, asked } = onHost();
    const abort = new AbortController().signal;
    await fitted["team_send_message"]!.execute(LETTER, context({ abort }));
    expect(asked[0]!.call).toEqual({
      sessionId: "ses_1",
      messageId: "msg_1",
      callId: "call_1",
      directory: "/project/sub",
      worktree: "/project",
      signal: abort,
    });
  });
});

describe("a repeated call", () => {
  test("has the first one's answer and no second effect", async () => {
    const { fitted, asked } = onHost();
    const send = fitted["team_send_message"]!;
    const both = await Promise.all([send.execute(LETTER, context()), send.execute(LETTER, context())]);
    expect(both[0]).toBe(both[1]);
    expect(await send.execute(LETTER, context())).toBe(both[0]!);
    expect(asked).toHaveLength(1);
  });

  test("has the first one's refusal too, and it is reported once", async () => {
    const { fitted, asked, reports } = onHost({ sendMessage: new Error("disk on fire") });
    const send = fitted["team_send_message"]!;
    const first = await faultOf(send.execute(LETTER, context()));
    expect(await faultOf(send.execute(LETTER, context()))).toBe(first);
    expect(asked).toHaveLength(1);
    expect(reports).toHaveLength(1);
  });

  test("is one only with the same session, assistant message and call id", async () => {
    const { fitted, asked } = onHost();
    const send = fitted["team_send_message"]!;
    for (const other of [{}, { sessionID: "ses_2" }, { messageID: "msg_2" }, { callID: "call_2" }]) {
      await send.execute(LETTER, context(other));
    }
    expect(asked).toHaveLength(4);
  });

  test("is not seen in calls that have no id", async () => {
    const { fitted, asked } = onHost();
    const send = fitted["team_send_message"]!;
    await send.execute(LETTER, context({ callID: undefined }));
    await send.execute(LETTER, context({ callID: undefined }));
    expect(new Set(asked.map(({ call }) => call.callId)).size).toBe(2);
  });

  test("is remembered for a bounded number of calls, the oldest forgotten first", async () => {
    const begun: string[] = [];
    const guarded = once<string>(2);
    const ask = (key: string): Promise<string> =>
      guarded(key, async () => {
        begun.push(key);
        return key;
      });
    for (const key of ["a", "b", "a", "c", "b", "c", "a"]) expect(await ask(key)).toBe(key);
    expect(begun).toEqual(["a", "b", "c", "a"]);
  });
});

describe("an error for a model", () => {
  test("reads as code, what is so, and the next step", async () => {
    const refusal = new FlotillaError({
      code: "member_unknown",
      message: 'member "bo" is unknown in run run_1; members are ada, cy',
      hint: "Call team_status.",
    });
    const { fitted, reports } = onHost({ sendMessage: refusal });
    const fault = await faultOf(fitted["team_send_message"]!.execute(LETTER, context()));
    expect(fault.message).toBe(
      'member_unknown: member "bo" is unknown in run run_1; members are ada, cy. Call team_status.',
    );
    expect(fault.cause).toBe(refusal);
    expect(reports).toEqual([]);
  });

  test("does not double a full stop", async () => {
    const refusal = new FlotillaError({ code: "body_empty", message: "It is empty.", hint: "Write one." });
    const { fitted } = onHost({ sendMessage: refusal });
    const fault = await faultOf(fitted["team_send_message"]!.execute(LETTER, context()));
    expect(fault.message).toBe("body_empty: It is empty. Write one.");
  });

  test("a wrong argument is refused before anything is asked, and is nobody's fault to report", async () => {
    const { fitted, asked, reports } = onHost();
    const fault = await faultOf(fitted["team_send_message"]!.execute({ body: "hi" }, context()));
    expect(fault.message).toBe(
      "argument_invalid: team_send_message: to is missing. Arguments of team_send_message: to, body, summary?, kind?, correlationId?, references?.",
    );
    expect([asked, reports]).toEqual([[], []]);
  });

  test("a fault of the world keeps its code and is reported", async () => {
    const slow = new FlotillaError({ code: "host_timeout", message: "no answer in 5 s", hint: "Try again." });
    const { fitted, reports } = onHost({ reportStatus: slow });
    const fault = await faultOf(fitted["team_status"]!.execute({}, context()));
    expect(fault.message).toBe("host_timeout: no answer in 5 s. Try again.");
    expect(reports).toEqual([["team_status", slow]]);
  });

  test("anything unexpected becomes internal, with a way on, and is reported as it was", async () => {
    const defect = new TypeError("x is undefined");
    const { fitted, reports } = onHost({ reportStatus: defect });
    const fault = await faultOf(fitted["team_status"]!.execute({}, context()));
    expect(fault.message).toStartWith(
      "internal: team_status failed: x is undefined. This is a defect of the plugin",
    );
    expect(fault.cause).toBe(defect);
    expect(reports).toEqual([["team_status", defect]]);
  });
});
