import { afterAll, describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { call, hang, say } from "../support/model-replies.ts";
import { isFailed, SentTrace } from "../telemetry/sent-trace.ts";
import { openSink } from "../telemetry/sink.ts";
import { LOADED_PLUGIN, loadedIn } from "./loaded.ts";
import { PATIENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const sink = openSink();
/** Where the host sends what it traces by itself. */
const hosts = openSink();
afterAll(() => {
  sink.close();
  hosts.close();
});

const TELEMETRY = { enabled: true, endpoint: sink.url, protocol: "http/json" };

/** One host, which ends in several ways and comes back with other settings. */
const play = stage({
  teamMode: { enabled: true, telemetry: TELEMETRY },
  otherPlugins: [LOADED_PLUGIN],
  files: { "secret.txt": "marker-in-a-result" },
  env: {
    OTEL_EXPORTER_OTLP_ENDPOINT: hosts.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    // Longer than any test waits: whoever waits for an answer is seen.
    OTEL_EXPORTER_OTLP_TIMEOUT: "120000",
  },
});

/** What a dispose may take on a loaded machine: far less than the collector has to answer. */
const DISPOSED_WITHIN_MS = 20_000;

/** The first request for the directory starts the plugin. */
async function back(): Promise<void> {
  if (!play.host.isRunning) await play.host.start();
  await play.host.session();
}

async function startWith(telemetry: Readonly<Record<string, unknown>>): Promise<void> {
  const path = join(play.host.work, "opencode.json");
  const { team_mode: section, ...rest } = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...rest, team_mode: { ...section, telemetry } }));
  await play.host.restart();
  await back();
}

async function traceOf(team: Team): Promise<SentTrace> {
  await team.quiet();
  await team.lead.uses("team_delete", { force: true });
  const trace = new SentTrace(sink, team.runId);
  await eventually(() => trace.root(), PATIENCE);
  return trace;
}

/** A run in which something was said, given to a tool and brought by it. */
async function talk(): Promise<SentTrace> {
  const team = await play.team(["ada"]);
  const ada = team.member("ada");
  ada.plays(call("read", { filePath: join(play.host.work, "secret.txt") }), say("marker-in-an-answer"));
  await team.lead.uses("team_send_message", { to: "ada", body: "marker-in-a-prompt" });
  await ada.reads("marker-in-a-result");
  return traceOf(team);
}

/**
 * A member in the middle of its second call. All before that call is exported and noted as exported: what a kill finds between
 * the two is sent twice.
 */
async function workingTeam(): Promise<Team> {
  const team = await play.team(["ada"]);
  const ada = team.member("ada");
  ada.plays(call("team_status"), hang());
  await team.lead.uses("team_send_message", { to: "ada", body: "Work long." });
  const trace = new SentTrace(sink, team.runId);
  await eventually(async () => {
    const note = JSON.parse(await readFile(join(team.files.path, "telemetry.json"), "utf8"));
    // The turn in which the lead made the team, and the one in which it wrote the mail.
    expect(trace.activations("lead")).toHaveLength(2);
    expect(trace.named("execute_tool team_status")).toHaveLength(1);
    expect(note).toMatchObject({ exported: trace.spans().length });
  }, PATIENCE);
  return team;
}

/** Of the member's turn that its process did not see the end of. */
function cutOff(trace: SentTrace, reason: string) {
  const found = trace
    .activations("ada")
    .filter((span) => span.attributes["opencode.team.orphan_reason"] === reason);
  expect(found).toHaveLength(1);
  return found[0];
}

const MARKERS = ["marker-in-a-prompt", "marker-in-an-answer", "marker-in-a-result", "secret.txt"];

describe("a run that is traced", () => {
  test(
    "leaves what the host traces by itself where it goes, and says nothing of what is said",
    async () => {
      await talk();
      const before = hosts.requests.length;
      await play.host.session();
      await eventually(() => {
        expect(hosts.requests.slice(before).map(({ path }) => path)).toContain("/v1/traces");
      }, PATIENCE);

      const scopes = (text: string): readonly string[] =>
        [...text.matchAll(/"scope":\{"name":"([^"]+)"/g)].map(([, name]) => name ?? "");
      const textOf = (one: typeof sink): string =>
        one.requests.map(({ body }) => new TextDecoder().decode(body)).join("\n");
      expect(new Set(scopes(textOf(hosts)))).toEqual(new Set(["opencode"]));
      expect(new Set(scopes(textOf(sink)))).toEqual(new Set(["opencode-flotilla"]));
      for (const marker of MARKERS) expect(textOf(sink)).not.toContain(marker);
      expect(await loadedIn(play.host.work)).toContainEqual(expect.stringContaining("@opentelemetry"));
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "and whose host was killed is one trace: the turn of the dead is told once, with its calls below it, and its reason",
    async () => {
      const team = await workingTeam();
      await play.host.kill9();
      await back();
      await team.member("ada").reads("Work long.");
      const trace = await traceOf(team);

      trace.isWhole();
      const lost = cutOff(trace, "process_lost");
      expect(lost?.attributes["error.type"]).toBe("process_lost");
      expect(trace.below(lost).map((span) => span.name)).toContain("chat m");
      expect(trace.root().attributes).not.toHaveProperty("opencode.team.orphan_reason");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "does not keep a host that disposes of its instances, though the collector hangs; the next one tells it all, once",
    async () => {
      const team = await workingTeam();
      sink.answers(0);
      const before = performance.now();
      await play.host.call("POST", "/global/dispose", { body: {} });
      expect(performance.now() - before).toBeLessThan(DISPOSED_WITHIN_MS);
      sink.answers(200);
      await back();
      const trace = await traceOf(team);

      await eventually(() => trace.isWhole(), PATIENCE);
      const cut = cutOff(trace, "shutdown");
      expect(trace.root().attributes["opencode.team.orphan_reason"]).toBe("shutdown");
      expect(trace.below(cut).map((span) => span.name)).toContain("chat m");
      const later = trace.activations("ada").filter((span) => !isFailed(span) && span !== cut);
      expect(later.length).toBeGreaterThan(0);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "and was closed while its collector refused it is told by the next host, before anybody asks",
    async () => {
      sink.answers(401);
      const team = await play.team(["ada"]);
      await team.lead.uses("team_delete", { force: true });
      await eventually(async () => {
        const note = JSON.parse(await readFile(join(team.files.archivePath, "telemetry.json"), "utf8"));
        expect(note).toMatchObject({ lastFault: { code: 401 }, exported: 0 });
      }, PATIENCE);
      // Nor does what it owes keep a host that is told to go: SIGTERM, while the collector says nothing at all.
      sink.answers(0);
      await play.host.stop();
      sink.answers(200);
      await back();
      const trace = new SentTrace(sink, team.runId);
      await eventually(() => trace.isWhole(), PATIENCE);
      expect(trace.activations("ada")).toHaveLength(1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "tells what was said, given and brought if that is wanted",
    async () => {
      await startWith({ ...TELEMETRY, captureContent: true });
      const trace = await talk();

      const told = JSON.stringify(trace.spans());
      for (const marker of MARKERS) expect(told).toContain(marker);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is one of a host that was told to trace: no request is made by any other, and none of the packages loaded",
    async () => {
      await startWith({ ...TELEMETRY, enabled: false });
      const before = sink.requests.length;
      const team = await play.team(["ada"]);
      await team.member("ada").uses("team_status");
      await team.lead.uses("team_delete", { force: true });
      await play.host.stop();

      expect(sink.requests).toHaveLength(before);
      const loaded = await loadedIn(play.host.work);
      expect(loaded).toContainEqual(expect.stringContaining("src/telemetry/load.ts"));
      expect(loaded.filter((path) => /@opentelemetry|telemetry\/otlp/.test(path))).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});
