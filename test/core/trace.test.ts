import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Command } from "../../src/core/commands.ts";
import type { JournalEntry } from "../../src/core/effects.ts";
import type { ToolRun } from "../../src/core/facts.ts";
import { Chronicle } from "../../src/core/trace/chronicle.ts";
import { REVISION } from "../../src/core/trace/conventions.ts";
import type { Span } from "../../src/core/trace/span.ts";
import { spansOf as spansOfJournal } from "../../src/core/trace/tree.ts";
import { systemIds } from "../../src/system/ids.ts";
import { opened, permission, runPlan, Story, send, stepped } from "./decide-builders.ts";

const ABOUT = { runId: "run_1", pluginVersion: "1.2.3", label: "here", digest: systemIds.digest };

function chronicle(): Chronicle {
  return new Chronicle(ABOUT);
}

function spansOf(journal: readonly JournalEntry[], runId = "run_1"): readonly Span[] {
  return spansOfJournal(journal, { ...ABOUT, runId });
}

function named(spans: readonly Span[], name: string): readonly Span[] {
  return spans.filter((span) => span.name === name);
}

function only(spans: readonly Span[], name: string): Span {
  const [span, ...others] = named(spans, name);
  if (!span || others.length > 0) throw new Error(`${others.length + (span ? 1 : 0)} spans ${name}`);
  return span;
}

function at(story: Story, ms: number): void {
  story.now += ms;
}

function step(
  story: Story,
  name: string,
  parts: Parameters<typeof stepped>[2] = {},
  more: Partial<Command> = {},
): void {
  at(story, 10);
  story.accept({ ...stepped(name, story.now, parts), ...more } as Command);
}

const run = (callId: string, parts: Partial<ToolRun> = {}): ToolRun => ({
  hostMessageId: "msg_a",
  callId,
  tool: "bash",
  startedAt: 1,
  endedAt: 2,
  outcome: "completed",
  ...parts,
});

const close: Command = { type: "close_run", force: true, reason: "done", unread: {} };
const ask = (participant: string, requestId: string, parts: object = {}): Command => ({
  type: "note_gate_opened",
  participant,
  gate: { ...permission(requestId), ...parts },
});
const answer = (participant: string, requestId: string, reply: "once" | "reject"): Command => ({
  type: "note_gate_closed",
  participant,
  requestId,
  reply,
});

function finished(story: Story): readonly Span[] {
  story.accept(close);
  story.accept({ type: "finish_run" });
  return spansOf(story.journal);
}

describe("a run", () => {
  test("is one trace: the run, below it each activation, below that its model calls and tools", () => {
    const story = Story.active(["ada", "bo"], { label: "first" });
    for (const name of ["ada", "bo"]) {
      story.start(name, "brief");
      step(story, name, { tokens: 100 }, { tools: [run(`call_${name}`)] } as Partial<Command>);
      story.settle(name);
    }
    const spans = finished(story);

    const root = only(spans, "invoke_workflow explorers");
    expect(spans.filter((span) => span.parentId === undefined)).toEqual([root]);
    expect(new Set(spans.map((span) => span.traceId)).size).toBe(1);
    expect(root).toMatchObject({
      kind: "internal",
      attributes: {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "explorers",
        "opencode.team.run_id": "run_1",
        "opencode.team.run_label": "first",
        "opencode.team.input_tokens": 200,
      },
    });
    for (const name of ["ada", "bo"]) {
      const activation = only(spans, `invoke_agent ${name}`);
      expect(activation).toMatchObject({
        parentId: root.spanId,
        kind: "internal",
        attributes: {
          "gen_ai.agent.name": name,
          "gen_ai.agent.id": `run_1/${name}`,
          "gen_ai.conversation.id": `ses_${name}_1`,
          "gen_ai.provider.name": "mock",
          "gen_ai.request.model": "m",
          "gen_ai.usage.input_tokens": 100,
          "opencode.team.spawn_seq": 1,
          "opencode.team.activation": 1,
          "opencode.team.cause": "brief",
        },
      });
      const below = spans.filter((span) => span.parentId === activation.spanId);
      expect(below.map((span) => [span.name, span.kind])).toEqual([
        ["chat m", "client"],
        ["execute_tool bash", "internal"],
      ]);
      for (const span of below) {
        expect(span.attributes).toMatchObject({
          "gen_ai.conversation.id": `ses_${name}_1`,
          "gen_ai.agent.name": name,
        });
        expect(span.attributes).not.toHaveProperty("opencode.team.correlation");
      }
    }
    for (const span of spans) {
      expect(span.attributes).toMatchObject({
        "opencode.team.plugin.version": "1.2.3",
        "opencode.team.semconv": REVISION,
      });
      expect(span.spanId).toMatch(/^[0-9a-f]{16}$/);
      expect(span.traceId).toMatch(/^[0-9a-f]{32}$/);
    }
    expect(new Set(spans.map((span) => span.spanId)).size).toBe(spans.length);
  });

  test("has the label of the installation if it was given none", () => {
    const root = only(finished(Story.active(["ada"])), "invoke_workflow explorers");
    expect(root.attributes["opencode.team.run_label"]).toBe("here");
  });

  test("shares no span with another of the same team", () => {
    const spans = finished(Story.active(["ada"]));
    const others = spansOf(Story.active(["ada"]).journal, "run_2");
    const ids = new Set(spans.map((span) => span.spanId));
    expect(others.filter((span) => ids.has(span.spanId) || span.traceId === spans[0]?.traceId)).toEqual([]);
  });

  test("begins with the lead's turn, and with the model call in which the lead created it", () => {
    const story = new Story(runPlan(["ada"]));
    const createdAt = story.now;
    story.accept({ ...stepped("lead", story.now + 5, { startedAt: createdAt - 500 }) });
    story.open("ada");
    story.start("lead", "foreign");
    const spans = finished(story);
    expect(only(spans, "invoke_workflow explorers").startedAt).toBe(createdAt - 500);
    const lead = only(spans, "invoke_agent lead");
    expect(lead.startedAt).toBe(createdAt - 500);
    expect(only(spans, "chat m").parentId).toBe(lead.spanId);
  });
});

describe("an activation", () => {
  test("is one span each time a member is woken, in the same trace", () => {
    const story = Story.active(["ada"]);
    for (let turn = 1; turn <= 3; turn += 1) {
      story.start("ada", "lead");
      step(story, "ada");
      story.settle("ada", { stepId: `msg_${turn}` });
    }
    const spans = finished(story);
    const activations = named(spans, "invoke_agent ada");
    expect(activations.map((span) => span.attributes["opencode.team.activation"])).toEqual([1, 2, 3]);
    expect(named(spans, "chat m").map((span) => span.parentId)).toEqual(
      activations.map((span) => span.spanId),
    );
  });

  test("of a name that comes back is its own, whichever ends first", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    step(story, "ada", { hostMessageId: "msg_first" });
    story.accept(story.deleted("ses_ada_1"));
    story.accept({ type: "add_members", by: "lead", plans: runPlan(["ada"]).members });
    story.open("ada", 2);
    story.start("ada", "brief");
    at(story, 1);
    story.accept(stepped("ada", story.now, { hostMessageId: "msg_second" }));
    story.settle("ada");
    const spans = finished(story);
    const [first, second] = named(spans, "invoke_agent ada");
    expect(first).toMatchObject({
      attributes: { "opencode.team.spawn_seq": 1, "error.type": "session_lost" },
      error: "its session was deleted",
    });
    expect(second?.attributes).toMatchObject({ "opencode.team.spawn_seq": 2 });
    expect(
      named(spans, "chat m").map((span) => [span.parentId, span.attributes["opencode.message.id"]]),
    ).toEqual([
      [first?.spanId, "msg_first"],
      [second?.spanId, "msg_second"],
    ]);
  });

  test("that failed has the host's error, ends after its last call, and ends once", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    const error = { name: "APIError", message: "secret words", statusCode: 400 };
    step(story, "ada", { error, completedAt: story.now + 20 });
    story.settle("ada", { outcome: "failed", fault: error });
    expect(story.decide(story.settled("ada", { outcome: "failed", fault: error })).kind).toBe("unchanged");
    const spans = finished(story);
    const activation = only(spans, "invoke_agent ada");
    const chat = only(spans, "chat m");
    expect(activation).toMatchObject({ error: "APIError", attributes: { "error.type": "APIError" } });
    expect(activation.endedAt).toBeGreaterThanOrEqual(chat.endedAt);
    expect(chat).toMatchObject({ error: "APIError", attributes: { "error.type": "APIError" } });
    expect(chat.attributes).not.toHaveProperty("gen_ai.usage.input_tokens");
    expect(JSON.stringify(spans)).not.toContain("secret words");
  });

  test("of a process that died ends when it was last heard of; a late call still belongs to it", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    step(story, "ada", { hostMessageId: "msg_seen" });
    const lastAt = story.now;
    at(story, 60_000);
    story.accept(stepped("ada", lastAt + 5, { hostMessageId: "msg_late" }));
    story.settle("ada", { outcome: "failed", abandoned: true });
    const spans = finished(story);
    const activation = only(spans, "invoke_agent ada");
    expect(activation).toMatchObject({
      endedAt: lastAt + 5,
      error: "the process that ran it is gone",
      attributes: { "error.type": "process_lost", "opencode.team.orphan_reason": "process_lost" },
    });
    expect(named(spans, "chat m").map((span) => span.parentId)).toEqual([
      activation.spanId,
      activation.spanId,
    ]);
  });

  test("ends with its process if that goes in an orderly way, and the run with it; what follows stays below them", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    story.accept({ type: "note_orphaned" });
    story.accept({ type: "note_adopted" });
    story.settle("ada", { outcome: "failed", abandoned: true });
    story.start("ada", "notice");
    step(story, "ada");
    story.settle("ada", { stepId: "msg_2" });
    const spans = finished(story);
    const root = only(spans, "invoke_workflow explorers");
    const [cut, next] = named(spans, "invoke_agent ada");
    for (const span of [root, cut]) expect(span?.attributes["opencode.team.orphan_reason"]).toBe("shutdown");
    expect(next).toMatchObject({ parentId: root.spanId, attributes: { "opencode.team.activation": 2 } });
    expect(only(spans, "chat m").parentId).toBe(next?.spanId as string);
  });

  test("of a session that nobody is known to have opened is left out, and its calls stand below the run, marked", () => {
    const story = Story.active(["ada", "bo"]);
    for (const name of ["ada", "bo"]) {
      story.start(name, "brief");
      step(story, name, {}, { tools: [run(`call_${name}`)] } as Partial<Command>);
      story.settle(name);
    }
    story.accept(close);
    story.accept({ type: "finish_run" });
    const whole = spansOf(story.journal);
    const spans = spansOf(
      story.journal.filter((line) => line.event !== "session_opened" || line["member"] !== "ada"),
    );
    const root = only(spans, "invoke_workflow explorers");
    const grouped = spans.filter((span) => span.attributes["opencode.team.correlation"] === "grouped");
    expect(grouped.map((span) => [span.name, span.parentId, span.attributes["gen_ai.agent.name"]])).toEqual([
      ["chat m", root.spanId, "ada"],
      ["execute_tool bash", root.spanId, "ada"],
    ]);
    const ofBo = (all: readonly Span[]) =>
      all.filter((span) => span.attributes["gen_ai.agent.name"] === "bo");
    expect(ofBo(spans)).toEqual(ofBo(whole));
  });
});

describe("a member that does not start", () => {
  test("is one span with the reason, and nothing below it", () => {
    const story = new Story(
      runPlan(["ada", "bo"], { rejected: [{ name: "cy", agent: "oracle", error: "is read-only" }] }),
    );
    story.open("ada");
    story.spawnFailed("bo", "no such model");
    const spans = finished(story);
    expect(only(spans, "invoke_agent bo")).toMatchObject({
      error: "no such model",
      attributes: { "error.type": "spawn_failed", "opencode.team.spawn_seq": 1 },
    });
    expect(only(spans, "invoke_agent cy")).toMatchObject({
      error: "is read-only",
      attributes: { "error.type": "member_rejected", "opencode.team.agent_type": "oracle" },
    });
    expect(named(spans, "invoke_agent ada")).toEqual([]);
  });
});

describe("a model call", () => {
  test("counts what was read from the cache as input, and thoughts as output", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    const tokens = { input: 60, output: 5, reasoning: 7, cacheRead: 40, cacheWrite: 3 };
    const command = stepped("ada", story.now + 1, { cost: 0.25 });
    story.accept({ ...command, step: { ...command.step, tokens } });
    expect(only(finished(story), "chat m").attributes).toMatchObject({
      "gen_ai.usage.input_tokens": 103,
      "gen_ai.usage.output_tokens": 12,
      "gen_ai.usage.reasoning.output_tokens": 7,
      "gen_ai.usage.cache_read.input_tokens": 40,
      "gen_ai.usage.cache_creation.input_tokens": 3,
      "gen_ai.response.finish_reasons": ["stop"],
      "opencode.team.cost": 0.25,
    });
  });

  test.each([
    ["amazon-bedrock", "aws.bedrock"],
    ["anthropic", "anthropic"],
    ["my-own", "my-own"],
    ["constructor", "constructor"],
  ])("of provider %s is one of %s", (providerId, name) => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    step(story, "ada", { providerId });
    expect(only(finished(story), "chat m").attributes["gen_ai.provider.name"]).toBe(name);
  });
});

describe("a tool call", () => {
  test("that failed says why, and one whose step was never told stands with the turn", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    const failed = run("call_2", { outcome: "failed", reason: "tool_error" });
    step(story, "ada", {}, { tools: [run("call_1"), failed] } as Partial<Command>);
    story.settle("ada", { tools: [run("call_3", { outcome: "failed", reason: "aborted" })] });
    const spans = finished(story);
    const activation = only(spans, "invoke_agent ada");
    const tools = named(spans, "execute_tool bash");
    expect(
      tools.map((span) => [span.attributes["gen_ai.tool.call.id"], span.attributes["error.type"]]),
    ).toEqual([
      ["call_1", undefined],
      ["call_2", "tool_error"],
      ["call_3", "aborted"],
    ]);
    expect(tools.map((span) => span.error)).toEqual([undefined, "the tool failed", "stopped before its end"]);
    expect(tools.every((span) => span.parentId === activation.spanId)).toBe(true);
  });
});

describe("a subagent", () => {
  test("stands below the call that let it work, and what it uses is its member's", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    const call = { hostMessageId: "msg_a", callId: "call_task" };
    const below = { sessionId: "ses_sub", call };
    step(story, "ada", { tokens: 7, agent: "explore", hostMessageId: "msg_sub" }, {
      below,
      tools: [run("call_1")],
    } as Partial<Command>);
    step(story, "ada", { tokens: 5 }, { tools: [run("call_task", { tool: "task" })] } as Partial<Command>);
    story.settle("ada");
    const spans = finished(story);
    const task = only(spans, "execute_tool task");
    expect(task.parentId).toBe(only(spans, "invoke_agent ada").spanId);
    const inside = spans.filter((span) => span.parentId === task.spanId);
    expect(inside.map((span) => span.name)).toEqual(["chat m", "execute_tool bash"]);
    for (const span of inside) {
      expect(span.attributes).toMatchObject({
        "gen_ai.agent.name": "explore",
        "gen_ai.conversation.id": "ses_sub",
        "opencode.team.subagent_of": "ada",
      });
    }
    expect(only(spans, "invoke_agent ada").attributes["gen_ai.usage.input_tokens"]).toBe(12);
    expect(story.member("ada").usage.tokens).toBe(12);
  });
});

describe("a wait for an approval", () => {
  const call = { hostMessageId: "msg_a", callId: "call_1" };

  test("is told with the tool call that waited, and its length with the activation", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    story.accept(ask("ada", "per_1", { call }));
    at(story, 3_000);
    story.accept(answer("ada", "per_1", "reject"));
    const rejected = run("call_1", { outcome: "failed", reason: "permission_rejected" });
    step(story, "ada", {}, { tools: [rejected] } as Partial<Command>);
    story.settle("ada");
    const spans = finished(story);
    const tool = only(spans, "execute_tool bash");
    expect(tool).toMatchObject({
      error: "permission rejected",
      attributes: { "error.type": "permission_rejected", "opencode.team.approval_wait_ms": 3_001 },
      events: [
        { name: "permission.asked", attributes: { request: "per_1", permission: "bash" } },
        { name: "permission.replied", attributes: { request: "per_1", reply: "reject" } },
      ],
    });
    const [asked, replied] = tool.events;
    expect((replied?.at ?? 0) - (asked?.at ?? 0)).toBe(3_001);
    const activation = only(spans, "invoke_agent ada");
    expect(activation.attributes["opencode.team.approval_wait_ms"]).toBe(3_001);
    expect(activation.events).toEqual([]);
    expect(activation).not.toHaveProperty("error");
    expect(JSON.stringify(spans)).not.toContain("rm -r build");
  });

  test("of no call that is known stands with the activation, also if nobody answered", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    story.accept(ask("ada", "per_1"));
    story.accept(answer("ada", "per_1", "once"));
    story.accept(ask("ada", "per_2", { call }));
    at(story, 100);
    const spans = finished(story);
    const activation = only(spans, "invoke_agent ada");
    expect(activation.events.map((event) => [event.name, event.attributes["request"]])).toEqual([
      ["permission.asked", "per_1"],
      ["permission.replied", "per_1"],
      ["permission.asked", "per_2"],
    ]);
    expect(activation.attributes["opencode.team.approval_wait_ms"]).toBe(1 + 101);
  });
});

describe("mail", () => {
  test("links the activation that read it to the call that sent it, once", () => {
    const story = Story.active(["ada", "bo"]);
    story.start("ada", "brief");
    const call = { hostMessageId: "msg_a", callId: "call_1" };
    story.accept(send("ada", "bo", { messageId: "mail_x", call }));
    step(story, "ada", {}, { tools: [run("call_1", { tool: "team_send_message" })] } as Partial<Command>);
    story.start("bo", "peer");
    for (let n = 0; n < 2; n += 1)
      step(story, "bo", {}, { mail: ["mail_x", "mail_unknown"] } as Partial<Command>);
    story.settle("bo");
    const spans = finished(story);
    expect(only(spans, "invoke_agent bo").links).toEqual([
      {
        spanId: only(spans, "execute_tool team_send_message").spanId,
        attributes: { "opencode.team.message_id": "mail_x", "opencode.team.from": "ada" },
      },
    ]);
  });

  test("of a last word links the lead to the activation that said it", () => {
    const story = Story.active(["ada"]);
    story.start("ada", "brief");
    story.settle("ada", { text: "All is done.", stepId: "msg_last" });
    step(story, "lead", {}, { mail: ["report_msg_last"] } as Partial<Command>);
    const spans = finished(story);
    expect(only(spans, "invoke_agent lead").links[0]?.spanId).toBe(only(spans, "invoke_agent ada").spanId);
    expect(JSON.stringify(spans)).not.toContain("All is done.");
  });
});

describe("whatever is read twice", () => {
  /** A life with a bit of everything, in an order that chance chooses. */
  function life(choices: readonly number[]): readonly JournalEntry[] {
    const story = Story.active(["ada", "bo"]);
    for (const choice of choices) {
      const name = choice % 2 === 0 ? "ada" : "bo";
      at(story, 1 + (choice % 5));
      const command: Command | undefined = [
        () => ({ type: "note_turn_started", participant: name, cause: "lead" }) as const,
        () => ({ ...stepped(name, story.now), tools: [run(`call_${story.now}`)] }),
        () => story.settled(name, { stepId: `msg_${story.now}`, text: "x" }),
        () => ask(name, `per_${choice % 3}`),
        () => answer(name, `per_${choice % 3}`, "once"),
        () => send(name, name === "ada" ? "bo" : "ada"),
        () => story.deleted(`ses_${name}_1`),
        () => ({ type: "note_orphaned" }) as const,
      ][choice % 8]?.();
      if (command && story.decide(command).kind === "accepted") story.accept(command);
    }
    story.accept(close);
    story.accept({ type: "finish_run" });
    return story.journal;
  }

  test("gives the same tree, byte by byte; every span once, below another of the tree, and not before it", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1_000), { maxLength: 60 }), (choices) => {
        const journal = life(choices);
        const spans = spansOf(journal);
        const doubled = spansOf(journal.flatMap((line) => [line, line]));
        expect(JSON.stringify(doubled)).toBe(JSON.stringify(spans));
        expect(JSON.stringify(spansOf([...journal, ...journal]))).toBe(JSON.stringify(spans));
        const ids = new Set(spans.map((span) => span.spanId));
        expect(ids.size).toBe(spans.length);
        for (const span of spans) {
          expect(span.open).toBeUndefined();
          expect(span.endedAt).toBeGreaterThanOrEqual(span.startedAt);
          expect(
            span.parentId === undefined ? span.name.startsWith("invoke_workflow") : ids.has(span.parentId),
          ).toBe(true);
        }
        expect(spans.filter((span) => span.parentId === undefined)).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
  });

  test("tells the same to whoever begins in the middle and knows what came before", () => {
    const journal = life(Array.from({ length: 60 }, (_, n) => (n * 7) % 31));
    const whole = chronicle();
    const cut = Math.floor(journal.length / 2);
    for (const line of journal.slice(0, cut)) whole.add(line);
    const late = journal.slice(cut).flatMap((line) => whole.add(line));
    expect(late).toEqual(spansOf(journal).filter((span) => late.some((one) => one.spanId === span.spanId)));
  });

  test("a line of another version, or of no sense, is passed over", () => {
    const story = Story.active(["ada"]);
    const odd = [
      "constructor",
      "turn_started",
      "step_ended",
      "gate_opened",
      "member_added",
      "message_sent",
      "later_news",
    ];
    const told = chronicle();
    for (const line of story.journal) told.add(line);
    for (const [index, event] of odd.entries()) {
      expect(told.add({ revision: 1_000, index, at: 5, event, step: 7, tools: "x", participant: 3 })).toEqual(
        [],
      );
    }
  });
});

describe("what is still open", () => {
  test("is shown as far as it is known, and marked", () => {
    const story = new Story(runPlan(["ada", "bo"]));
    story.accept(opened("ada"));
    story.start("ada", "brief");
    const spans = spansOf(story.journal);
    expect(spans.map((span) => [span.name, span.open])).toEqual([
      ["invoke_workflow explorers", true],
      ["invoke_agent bo", true],
      ["invoke_agent lead", true],
      ["invoke_agent ada", true],
    ]);
  });

  test("takes no more memory after 10,000 messages than its bounds allow", () => {
    const told = chronicle();
    let revision = 0;
    const line = (event: string, parts: object): void => {
      revision += 1;
      told.add({ revision, index: 0, at: revision, event, ...parts });
    };
    line("run_created", { team: "t", sessionId: "ses_lead" });
    line("session_opened", { member: "ada", sessionId: "ses_ada" });
    const place = { participant: "ada", generation: 1, sessionId: "ses_ada", turn: 1 };
    line("turn_started", place);
    Bun.gc(true);
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 30_000; n += 1) {
      line("message_sent", { messageId: `mail_${n}`, from: "ada", to: ["lead"] });
      line("step_ended", {
        ...place,
        step: { hostMessageId: `msg_${n}`, completedAt: n },
        mail: [`mail_${n}`],
      });
      line("gate_opened", { ...place, requestId: `per_${n}` });
      line("gate_closed", { ...place, requestId: `per_${n}` });
    }
    Bun.gc(true);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
  });
});
