import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Fact } from "../../src/core/facts.ts";
import { deniedTools } from "../../src/core/permission-rules.ts";
import type { ToolName } from "../../src/core/tool-names.ts";
import { toolRules } from "../../src/core/tool-rules.ts";
import type { Prompt, SessionMark } from "../../src/ports.ts";
import {
  ADAPTER_PLUGIN,
  type AdapterDoor,
  DOOR_VARIABLE,
  DoorFault,
  enter,
} from "../opencode/adapter-door.ts";

import { type Bench, openBench } from "../support/bench.ts";
import { eventually } from "../support/eventually.ts";
import { call, fail, gate, hang, once, say } from "../support/model-replies.ts";
import { mentions, toolNames } from "../support/model-request.ts";
import { type Scratch, scratch } from "../support/scratch.ts";

/** A real host on two cores; a cold turn alone may take five seconds. */
const TEST_TIMEOUT_MS = 60_000;
const MODEL = { providerId: "mock", modelId: "m" };

let serial = 0;

/** A prompt of ours under fresh ids. */
function promptOf(sessionId: string, text: string, change: Partial<Prompt> = {}): Prompt {
  serial += 1;
  return {
    sessionId,
    hostMessageId: `msg_adapter${serial}`,
    hostPartId: `prt_adapter${serial}`,
    text,
    mark: { runId: "run_1", batchId: `batch_${serial}`, round: 0 },
    agent: "build",
    model: MODEL,
    ...change,
  };
}

function markOf(member: string, change: Partial<SessionMark> = {}): SessionMark {
  return { runId: "run_1", member, generation: 1, effectId: "run_1/1/0", ...change };
}

function factsOf<Type extends Fact["type"]>(
  facts: readonly Fact[],
  sessionId: string,
  type: Type,
): readonly Extract<Fact, { readonly type: Type }>[] {
  return facts.filter(
    (fact): fact is Extract<Fact, { readonly type: Type }> =>
      fact.type === type && fact.sessionId === sessionId,
  );
}

describe("the adapter inside opencode serve", () => {
  let doorway: Scratch;
  let bench: Bench;
  let door: AdapterDoor;

  beforeAll(async () => {
    doorway = await scratch("door");
    bench = await openBench({
      plugin: ADAPTER_PLUGIN,
      env: { [DOOR_VARIABLE]: doorway.at("door") },
      config: {
        // One recent turn stays beside the summary, so that a test sees where the visible history starts.
        compaction: { tail_turns: 1 },
        // Members are children: without a second level they would have no subagents of their own.
        subagent_depth: 2,
        permission: { bash: "ask", team_approve_shutdown: "deny" },
        agent: {
          reader: {
            mode: "subagent",
            description: "Reads.",
            model: "mock/n",
            variant: "high",
            permission: { edit: "deny", bash: { "*": "ask", "ls *": "allow" } },
          },
          mute: { mode: "all", description: "No mail.", permission: { team_send_message: "deny" } },
        },
      },
    });
    // The first request for a directory starts the plugin.
    await bench.host.session();
    door = await enter(doorway.at("door"));
  }, TEST_TIMEOUT_MS);

  beforeEach(() => {
    bench.model.unscript();
  });

  afterAll(async () => {
    await bench.dispose();
    await doorway.remove();
  });

  async function postAndSettle(sessionId: string, text: string): Promise<Prompt> {
    const prompt = promptOf(sessionId, text);
    expect(await door.post(prompt)).toEqual({ kind: "accepted" });
    await bench.model.request((request) => mentions(request, text) > 0);
    await bench.host.settled(sessionId);
    return prompt;
  }

  async function openMember(name: string, change: Partial<SessionMark> = {}): Promise<string> {
    const lead = await bench.host.session();
    return door.openSession({
      parentId: lead.id,
      title: name,
      directory: bench.host.work,
      agent: "general",
      model: MODEL,
      rules: [],
      mark: markOf(name, change),
    });
  }

  describe("sessions", () => {
    test(
      "a session is opened with its parent, agent, model, rules and mark, and is found by them",
      async () => {
        const lead = await bench.host.session();
        const rules = [{ permission: "question", pattern: "*", action: "deny" }] as const;
        const order = {
          parentId: lead.id,
          title: "ada",
          directory: bench.host.work,
          agent: "general",
          model: { ...MODEL, variant: "high" },
          rules,
          mark: markOf("ada"),
        };

        const sessionId = await door.openSession(order);

        expect(await door.session(sessionId)).toEqual({
          sessionId,
          parentId: lead.id,
          directory: bench.host.work,
          agent: "general",
          rules,
          undoStaged: false,
          mark: { runId: order.mark.runId, member: order.mark.member },
        });
        expect((await bench.host.find(sessionId))?.model).toEqual({
          id: "m",
          providerID: "mock",
          variant: "high",
        });
        expect(await door.findSession(lead.id, markOf("ada"))).toBe(sessionId);
        expect(await door.findSession(lead.id, markOf("ada", { generation: 2 }))).toBeUndefined();
        expect(await door.findSession(lead.id, markOf("bo"))).toBeUndefined();
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "of two sessions with one mark the one of the same effect is found",
      async () => {
        const lead = await bench.host.session();
        const order = {
          parentId: lead.id,
          title: "ada",
          directory: bench.host.work,
          agent: "general",
          rules: [],
        };

        await door.openSession({ ...order, mark: markOf("ada", { effectId: "run_1/1/0" }) });
        const second = await door.openSession({ ...order, mark: markOf("ada", { effectId: "run_1/2/0" }) });

        expect(await door.findSession(lead.id, markOf("ada", { effectId: "run_1/2/0" }))).toBe(second);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a session of another directory is a child like any other and runs there",
      async () => {
        const lead = await bench.host.session();
        const directory = join(bench.host.work, "elsewhere");
        await mkdir(directory);

        const sessionId = await door.openSession({
          parentId: lead.id,
          title: "cy",
          directory,
          agent: "general",
          model: MODEL,
          rules: [],
          mark: markOf("cy"),
        });
        await postAndSettle(sessionId, "Where are you?");

        expect(await door.findSession(lead.id, markOf("cy"))).toBe(sessionId);
        expect((await door.session(sessionId))?.directory).toBe(directory);
        expect((await door.lastTurn(sessionId, directory))?.step?.finish).toBe("stop");
        expect((await door.instances()).map((instance) => instance.directory)).toContain(directory);
        // Its facts arrive through its own instance and are gathered in one place.
        expect(factsOf(await door.facts(), sessionId, "step_ended")).toHaveLength(1);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "what does not exist is undefined, not an error",
      async () => {
        const gone = "ses_00000000000000000000000000";

        expect(await door.session(gone)).toBeUndefined();
        expect(await door.findSession(gone, markOf("ada"))).toBeUndefined();
        expect(await door.transcript(gone)).toBeUndefined();
        expect(await door.lastTurn(gone, bench.host.work)).toBeUndefined();
        expect(await door.promptStyle(gone)).toBeUndefined();
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "an undo that is not confirmed is seen",
      async () => {
        const { id } = await bench.host.session();
        const prompt = await postAndSettle(id, "Undo me.");

        await bench.host.call("POST", `/session/${id}/revert`, { body: { messageID: prompt.hostMessageId } });

        expect((await door.session(id))?.undoStaged).toBe(true);
      },
      TEST_TIMEOUT_MS,
    );
  });

  describe("posts", () => {
    test(
      "a post to an idle session starts a turn, and the list that is sent shows it",
      async () => {
        const sessionId = await openMember("ada");
        const prompt = await postAndSettle(sessionId, "Count the files.");

        const [request] = bench.model.requestsOf(sessionId);
        expect(mentions(request!, prompt.text)).toBe(1);
        const facts = await door.facts();
        expect(factsOf(facts, sessionId, "prompt_received")).toEqual([
          { type: "prompt_received", sessionId, hostMessageId: prompt.hostMessageId, mark: prompt.mark },
        ]);
        expect(factsOf(facts, sessionId, "list_shown")).toEqual([
          { type: "list_shown", sessionId, shown: [{ mark: prompt.mark, text: prompt.text }] },
        ]);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a completed model call is one fact, with the host's own token figures",
      async () => {
        const sessionId = await openMember("ada");
        const prompt = await postAndSettle(sessionId, "Answer.");

        const ended = factsOf(await door.facts(), sessionId, "step_ended");

        expect(ended).toHaveLength(1);
        expect(ended[0]?.step).toMatchObject({
          parentId: prompt.hostMessageId,
          finish: "stop",
          summary: false,
          tokens: { input: 60, output: 10, reasoning: 0, cacheRead: 40, cacheWrite: 0 },
        });
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "the same post twice is one message and one turn",
      async () => {
        const sessionId = await openMember("ada");
        const prompt = await postAndSettle(sessionId, "Only once.");

        expect(await door.post(prompt)).toEqual({ kind: "accepted" });
        // Answered only after the host has taken what came before it.
        await postAndSettle(sessionId, "And then this.");

        const entries = (await door.transcript(sessionId)) ?? [];
        expect(entries.filter((entry) => entry.marked.length > 0)).toHaveLength(2);
        expect(bench.model.requestsOf(sessionId)).toHaveLength(2);
        expect(mentions(bench.model.requestsOf(sessionId)[1]!, "Only once.")).toBe(1);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a post to a busy session stands in the next list of the running turn",
      async () => {
        const sessionId = await openMember("ada");
        const door1 = gate();
        bench.model.program({ when: sessionId, steps: [once(door1, call("glob", { pattern: "*.md" }))] });
        await door.post(promptOf(sessionId, "Look around."));
        await bench.model.request((request) => request.sessionId === sessionId);

        const late = promptOf(sessionId, "By the way.");
        expect(await door.post(late)).toEqual({ kind: "accepted" });
        await eventually(async () => {
          expect(factsOf(await door.facts(), sessionId, "prompt_received")).toHaveLength(2);
        });
        door1.open();
        await bench.host.settled(sessionId);

        const lists = factsOf(await door.facts(), sessionId, "list_shown");
        expect(lists.map((list) => list.shown.length)).toEqual([1, 2]);
        const steps = factsOf(await door.facts(), sessionId, "step_ended");
        expect(steps.map(({ step }) => step.finish)).toEqual(["tool-calls", "stop"]);
        // The list of the second step is told apart from the end of the first by what it already holds.
        expect(lists[1]?.lastStepId).toBe(steps[0]!.step.hostMessageId);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "an unknown agent is accepted and nothing is stored",
      async () => {
        const sessionId = await openMember("ada");

        expect(await door.post(promptOf(sessionId, "Nobody.", { agent: "nobody" }))).toEqual({
          kind: "accepted",
        });

        await eventually(async () => {
          const [errored] = factsOf(await door.facts(), sessionId, "session_errored");
          expect(errored?.error.message).toContain("nobody");
        });
        expect(await door.transcript(sessionId)).toEqual([]);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a session that is gone and ids that the host does not take are told apart",
      async () => {
        const sessionId = await openMember("ada");

        expect(await door.post(promptOf("ses_00000000000000000000000000", "Anybody?"))).toMatchObject({
          kind: "session_gone",
        });
        expect(await door.post(promptOf(sessionId, "Odd.", { hostMessageId: "mail_1" }))).toMatchObject({
          kind: "refused",
          status: 400,
        });
      },
      TEST_TIMEOUT_MS,
    );
  });

  describe("the end of a turn", () => {
    test(
      "a session without a turn is idle and has no step",
      async () => {
        const sessionId = await openMember("ada");
        expect(await door.lastTurn(sessionId, bench.host.work)).toEqual({ activity: "idle" });
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a turn that ended well has its finish and its text",
      async () => {
        const sessionId = await openMember("ada");
        bench.model.program({ when: sessionId, steps: [say("Seven files.")] });
        await postAndSettle(sessionId, "How many?");

        expect(await door.lastTurn(sessionId, bench.host.work)).toMatchObject({
          activity: "idle",
          step: { completed: true, finish: "stop", text: "Seven files." },
        });
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a provider's refusal ends the turn with its name, status and whether it may be repeated",
      async () => {
        const sessionId = await openMember("ada");
        bench.model.program({ when: sessionId, steps: [fail(400, { message: "no such deployment" })] });
        await postAndSettle(sessionId, "Fail.");

        const turn = await door.lastTurn(sessionId, bench.host.work);
        const error = { name: "APIError", message: "no such deployment", statusCode: 400, retryable: false };
        expect(turn).toMatchObject({ activity: "idle", step: { completed: true, error } });
        expect(turn?.step?.finish).toBeUndefined();
        expect(factsOf(await door.facts(), sessionId, "session_errored")[0]?.error).toEqual(error);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a back-off after a provider's error is work with a notice",
      async () => {
        const sessionId = await openMember("ada");
        bench.model.program({ when: sessionId, steps: [fail(503, { retryAfterSeconds: 30 })] });
        await door.post(promptOf(sessionId, "Try."));

        await eventually(async () => {
          const notices = factsOf(await door.facts(), sessionId, "session_busy");
          const retry = notices.find((fact) => fact.retry)?.retry;
          expect(retry?.attempt).toBe(1);
          expect(retry?.nextAt).toBeGreaterThan(Date.now());
        });
        expect((await door.lastTurn(sessionId, bench.host.work))?.activity).toBe("retry");

        await door.abort(sessionId);
        const turn = await door.lastTurn(sessionId, bench.host.work);
        // Cut in a back-off: complete, yet with neither finish nor error.
        expect(turn).toMatchObject({ activity: "idle", step: { completed: true, text: "" } });
        expect(turn?.step?.finish).toBeUndefined();
        expect(turn?.step?.error).toBeUndefined();
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "an abort resolves when the host has cleaned up",
      async () => {
        const sessionId = await openMember("ada");
        bench.model.program({ when: sessionId, steps: [hang()] });
        await door.post(promptOf(sessionId, "Never ends."));
        await bench.model.request((request) => request.sessionId === sessionId);
        expect((await door.lastTurn(sessionId, bench.host.work))?.activity).toBe("busy");

        await door.abort(sessionId);

        expect(await door.lastTurn(sessionId, bench.host.work)).toMatchObject({
          activity: "idle",
          step: { completed: true, error: { name: "MessageAbortedError" } },
        });
        // An idle session is aborted as well.
        await door.abort(sessionId);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "the turn of a session whose row is gone is stopped all the same",
      async () => {
        const sessionId = await openMember("ada");
        const leadId = (await door.session(sessionId))?.parentId ?? "";
        bench.model.program({ when: sessionId, steps: [hang()] });
        await door.post(promptOf(sessionId, "Outlive your parent."));
        const request = await bench.model.request((candidate) => candidate.sessionId === sessionId);

        await bench.host.remove(leadId);
        expect(await door.session(sessionId)).toBeUndefined();
        expect(request.outcome).toBe("pending");
        await door.abort(sessionId);

        await eventually(() => expect(request.outcome).toBe("left"));
        expect(factsOf(await door.facts(), sessionId, "session_deleted")).toHaveLength(1);
      },
      TEST_TIMEOUT_MS,
    );
  });

  describe("history", () => {
    test(
      "a transcript has our marks, who answered what, and where a failure was",
      async () => {
        const sessionId = await openMember("ada");
        const good = await postAndSettle(sessionId, "Well.");
        bench.model.program({ when: sessionId, steps: [fail(400)] });
        const bad = await postAndSettle(sessionId, "Badly.");

        const entries = (await door.transcript(sessionId)) ?? [];

        expect(
          entries.map(({ role, parentId, finish, failed }) => ({ role, parentId, finish, failed })),
        ).toEqual([
          { role: "user", parentId: undefined, finish: undefined, failed: false },
          { role: "assistant", parentId: good.hostMessageId, finish: "stop", failed: false },
          { role: "user", parentId: undefined, finish: undefined, failed: false },
          { role: "assistant", parentId: bad.hostMessageId, finish: undefined, failed: true },
        ]);
        expect(entries[0]).toMatchObject({
          hostMessageId: good.hostMessageId,
          marked: [{ mark: good.mark, text: good.text }],
          boundary: false,
          summary: false,
        });
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a transcript reaches at least as far back as asked, however many pages that takes",
      async () => {
        const { id } = await bench.host.session();
        for (let n = 0; n < 60; n += 1) await bench.host.promptAsync(id, `note ${n}`, { noReply: true });
        await eventually(async () => expect(await bench.host.messages(id)).toHaveLength(60));
        const stored = await bench.host.messages(id);

        expect((await door.transcript(id))?.map((entry) => entry.hostMessageId)).toEqual(
          stored.map(({ info }) => info.id),
        );
        const since = stored[55]!.info.time.created;
        const recent = (await door.transcript(id, since)) ?? [];
        expect(recent.length).toBeLessThan(60);
        expect(recent.map((entry) => entry.hostMessageId)).toContain(stored[55]!.info.id);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a compaction hides what stands before the turns that it keeps",
      async () => {
        const sessionId = await openMember("ada");
        const first = await postAndSettle(sessionId, "First.");
        const second = await postAndSettle(sessionId, "Second.");
        await bench.host.call("POST", `/session/${sessionId}/summarize`, {
          body: { providerID: "mock", modelID: "m" },
        });
        const third = await postAndSettle(sessionId, "Third.");

        const entries = (await door.transcript(sessionId)) ?? [];
        const at = entries.findIndex((entry) => entry.boundary);

        expect(entries[at]?.hostMessageId).toBe(second.hostMessageId);
        expect(entries.filter((entry) => entry.boundary)).toHaveLength(1);
        expect(entries.filter((entry) => entry.summary)).toHaveLength(1);
        // The very same is in the list that was sent: this is what the boundary claims.
        const shown = factsOf(await door.facts(), sessionId, "list_shown").at(-1)?.shown ?? [];
        expect(shown.map((batch) => batch.text)).toEqual([second.text, third.text]);
        expect(shown.map((batch) => batch.text)).not.toContain(first.text);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a compaction that keeps nothing hides everything before its own message, and lists of a compaction are announced",
      async () => {
        const sessionId = await openMember("ada");
        await postAndSettle(sessionId, "Alone.");
        await bench.host.call("POST", `/session/${sessionId}/summarize`, {
          body: { providerID: "mock", modelID: "m" },
        });
        const after = await postAndSettle(sessionId, "Afterwards.");

        const entries = (await door.transcript(sessionId)) ?? [];
        expect(entries.map((entry) => entry.boundary)).toEqual([false, false, true, false, false, false]);
        const facts = (await door.facts()).filter((fact) => fact.sessionId === sessionId);
        const told = facts
          .map((fact) => fact.type)
          .filter((type) => ["compaction_started", "list_shown", "session_compacted"].includes(type));
        expect(told).toEqual([
          "list_shown",
          "compaction_started",
          "list_shown",
          "session_compacted",
          "list_shown",
        ]);
        const shown = factsOf(facts, sessionId, "list_shown").at(-1)?.shown ?? [];
        expect(shown.map((batch) => batch.text)).toEqual([after.text]);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a compaction that failed hides nothing",
      async () => {
        const sessionId = await openMember("ada");
        await postAndSettle(sessionId, "Keep me.");
        bench.model.script((request) => (request.kind === "compaction" ? fail(400) : undefined));
        await bench.host.call("POST", `/session/${sessionId}/summarize`, {
          body: { providerID: "mock", modelID: "m" },
        });

        const entries = (await door.transcript(sessionId)) ?? [];
        expect(entries.some((entry) => entry.summary && entry.failed)).toBe(true);
        expect(entries.filter((entry) => entry.boundary)).toEqual([]);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "the style of a session is that of the newest prompt that is not ours",
      async () => {
        const { id } = await bench.host.session();
        await bench.host.prompt(id, "Only plan.", { agent: "plan", model: "n", variant: "high" });
        await postAndSettle(id, "Mail, posted as build.");

        expect(await door.promptStyle(id)).toEqual({
          agent: "plan",
          model: { providerId: "mock", modelId: "n", variant: "high" },
        });
        await bench.host.prompt(id, "Now build.", { agent: "build" });
        expect(await door.promptStyle(id)).toEqual({ agent: "build", model: MODEL });
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a message that a person takes back is a fact",
      async () => {
        const { id } = await bench.host.session();
        const prompt = await postAndSettle(id, "Take me back.");

        await bench.host.call("DELETE", `/session/${id}/message/${prompt.hostMessageId}`);

        await eventually(async () => {
          expect(factsOf(await door.facts(), id, "message_removed")).toEqual([
            { type: "message_removed", sessionId: id, hostMessageId: prompt.hostMessageId },
          ]);
        });
      },
      TEST_TIMEOUT_MS,
    );
  });

  describe("tool calls", () => {
    test(
      "a call that talks begins once and ends once",
      async () => {
        const sessionId = await openMember("ada");
        const command = "for n in 1 2 3 4 5; do echo $n; sleep 0.1; done";
        bench.model.program({ when: sessionId, steps: [call("bash", { command, description: "count" })] });
        await door.post(promptOf(sessionId, "Count."));
        const asked = await bench.host.event(
          ({ type, properties }) => type === "permission.asked" && properties["sessionID"] === sessionId,
        );
        // It runs for the host while it waits for its approval.
        expect(factsOf(await door.facts(), sessionId, "tool_ended")).toEqual([]);
        await bench.host.replyPermission(String(asked.properties["id"]), "once");
        await bench.host.settled(sessionId);

        await eventually(async () => {
          const facts = await door.facts();
          const [started, ...more] = factsOf(facts, sessionId, "tool_started");
          const { type: _, ...use } = started!;
          expect(use).toMatchObject({ tool: "bash", startedAt: expect.any(Number) });
          expect(more).toEqual([]);
          expect(factsOf(facts, sessionId, "tool_ended")).toEqual([
            { type: "tool_ended", ...use, endedAt: expect.any(Number), outcome: "completed" },
          ]);
        });
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a task that is aborted names its session from its beginning to its end",
      async () => {
        const sessionId = await openMember("ada");
        bench.model.program({
          when: sessionId,
          steps: [call("task", { description: "sub", prompt: "Never ends.", subagent_type: "general" })],
        });
        bench.model.program({ when: (request) => request.parentSessionId === sessionId, steps: [hang()] });
        await door.post(promptOf(sessionId, "Let another do it."));
        const { sessionId: subagent } = await bench.model.request(
          (request) => request.parentSessionId === sessionId,
        );
        await door.abort(sessionId);

        await eventually(async () => {
          const facts = await door.facts();
          const started = factsOf(facts, sessionId, "tool_started");
          expect(started.map(({ task }) => task?.metadata["sessionId"])).toEqual([subagent]);
          expect(factsOf(facts, sessionId, "tool_ended")).toMatchObject([
            {
              tool: "task",
              outcome: "failed",
              task: { input: { prompt: "Never ends." }, metadata: { sessionId: subagent } },
            },
          ]);
          expect(factsOf(facts, String(subagent), "session_opened")).toMatchObject([{ parentId: sessionId }]);
        });
      },
      TEST_TIMEOUT_MS,
    );
  });

  describe("gates", () => {
    test(
      "a permission opens a gate and its answer closes it",
      async () => {
        const sessionId = await openMember("ada");
        bench.model.program({
          when: sessionId,
          steps: [call("bash", { command: "pwd", description: "where" })],
        });
        await door.post(promptOf(sessionId, "Where?"));

        const open = await eventually(async () => {
          const gates = await door.openGates(bench.host.work);
          expect(gates).toHaveLength(1);
          return gates[0]!;
        });
        expect(open).toMatchObject({
          sessionId,
          gate: { kind: "permission", subject: "bash", detail: "pwd" },
        });
        const { requestId } = open.gate;
        expect(factsOf(await door.facts(), sessionId, "gate_opened")[0]?.gate.requestId).toBe(requestId);

        expect(await door.answerPermission(bench.host.work, { requestId, reply: "once" })).toBe(true);
        await bench.host.settled(sessionId);

        expect(await door.openGates(bench.host.work)).toEqual([]);
        expect(factsOf(await door.facts(), sessionId, "gate_closed")).toEqual([
          { type: "gate_closed", sessionId, requestId, reply: "once" },
        ]);
        expect(await door.answerPermission(bench.host.work, { requestId, reply: "once" })).toBe(false);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a question opens a gate and its dismissal closes it",
      async () => {
        const { id } = await bench.host.session();
        const question = {
          question: "Which colour?",
          header: "Colour",
          options: [{ label: "Red", description: "" }],
        };
        bench.model.program({ when: id, steps: [call("question", { questions: [question] })] });
        await door.post(promptOf(id, "Ask me."));

        const open = await eventually(async () => {
          const gates = await door.openGates(bench.host.work);
          expect(gates).toHaveLength(1);
          return gates[0]!;
        });
        expect(open).toMatchObject({
          sessionId: id,
          gate: { kind: "question", subject: "Colour", detail: "Which colour?" },
        });

        await bench.host.call("POST", `/question/${open.gate.requestId}/reject`, { body: {} });
        await eventually(async () => {
          expect(factsOf(await door.facts(), id, "gate_closed")).toHaveLength(1);
        });
        expect(await door.openGates(bench.host.work)).toEqual([]);
      },
      TEST_TIMEOUT_MS,
    );
  });

  describe("the offer of tools", () => {
    const teamTools = (names: readonly string[]): readonly string[] =>
      names.filter((name) => name.startsWith("team_"));

    async function offeredIn(sessionId: string, agent = "build"): Promise<readonly string[]> {
      await bench.host.prompt(sessionId, "What can you do?", { agent });
      return teamTools(toolNames(bench.model.requestsOf(sessionId).at(-1)!));
    }

    async function deniedTo(agent: string): Promise<readonly ToolName[]> {
      const found = (await door.agents(bench.host.work)).find(({ name }) => name === agent);
      return deniedTools(found?.rules ?? []);
    }

    test(
      "an ordinary session is offered the entrance only",
      async () => {
        const { id } = await bench.host.session();
        expect(await offeredIn(id)).toEqual(["team_create", "team_list"]);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "an agent that denies everything it does not name is offered nothing",
      async () => {
        const { id } = await bench.host.session();
        expect(await offeredIn(id, "explore")).toEqual([]);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "rules added to a session are seen by its next turn, and adding them again adds nothing",
      async () => {
        const { id } = await bench.host.session();
        await offeredIn(id);
        const rules = toolRules("lead", await deniedTo("build"));

        await door.addRules(id, rules);
        const offered = await offeredIn(id);
        // A denial that the user wrote is not lifted, not even for a lead.
        expect(offered).not.toContain("team_approve_shutdown");
        expect(offered).toHaveLength(11);

        const before = (await door.session(id))?.rules.length;
        await door.addRules(id, rules);
        expect((await door.session(id))?.rules).toHaveLength(before ?? 0);

        await door.addRules(id, toolRules("ordinary"));
        expect(await offeredIn(id)).toEqual(["team_create", "team_list"]);
        await door.addRules(id, rules);
        expect(await offeredIn(id)).toEqual(offered);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a member is offered its set, and its subagents none",
      async () => {
        const lead = await bench.host.session();
        const sessionId = await door.openSession({
          parentId: lead.id,
          title: "ada",
          directory: bench.host.work,
          agent: "build",
          model: MODEL,
          rules: toolRules("member", await deniedTo("build")),
          mark: markOf("ada"),
        });
        bench.model.program({
          when: sessionId,
          steps: [call("task", { description: "Look", prompt: "Look around.", subagent_type: "general" })],
        });
        await postAndSettle(sessionId, "Delegate.");

        const offered = teamTools(toolNames(bench.model.requestsOf(sessionId)[0]!));
        expect(offered).toHaveLength(9);
        expect(offered).not.toContain("team_create");
        expect(offered).not.toContain("team_delete");
        const [subagent] = await bench.host.children(sessionId);
        expect(teamTools(toolNames(bench.model.requestsOf(subagent!.id)[0]!))).toEqual([]);
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "an agent's rules are the user's and its own, without what we withhold",
      async () => {
        const agents = await door.agents(bench.host.work);
        const reader = agents.find(({ name }) => name === "reader")!;

        expect(reader).toMatchObject({
          mode: "subagent",
          description: "Reads.",
          model: { providerId: "mock", modelId: "n", variant: "high" },
        });
        expect(reader.rules).toContainEqual({ permission: "bash", pattern: "ls *", action: "allow" });
        expect(reader.rules).toContainEqual({ permission: "edit", pattern: "*", action: "deny" });
        expect(agents.find(({ name }) => name === "build")).toMatchObject({ mode: "primary" });
        for (const agent of agents) {
          const own = agent.rules.filter((rule) => rule.permission.startsWith("team_"));
          const expected =
            agent.name === "mute"
              ? ["team_approve_shutdown", "team_send_message"]
              : ["team_approve_shutdown"];
          expect(own.map((rule) => rule.permission)).toEqual(expected);
        }
      },
      TEST_TIMEOUT_MS,
    );
  });

  describe("instances", () => {
    test(
      "the host is reached through another instance when one is disposed",
      async () => {
        const directory = join(bench.host.work, "second");
        await mkdir(directory);
        const session = await bench.host.session({ directory });
        await eventually(async () => {
          expect((await door.instances()).map((instance) => instance.directory)).toContain(directory);
        });

        await bench.host.call("POST", "/instance/dispose", { query: { directory } });

        const disposed = (await door.instances()).find((instance) => instance.directory === directory);
        expect(disposed?.alive).toBe(false);
        expect((await door.session(session.id))?.directory).toBe(directory);
        expect(await door.openGates(directory)).toEqual([]);
        await postAndSettle(session.id, "Still there?");
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "a line for the log and a toast are taken",
      async () => {
        await door.log("warn", "a line from the adapter", { runId: "run_1" });
        await door.toast(bench.host.work, "info", "hello");

        await eventually(async () => {
          expect(await bench.host.ground.log()).toContain("a line from the adapter");
        });
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "an answer that is no success is an error with its status",
      async () => {
        const broken = door.session("not-a-session");
        await expect(broken).rejects.toBeInstanceOf(DoorFault);
        await expect(broken).rejects.toMatchObject({ code: "host_refused", details: { status: 500 } });
      },
      TEST_TIMEOUT_MS,
    );

    test(
      "how the host was started is known",
      async () => {
        expect(await door.launch()).toEqual({ mode: "serve", autoApprove: false });
      },
      TEST_TIMEOUT_MS,
    );
  });
});

describe("the adapter inside opencode run, where nothing listens", () => {
  test(
    "everything is reached through the client in the process",
    async () => {
      await using doorway = await scratch("door");
      await using bench = await openBench({
        plugin: ADAPTER_PLUGIN,
        serve: false,
        env: { [DOOR_VARIABLE]: doorway.at("door") },
        config: { permission: { bash: "ask" } },
      });
      const { host, model } = bench;
      const held = gate();
      model.script((request) =>
        request.lastUserText.includes("Hold on.") ? once(held, say("Done.")) : undefined,
      );
      const running = host.launch(["run", "--auto", "Hold on."]);
      const door = await enter(doorway.at("door"));
      const { sessionId: leadId } = await model.request((request) => request.kind === "turn");
      const lead = leadId ?? "";

      expect(await door.launch()).toEqual({ mode: "run", autoApprove: true });
      expect(await door.session(lead)).toMatchObject({ sessionId: lead, directory: host.work });
      const sessionId = await door.openSession({
        parentId: lead,
        title: "ada",
        directory: host.work,
        agent: "general",
        model: MODEL,
        rules: toolRules("member"),
        mark: markOf("ada"),
      });
      expect(await door.findSession(lead, markOf("ada"))).toBe(sessionId);

      const prompt = promptOf(sessionId, "Count.");
      expect(await door.post(prompt)).toEqual({ kind: "accepted" });
      await eventually(async () => {
        expect(await door.lastTurn(sessionId, host.work)).toMatchObject({
          activity: "idle",
          step: { completed: true, finish: "stop", text: "ok." },
        });
      });
      expect((await door.transcript(sessionId))?.[0]?.marked).toEqual([
        { mark: prompt.mark, text: prompt.text },
      ]);
      expect(await door.promptStyle(lead)).toMatchObject({ agent: "build", model: MODEL });
      expect(await door.openGates(host.work)).toEqual([]);
      expect((await door.agents(host.work)).map(({ name }) => name)).toContain("general");
      expect(toolNames(model.requestsOf(sessionId)[0]!)).toContain("team_send_message");

      model.program({ when: sessionId, steps: [hang()] });
      await door.post(promptOf(sessionId, "Never ends."));
      await model.request((request) => request.lastUserText === "Never ends.");
      await door.abort(sessionId);
      expect((await door.lastTurn(sessionId, host.work))?.step?.error?.name).toBe("MessageAbortedError");

      const facts = await door.facts();
      expect(factsOf(facts, sessionId, "list_shown")[0]?.shown).toEqual([
        { mark: prompt.mark, text: prompt.text },
      ]);
      expect(factsOf(facts, sessionId, "session_opened")).toEqual([
        { type: "session_opened", sessionId, parentId: lead, isMember: true },
      ]);

      held.open();
      expect(await running.ended).toBe(0);
    },
    TEST_TIMEOUT_MS,
  );
});
