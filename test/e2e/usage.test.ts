import { describe, expect, test } from "bun:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { call, gate, hang, once } from "../support/model-replies.ts";
import { mentions } from "../support/model-request.ts";
import { bodiesIn } from "./envelopes.ts";
import { limitRun } from "./limit-run.ts";
import { SILENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage({
  teamMode: { enabled: true, max_parallel_members: 1 },
  config: {
    provider: { mock: { models: { m: { cost: { input: 1_000, output: 3_000, cache_read: 100 } } } } },
  },
});

interface Figures {
  readonly tokens: number;
  readonly cost: number;
}

/** What all sessions of the run's members have used, by the host's store. */
async function stored(team: Team): Promise<Figures> {
  const sessions = await play.host.children(team.lead.sessionId);
  const messages = (await Promise.all(sessions.map(({ id }) => play.host.messages(id)))).flat();
  const steps = messages.flatMap(({ info }) => (info.role === "assistant" ? [info] : []));
  const tokens = steps.map(
    ({ tokens: { input, output, reasoning, cache } }) =>
      input + output + reasoning + cache.read + cache.write,
  );
  return { tokens: sum(tokens), cost: sum(steps.map((step) => step.cost)) };
}

async function counted(team: Team): Promise<Figures> {
  const usages = Object.values((await team.files.state()).members).map(({ usage }) => usage);
  return { tokens: sum(usages.map((one) => one.tokens)), cost: sum(usages.map((one) => one.cost)) };
}

function sum(numbers: readonly number[]): number {
  return Number(numbers.reduce((total, one) => total + one, 0).toFixed(6));
}

/** Resolves when the lead is shown this by team_status; a hold shows a moment after the mail that it holds. */
async function shows(team: Team, status: Readonly<Record<string, unknown>>): Promise<void> {
  await eventually(async () => expect(await team.lead.uses("team_status")).toMatchObject(status), {
    timeoutMs: 20_000,
  });
}

/** The first request for the directory starts the plugin. */
async function restart(): Promise<void> {
  await play.host.restart();
  await play.host.session();
}

describe("what members have used", () => {
  test(
    "is what the host has stored, also of turns that nobody of ours saw, and of the session before; then it stops them",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const { lead } = team;
      await lead.uses("team_shutdown_request", { targetMemberName: "ada" });
      await lead.uses("team_approve_shutdown", { memberName: "ada" });
      const spec = { members: [{ name: "ada", subagent_type: "general" }] };
      await lead.uses("team_create", { teamRunId: team.runId, inline_spec: spec });
      await team.quiet();
      const { ada } = (await team.files.state()).members;
      const again = play.actor(ada?.sessionId ?? "", "general");
      expect([ada?.generation, again.requests().length]).toEqual([2, 1]);
      expect(await counted(team)).toEqual(await stored(team));

      const readme = call("read", { filePath: join(play.host.work, "README.md") });
      again.plays(readme, hang());
      await lead.uses("team_send_message", { to: "ada", body: "Work." });
      await eventually(() => expect(again.results()).toHaveLength(1));
      // One works at a time.
      await lead.uses("team_send_message", { to: "bo", body: "Waiting for a slot." });
      const before = await counted(team);
      await limitRun(play.host, team.runId, `max_tokens_per_run=${before.tokens + 150}`);
      await play.host.kill9();
      again.plays(readme, readme, SILENCE);
      const alone = await play.host.run([
        "run",
        "--pure",
        "--session",
        again.sessionId,
        "Go on without a team.",
      ]);
      expect(alone.code).toBe(0);

      await restart();
      await lead.reads('kind="budget"');
      await eventually(
        async () => {
          expect(await team.files.waitingMail(["lead", "ada"])).toEqual([]);
          expect(await counted(team)).toEqual(await stored(team));
        },
        { timeoutMs: 30_000 },
      );
      const now = await counted(team);
      expect(now).toEqual(await stored(team));
      expect(now.tokens).toBeGreaterThan(before.tokens + 150);
      expect(bodiesIn(lead.newest(), "budget")).toHaveLength(1);
      await shows(team, {
        spent: ["tokens"],
        members: [{ name: "ada" }, { name: "bo", hold: "budget", unread: 1 }],
      });

      await restart();
      expect(await counted(team)).toEqual(now);
      await limitRun(play.host, team.runId, `max_tokens_per_run=${now.tokens + 10_000}`);
      await team.member("bo").reads("Waiting for a slot.");
      await team.quiet();
      expect(await counted(team)).toEqual(await stored(team));
    },
    3 * TEST_TIMEOUT_MS,
  );
});

/** Makes the run older than it is. The host is down, so nobody else writes. */
async function age(team: Team, minutes: number): Promise<void> {
  const path = join(team.files.path, "state.json");
  const state = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...state, createdAt: state.createdAt - minutes * 60_000 }));
}

describe("the time of a run", () => {
  test(
    "that is over asks who works to wrap up and lets nobody begin; more of it lets the run go on",
    async () => {
      const team = await play.team(["ada"]);
      const { lead } = team;
      const ada = team.member("ada");
      await play.host.stop();
      await age(team, 90);
      await restart();

      const door = gate();
      ada.plays(once(door, call("read", { filePath: join(play.host.work, "README.md") })), SILENCE);
      await lead.uses("team_send_message", { to: "ada", body: "Work." });
      await ada.reads("Work.");
      await limitRun(play.host, team.runId, "max_wall_clock_minutes=60");
      await lead.reads("max_wall_clock_minutes) is used up");
      await eventually(async () => expect((await team.files.inbox("ada")).reserved).toHaveLength(2));
      door.open();
      await team.quiet();
      expect(bodiesIn(ada.newest(), "budget")).toEqual([expect.stringContaining("to a safe end")]);
      expect(ada.newest().outcome).toBe("answered");
      const asked = ada.requests().length;

      await lead.uses("team_send_message", { to: "ada", body: "Too late." });
      await shows(team, {
        spent: ["wall_clock"],
        budgets: { minutes: { limit: 60, left: 0 } },
        members: [{ name: "ada", hold: "budget", unread: 1 }],
      });
      expect(ada.requests()).toHaveLength(asked);
      expect(bodiesIn(lead.newest(), "budget")).toHaveLength(1);

      await limitRun(play.host, team.runId, "max_wall_clock_minutes=600");
      expect(mentions(await ada.reads("Too late."), "Too late.")).toBe(1);
      await lead.reads("The run has more time");
      await team.quiet();
    },
    3 * TEST_TIMEOUT_MS,
  );
});
