import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ParticipantStatus } from "../../src/records/status.ts";
import { documented } from "../support/documented.ts";
import { sessionOf } from "../support/event-tap.ts";
import { eventually } from "../support/eventually.ts";
import { call, calls, fail, gate, once, say } from "../support/model-replies.ts";
import { limitRun } from "./limit-run.ts";
import { PATIENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const asking = { mode: "all", description: "Asks before it runs anything.", permission: { bash: "ask" } };
const play = stage({
  config: { subagent_depth: 2, agent: { asking, quick: { ...asking, permission: { bash: "allow" } } } },
});

const SLEEP = { command: "sleep 1", description: "Take a moment" };

/** Waits until the file of one participant says so. */
function shows(team: Team, name: string, what: object): Promise<ParticipantStatus> {
  return eventually(async () => {
    const status = await team.files.statusOf(name);
    expect(status).toMatchObject(what);
    return status;
  }, PATIENCE);
}

async function asked(sessionId: string, nth = 0): Promise<string> {
  const found = await eventually(() => {
    const all = play.host.events.filter(
      (event) => event.type === "permission.asked" && sessionOf(event) === sessionId,
    );
    expect(all.length).toBeGreaterThan(nth);
    return all[nth]!;
  }, PATIENCE);
  return String(found.properties["id"]);
}

/** What the documented reader says of a run, in a shell of its own. */
function line(team: Team): string {
  const script = `${documented("status.md", "sh")}\nflotilla_line "$1"`;
  return execFileSync("sh", ["-c", script, "sh", team.files.path], { encoding: "utf8" }).trim();
}

/** Every file of a run that shows how it stands, with its text. */
function texts(team: Team): ReadonlyMap<string, string> {
  const { path } = team.files;
  const names = [
    "status.json",
    "status.txt",
    ...readdirSync(join(path, "status")).map((name) => `status/${name}`),
  ];
  return new Map(names.map((name) => [name, readFileSync(join(path, name), "utf8")]));
}

describe("the status files of a team", () => {
  test(
    "are one a participant from the start, for their owner's eyes alone, and hold nothing that anybody has said",
    async () => {
      const names = ["ada", "bo", "cy", "di", "ed", "flo"];
      const members = Object.fromEntries(
        names.map((name) => [name, { subagent_type: "quick", prompt: "MARKER one" }]),
      );
      const team = await play.team(members, {
        tasks: [{ subject: "MARKER two", description: "MARKER three" }],
      });
      const ada = team.member("ada");
      ada.plays(
        call("bash", { command: "echo MARKER four", description: "MARKER five" }),
        fail(400, { message: "MARKER six" }),
      );
      await team.lead.uses("team_send_message", { to: "ada", body: "MARKER seven" });
      const stopped = await shows(team, "ada", { status: "interrupted", reason: "error" });

      const files = texts(team);
      expect([...files.keys()].filter((name) => name.startsWith("status/")).toSorted()).toEqual(
        [...names, "lead"].toSorted().map((name) => `status/${name}.json`),
      );
      for (const [name, text] of files) {
        expect(text).not.toContain("MARKER");
        expect(statSync(join(team.files.path, name)).mode & 0o777).toBe(0o600);
      }
      expect(statSync(join(team.files.path, "status")).mode & 0o777).toBe(0o700);
      for (const name of [...names, "lead"]) {
        expect(await team.files.statusOf(name)).toMatchObject({
          runId: team.runId,
          team: team.name,
          participant: name,
          pid: play.host.pid,
          serverUrl: play.host.url,
          directory: play.host.work,
        });
      }
      expect(stopped).toMatchObject({ sessionId: ada.sessionId, agent: "quick", turns: 2 });
      expect(stopped.tokens).toBeGreaterThan(0);
      expect(await team.files.status()).toMatchObject({ attention: ["ada"], tasks: { pending: 1 } });
      await team.lead.uses("team_delete", { force: true });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "count what is asked, follow each answer, and show a long command that was let run as work",
    async () => {
      const team = await play.team({ ada: { subagent_type: "asking" }, bo: {} });
      const ada = team.member("ada");
      ada.plays(
        calls([
          ["bash", SLEEP],
          ["bash", { ...SLEEP, command: "sleep 1; true" }],
        ]),
      );
      await team.lead.uses("team_send_message", { to: "ada", body: "Run both." });
      const first = await asked(ada.sessionId);
      const second = await asked(ada.sessionId, 1);
      const waiting = await shows(team, "ada", { status: "needs_approval", gates: [{}, {}] });
      expect(waiting.gates.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
        "permission bash",
        "permission bash",
      ]);
      expect(line(team)).toBe(`${team.name}: ada needs approval (bash), 1 waiting`);

      await play.host.replyPermission(first, "once");
      await shows(team, "ada", { status: "needs_approval", gates: [{ requestId: second }] });
      await play.host.replyPermission(second, "once");
      const working = await shows(team, "ada", { status: "working", gates: [], tool: { name: "bash" } });
      expect(working.tool?.startedAt).toBeGreaterThanOrEqual(working.since - 5_000);
      expect(await team.files.status()).toMatchObject({ status: "working" });
      await shows(team, "ada", { status: "waiting" });
      await team.lead.uses("team_delete", { force: true });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "show a rejected member at rest, and a stopped one with its reason, while another works on",
    async () => {
      const team = await play.team({ ada: { subagent_type: "asking" }, bo: {} });
      const [ada, bo] = [team.member("ada"), team.member("bo")];
      const door = gate();
      bo.plays(once(door, say("")));
      await team.lead.uses("team_send_message", { to: "bo", body: "Work on." });
      await bo.reads("Work on.");
      ada.plays(call("bash", SLEEP));
      await team.lead.uses("team_send_message", { to: "ada", body: "Try it." });
      await play.host.replyPermission(await asked(ada.sessionId), "reject");
      const rejected = await shows(team, "ada", { status: "waiting", gates: [] });
      expect(rejected).not.toHaveProperty("tool");

      ada.plays(call("bash", SLEEP));
      await team.lead.uses("team_send_message", { to: "ada", body: "Try again." });
      await asked(ada.sessionId, 1);
      await shows(team, "ada", { status: "needs_approval" });
      await play.host.abort(ada.sessionId);
      await shows(team, "ada", { status: "interrupted", reason: "stopped_by_person", gates: [] });
      expect(await team.files.statusOf("bo")).toMatchObject({ status: "working" });
      expect(await team.files.status()).toMatchObject({ status: "working", attention: ["ada"] });
      door.open();
      await shows(team, "bo", { status: "waiting" });
      expect(await team.files.status()).toMatchObject({ status: "waiting", reason: "attention" });
      await team.lead.uses("team_delete", { force: true });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "count a member's subagents as the member's own, in what they do and what they ask",
    async () => {
      const team = await play.team({ ada: { subagent_type: "asking" } });
      const ada = team.member("ada");
      play.model.program({
        when: (request) => request.parentSessionId === ada.sessionId,
        steps: [call("bash", SLEEP)],
      });
      ada.plays(call("task", { description: "sub", prompt: "Look.", subagent_type: "asking" }));
      await team.lead.uses("team_send_message", { to: "ada", body: "Let another look." });
      const { sessionId } = await play.model.request((request) => request.parentSessionId === ada.sessionId);
      const requestId = await asked(String(sessionId));
      await shows(team, "ada", { status: "needs_approval", gates: [{ requestId }] });
      await play.host.replyPermission(requestId, "once");
      await shows(team, "ada", { status: "working", tool: { name: "bash" } });
      await shows(team, "ada", { status: "waiting" });
      await team.lead.uses("team_delete", { force: true });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "tell a provider's back-off from work, with its next attempt",
    async () => {
      const team = await play.team(["ada"]);
      team.member("ada").plays(fail(429, { retryAfterSeconds: 2 }), say(""));
      await team.lead.uses("team_send_message", { to: "ada", body: "Say it." });
      const retrying = await shows(team, "ada", {
        status: "working",
        reason: "retry",
        retry: { attempt: 1 },
      });
      expect(retrying.retry?.nextAt).toBeGreaterThan(retrying.since);
      const rested = await shows(team, "ada", { status: "waiting", unread: 0 });
      expect(rested).not.toHaveProperty("retry");
      await team.lead.uses("team_delete", { force: true });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "lose the one of a member whose session is deleted, and go with the run",
    async () => {
      const team = await play.team(["ada", "bo"]);
      await play.host.remove(team.member("ada").sessionId);
      await eventually(async () => {
        expect((await team.files.status()).members[0]).toMatchObject({
          participant: "ada",
          status: "lost",
          reason: "session_deleted",
        });
        expect(readdirSync(join(team.files.path, "status")).toSorted()).toEqual(["bo.json", "lead.json"]);
      }, PATIENCE);

      await team.lead.uses("team_delete", { force: true });
      await eventually(() => expect(existsSync(team.files.path)).toBe(false), PATIENCE);
      expect(await team.files.status()).toMatchObject({
        runStatus: "closed",
        reason: "attention",
        members: [{ status: "lost" }, { status: "done", reason: "run_closed" }],
      });
      const ended = await play.host.event(
        (event) => event.type === "tui.toast.show" && JSON.stringify(event.properties).includes(team.name),
      );
      expect(ended.properties["message"]).toBe(`ada (${team.name}) has failed: its session was deleted`);
      const over = await play.host.event(
        ({ type, properties }) =>
          type === "tui.toast.show" && properties["message"] === `${team.name}: the team has ended`,
      );
      expect(over.properties).toMatchObject({ variant: "info" });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "are read as lost when the host is killed; the next one says whose turn was cut off, and what still runs",
    async () => {
      const team = await play.team({ ada: { subagent_type: "quick" }, bo: {} });
      const ada = team.member("ada");
      ada.plays(call("bash", { command: "sleep 300", description: "Take long" }));
      await team.lead.uses("team_send_message", { to: "ada", body: "Take long." });
      const before = await shows(team, "ada", { status: "working", tool: { name: "bash" } });
      const sessions = await play.host.children(team.lead.sessionId);
      expect(sessions.map(({ title }) => title).toSorted()).toEqual([
        `${team.name}: ada`,
        `${team.name}: bo`,
      ]);
      const { pid } = play.host;
      expect(line(team)).toBe(`${team.name}: 1 working, 1 waiting`);

      // Its next turn does not begin, and what is shown of the last one stays.
      await limitRun(play.host, team.runId, "max_member_turns=1");
      const killedAt = Date.now();
      await play.host.kill9();
      expect(line(team)).toBe(`${team.name}: lost`);

      await play.host.start();
      await play.host.session();
      const after = await shows(team, "ada", {
        pid: play.host.pid,
        status: "interrupted",
        reason: "cut_off",
      });
      expect(after.lastActivityAt).toBeGreaterThanOrEqual(before.lastActivityAt);
      expect(after.lastActivityAt).toBeLessThan(killedAt);
      await shows(team, "bo", { pid: play.host.pid, status: "waiting" });
      const { leftRunning = [] } = await team.files.status();
      expect(leftRunning).toMatchObject([{ directory: play.host.work }]);
      const left = leftRunning[0]?.pid ?? 0;
      // It was found and left alone.
      expect(readFileSync(`/proc/${left}/environ`, "utf8")).toContain(`OPENCODE_PID=${pid}`);
      process.kill(left, "SIGKILL");
    },
    TEST_TIMEOUT_MS,
  );
});
