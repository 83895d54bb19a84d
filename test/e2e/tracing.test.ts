import { afterAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { call, calls, fail, hang, say } from "../support/model-replies.ts";
import { atMs, isFailed, SentTrace } from "../telemetry/sent-trace.ts";
import { openSink, type SentSpan } from "../telemetry/sink.ts";
import { type Actor, PATIENCE, SILENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const sink = openSink();
afterAll(() => sink.close());

const play = stage({
  teamMode: {
    enabled: true,
    telemetry: { enabled: true, endpoint: sink.url, protocol: "http/json", label: "bench" },
  },
  config: {
    agent: {
      asking: { mode: "all", description: "Asks before it runs anything.", permission: { bash: "ask" } },
    },
  },
});

/** Ends the run and answers what the collector has of it, once it has all of it. */
async function traceOf(team: Team): Promise<SentTrace> {
  await team.quiet();
  await team.lead.uses("team_delete", { force: true });
  const trace = new SentTrace(sink, team.runId);
  // The run's own span is the last one.
  await eventually(() => trace.root(), PATIENCE);
  trace.isWhole();
  return trace;
}

async function answersIn({ sessionId }: Actor): Promise<number> {
  return (await play.host.messages(sessionId)).filter(({ info }) => info.role === "assistant").length;
}

/** Mail of the lead, so that the turn is one that the team wakes. */
async function wake(team: Team, name: string, body: string): Promise<void> {
  await team.lead.uses("team_send_message", { to: name, body });
}

function own(span: SentSpan, { sessionId }: Actor): boolean {
  return span.attributes["gen_ai.conversation.id"] === sessionId;
}

describe("a run that is traced", () => {
  test(
    "is one tree at the collector, its mail linked, its failed call marked, and no word of what was said in it",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const [ada, bo] = [team.member("ada"), team.member("bo")];
      await ada.acts(call("team_send_message", { to: "bo", body: "marker-in-a-body" }));
      await bo.reads("marker-in-a-body");
      await bo.isRefused("team_task_get", { taskId: 77 });
      const trace = await traceOf(team);

      const [spans, root] = [trace.spans(), trace.root()];
      expect(root.name).toStartWith("invoke_workflow ");
      expect(root.name).not.toContain(team.runId);
      expect(root.attributes["opencode.team.run_label"]).toBe("bench");
      for (const name of ["lead", "ada", "bo"]) {
        const activations = trace.activations(name);
        expect(activations.length).toBeGreaterThan(0);
        for (const activation of activations) expect(activation.parentSpanId).toBe(root.spanId);
        const chats = trace.named("chat m").filter((span) => span.attributes["gen_ai.agent.name"] === name);
        const own = new Set(activations.map((span) => span.spanId));
        expect(chats.length).toBeGreaterThan(0);
        for (const chat of chats) expect(own).toContain(chat.parentSpanId as string);
      }
      const [sender] = trace.named("execute_tool team_send_message");
      const linked = spans.filter((span) => span.links.some((link) => link.spanId === sender?.spanId));
      expect(linked.map((span) => span.name)).toContain("invoke_agent bo");
      const failed = spans.filter(isFailed).map((span) => span.name);
      expect(failed).toEqual(["execute_tool team_task_get"]);
      const sent = sink.requests.map(({ body }) => new TextDecoder().decode(body)).join("");
      expect(sent).not.toContain("marker-in-a-body");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "has each of six members below its root, and shares nothing with one of the same team that runs beside it",
    async () => {
      const names = ["ada", "bo", "cy", "di", "eli", "fay"];
      const spec = { name: "explorers" };
      const teams = await Promise.all([play.team(names, { spec }), play.team(["ada"], { spec })]);
      const [six, other] = (await Promise.all(teams.map(traceOf))) as [SentTrace, SentTrace];

      expect(six.root().name).toBe("invoke_workflow explorers");
      expect(other.root().name).toBe("invoke_workflow explorers");
      for (const name of names) {
        const [activation] = six.activations(name);
        const { sessionId } = (teams[0] as Team).member(name);
        expect(activation).toMatchObject({
          parentSpanId: six.root().spanId,
          attributes: {
            "gen_ai.agent.name": name,
            "gen_ai.agent.id": `${teams[0]?.runId}/${name}`,
            "gen_ai.conversation.id": sessionId,
          },
        });
        expect(six.chatsOf(sessionId).map((span) => span.parentSpanId)).toEqual([
          activation?.spanId as string,
        ]);
      }
      const ids = new Set(six.spans().flatMap((span) => [span.traceId, span.spanId]));
      for (const span of other.spans()) {
        expect(ids).not.toContain(span.traceId);
        expect(ids).not.toContain(span.spanId);
      }
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "has a turn for every wake, a model call for every answer in the host's store, with its tokens, and every tool call",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const usage = { inputTokens: 100, cachedTokens: 40, outputTokens: 5 };
      const read = (filePath: string) => ["read", { filePath: join(play.host.work, filePath) }] as const;
      const file = read("opencode.json");
      for (const [body, ...steps] of [
        ["Once.", calls([file, read("missing.txt")], { usage }), calls([file]), calls([file])],
        ["Twice.", say("Done.", { usage })],
      ] as const) {
        ada.plays(...steps, SILENCE);
        await wake(team, "ada", body);
        await ada.reads(body);
        await team.quiet();
      }
      const trace = await traceOf(team);

      const activations = trace.activations("ada");
      expect(activations.map((span) => span.attributes["opencode.team.activation"])).toEqual([1, 2, 3]);
      const chats = trace.chatsOf(ada.sessionId);
      expect(chats).toHaveLength(await answersIn(ada));
      const withUsage = chats.filter((span) => span.attributes["gen_ai.usage.output_tokens"] === 5);
      expect(withUsage).toHaveLength(2);
      for (const chat of withUsage)
        expect(chat).toMatchObject({
          kind: 3,
          attributes: { "gen_ai.usage.input_tokens": 100, "gen_ai.usage.cache_read.input_tokens": 40 },
        });
      const tools = trace.named("execute_tool read");
      expect(tools).toHaveLength(4);
      expect(new Set(tools.map((span) => span.attributes["gen_ai.tool.call.id"])).size).toBe(4);
      for (const tool of tools) {
        expect(tool.parentSpanId).toBe(activations[1]?.spanId as string);
        expect(tool.attributes["gen_ai.conversation.id"]).toBe(ada.sessionId);
      }
      expect(tools.filter(isFailed).map((span) => span.attributes["error.type"])).toEqual(["tool_error"]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "has two members of one name as two, each with its own calls, the first one ended in the middle of a call",
    async () => {
      const team = await play.team(["ada"]);
      const first = team.member("ada");
      first.plays(hang());
      await wake(team, "ada", "Work long.");
      await first.reads("Work long.");
      await play.host.remove(first.sessionId);
      await team.lead.reads("Member ada is lost");
      const again = await team.lead.uses("team_create", {
        inline_spec: {
          name: team.name,
          members: [{ name: "ada", subagent_type: "general", prompt: "Again." }],
        },
      });
      const [seat] = again["members"] as readonly { readonly sessionId: string }[];
      const second = play.actor(seat?.sessionId ?? "", "general");
      await second.reads("Again.");
      const trace = await traceOf(team);

      const ofFirst = trace.activations("ada").filter((span) => own(span, first));
      const ofSecond = trace.activations("ada").filter((span) => own(span, second));
      expect(new Set(ofFirst.map((span) => span.attributes["opencode.team.spawn_seq"]))).toEqual(
        new Set([1]),
      );
      expect(ofSecond.map((span) => span.attributes["opencode.team.spawn_seq"])).toEqual([2]);
      expect(ofFirst.length + ofSecond.length).toBe(trace.activations("ada").length);
      for (const [one, activations] of [
        [first, ofFirst],
        [second, ofSecond],
      ] as const) {
        const ids = activations.map((span) => span.spanId);
        expect(trace.chatsOf(one.sessionId).length).toBeGreaterThan(0);
        for (const chat of trace.chatsOf(one.sessionId)) expect(ids).toContain(chat.parentSpanId as string);
      }
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "has one failed span for a member that did not start, and a failed call within the turn that it ended",
    async () => {
      const team = await play.team({ ada: {}, bo: { subagent_type: "nobody-knows-it" } }, { settle: false });
      const ada = team.member("ada");
      await team.quiet();
      ada.plays(fail(400));
      await wake(team, "ada", "It breaks.");
      await team.lead.reads("The turn of ada was cut short");
      const trace = await traceOf(team);

      const [bo, ...others] = trace.activations("bo");
      expect(others).toEqual([]);
      expect(bo).toMatchObject({
        parentSpanId: trace.root().spanId,
        attributes: { "error.type": "member_rejected", "opencode.team.agent_type": "nobody-knows-it" },
      });
      expect(isFailed(bo as NonNullable<typeof bo>)).toBe(true);
      expect(trace.below(bo)).toEqual([]);

      const [turn] = trace.activations("ada").filter(isFailed);
      const [chat] = trace.chatsOf(ada.sessionId).filter(isFailed);
      expect(turn?.attributes["error.type"]).toBe("APIError");
      expect(chat).toMatchObject({
        parentSpanId: turn?.spanId as string,
        attributes: { "error.type": "APIError" },
      });
      expect(Number(turn?.endTimeUnixNano)).toBeGreaterThanOrEqual(Number(chat?.endTimeUnixNano));
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "shows at a rejected call who asked when, and what was answered when; the turn has not failed by it",
    async () => {
      const team = await play.team({ ada: { subagent_type: "asking" } });
      const ada = team.member("ada");
      ada.plays(call("bash", { command: "touch no.txt", description: "Run it" }));
      await wake(team, "ada", "Run it.");
      const [asked] = await eventually(async () => {
        const found = await play.host.permissions();
        expect(found).toHaveLength(1);
        return found;
      }, PATIENCE);
      await eventually(
        async () =>
          expect(await team.files.journal()).toContainEqual(
            expect.objectContaining({ event: "gate_opened", requestId: asked?.id }),
          ),
        PATIENCE,
      );
      await play.host.replyPermission(asked?.id ?? "", "reject");
      const trace = await traceOf(team);

      const [tool] = trace.named("execute_tool bash");
      expect(tool).toMatchObject({
        status: { code: 2, message: "permission rejected" },
        attributes: { "error.type": "permission_rejected" },
        events: [
          { name: "permission.asked", attributes: { request: asked?.id, permission: "bash" } },
          { name: "permission.replied", attributes: { request: asked?.id, reply: "reject" } },
        ],
      });
      const [from, to] = (tool?.events ?? []).map((event) => atMs(event.timeUnixNano)) as [number, number];
      expect(tool?.attributes["opencode.team.approval_wait_ms"]).toBe(to - from);
      expect(trace.activations("ada").filter(isFailed)).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "goes on beside a collector that never answers, and one that refuses stands in the run's folder",
    async () => {
      sink.answers(401);
      const team = await play.team(["cy"]);
      const noteOf = async (): Promise<Readonly<Record<string, unknown>>> =>
        JSON.parse(await readFile(join(team.files.path, "telemetry.json"), "utf8"));
      await eventually(async () => {
        expect(await noteOf()).toMatchObject({ lastFault: { code: 401 }, exported: 0 });
      }, PATIENCE);
      sink.answers(0);
      await team.member("cy").uses("team_status");
      await team.quiet();
      sink.answers(200);
      await team.lead.uses("team_delete", { force: true });
    },
    TEST_TIMEOUT_MS,
  );
});
