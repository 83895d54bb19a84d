import { afterAll, describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { call } from "../support/model-replies.ts";
import { openSink, type SentSpan } from "../telemetry/sink.ts";
import { PATIENCE, stage, TEST_TIMEOUT_MS } from "./stage.ts";

const sink = openSink();
afterAll(() => sink.close());

const play = stage({
  teamMode: {
    enabled: true,
    telemetry: { enabled: true, endpoint: sink.url, protocol: "http/json", label: "bench" },
  },
});

function of(runId: string): readonly SentSpan[] {
  return sink.spans().filter((span) => span.attributes["opencode.team.run_id"] === runId);
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
      await team.quiet();
      await team.lead.uses("team_delete", { force: true });

      await eventually(() => {
        expect(of(team.runId).filter((span) => span.parentSpanId === undefined)).toHaveLength(1);
      }, PATIENCE);
      const spans = of(team.runId);
      const [root] = spans.filter((span) => span.parentSpanId === undefined);
      const ids = new Set(spans.map((span) => span.spanId));

      expect(new Set(spans.map((span) => span.traceId)).size).toBe(1);
      expect(ids.size).toBe(spans.length);
      expect(root?.name).toStartWith("invoke_workflow ");
      expect(root?.name).not.toContain(team.runId);
      expect(root?.attributes["opencode.team.run_label"]).toBe("bench");
      for (const span of spans) if (span !== root) expect(ids).toContain(span.parentSpanId as string);
      for (const name of ["lead", "ada", "bo"]) {
        const activations = spans.filter((span) => span.name === `invoke_agent ${name}`);
        expect(activations.length).toBeGreaterThan(0);
        for (const activation of activations) expect(activation.parentSpanId).toBe(root?.spanId as string);
        const chats = spans.filter(
          (span) => span.name === "chat m" && span.attributes["gen_ai.agent.name"] === name,
        );
        const own = new Set(activations.map((span) => span.spanId));
        expect(chats.length).toBeGreaterThan(0);
        for (const chat of chats) expect(own).toContain(chat.parentSpanId as string);
      }
      const sender = spans.find((span) => span.name === "execute_tool team_send_message");
      const linked = spans.filter((span) => span.links.some((link) => link.spanId === sender?.spanId));
      expect(linked.map((span) => span.name)).toContain("invoke_agent bo");
      const failed = spans.filter((span) => span.status.code === 2).map((span) => span.name);
      expect(failed).toEqual(["execute_tool team_task_get"]);
      const sent = sink.requests.map(({ body }) => new TextDecoder().decode(body)).join("");
      expect(sent).not.toContain("marker-in-a-body");
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
