import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { after, call, gate, once, say } from "../support/model-replies.ts";
import { toolResults } from "../support/model-request.ts";
import { mailIn } from "./envelopes.ts";
import { LATCH_PLUGIN, latch } from "./latch.ts";
import { runFolder } from "./run-folder.ts";
import { type Actor, type Answer, answerOf, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage({
  otherPlugins: [LATCH_PLUGIN],
  files: { "narrow/opencode.json": JSON.stringify({ team_mode: { max_parallel_members: 1 } }) },
});

/** Starts a turn of the actor's in which it waits, and answers how the wait ended. */
async function waiting(
  actor: Actor,
  args: Readonly<Record<string, unknown>>,
): Promise<() => Promise<Answer>> {
  const before = actor.requests().length;
  actor.plays(call("team_status", args));
  await play.host.promptAsync(actor.sessionId, "Wait for them.", { agent: actor.agent });
  await eventually(() => expect(actor.requests().length).toBeGreaterThan(before));
  return async () => {
    await eventually(() => expect(actor.requests().length).toBeGreaterThan(before + 1));
    return answerOf(actor.results().at(-1) ?? "");
  };
}

/** Opens a turn of the member's that lasts until the returned function is called. */
async function working(team: Team, name: string): Promise<() => void> {
  const door = gate();
  team.member(name).plays(once(door, say("")));
  await team.lead.uses("team_send_message", { to: name, body: "Start working." });
  await team.member(name).reads("Start working.");
  await eventually(async () => expect((await team.files.state()).members[name]?.status).toBe("working"));
  return door.open;
}

describe("team_status", () => {
  test(
    "tells who does what since when, with model, mail, turns, tokens, tasks and what is left of the budgets",
    async () => {
      const team = await play.team(
        { ada: { model: "mock/n" }, bo: {} },
        { tasks: [{ subject: "One", description: "First.", owner: "bo" }] },
      );
      const letGo = await working(team, "ada");

      const status = await team.lead.uses("team_status");
      letGo();

      expect(status).toMatchObject({
        runId: team.runId,
        team: team.name,
        status: "active",
        activity: "working",
        you: "lead",
        lead: { unread: 0 },
        members: [
          {
            name: "ada",
            status: "working",
            since: expect.stringMatching(/^\d+ s$/),
            agent: "general",
            model: "mock/n",
            session: team.member("ada").sessionId,
            unread: 1,
            turns: 1,
            tokens: 110,
          },
          { name: "bo", status: "waiting", unread: 0, turns: 1, tokens: 110, tasks: [1] },
        ],
        tasks: { pending: 1, ready: [1] },
        budgets: {
          members: { used: 2, limit: 8, left: 6 },
          messages: { used: 1, limit: 10_000, left: 9_999 },
          minutes: { used: 0, limit: 120, left: 120 },
        },
      });
      await team.quiet();
      expect(await team.member("bo").uses("team_status")).toMatchObject({ you: "bo", status: "active" });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "says why a run stands still when work is left and nobody does it",
    async () => {
      const team = await play.team(["ada"], {
        tasks: [
          { subject: "One", description: "First." },
          { subject: "Two", description: "Second.", blockedBy: [1] },
        ],
      });

      expect(await team.lead.uses("team_status")).toMatchObject({
        activity: "waiting",
        stuck: "nobody works and 2 tasks are open: #1 is ready and nobody's; #2 waits for #1",
      });
    },
    TEST_TIMEOUT_MS,
  );
});

describe("waitFor", () => {
  test(
    "idle ends when the last member has settled, and not before",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const letGo = await working(team, "ada");
      const ended = await waiting(team.lead, { waitFor: "idle", timeoutMs: 30_000 });
      // Something else happens meanwhile, and the wait goes on.
      await team.member("bo").uses("team_task_create", { subject: "One", description: "First." });
      await team.files.task(1);
      expect(team.lead.newest().outcome).toBe("answered");
      const asked = team.lead.requests().length;
      letGo();

      const status = await ended();

      expect(team.lead.requests()).toHaveLength(asked + 1);
      expect(status).toMatchObject({ activity: "waiting", waited: { waitFor: "idle", ended: "idle" } });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "message ends with mail for the caller, which is in front of it at its next step",
    async () => {
      const team = await play.team(["ada"]);
      const ended = await waiting(team.lead, { waitFor: "message", timeoutMs: 30_000 });
      await team.member("ada").uses("team_send_message", { to: "lead", body: "Here is the outcome." });

      expect(await ended()).toMatchObject({ waited: { waitFor: "message", ended: "message" } });
      const read = await team.lead.reads("Here is the outcome.");
      await team.quiet();
      expect(team.lead.requests().indexOf(read)).toBe(team.lead.requests().length - 1);
      expect(mailIn(read)).toMatchObject([{ from: "ada", body: "Here is the outcome." }]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "does not end while that mail is only written or posted: its next step would be without it",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const ended = await waiting(team.lead, { waitFor: "message", timeoutMs: 30_000 });
      const asked = team.lead.requests().length;
      const letGo = await latch(play.host.work, "Here is the outcome.");
      await team.member("ada").uses("team_send_message", { to: "lead", body: "Here is the outcome." });
      await eventually(async () => expect((await team.files.inbox("lead")).reserved).toHaveLength(1));
      await team.member("bo").uses("team_task_create", { subject: "One", description: "First." });
      expect(team.lead.requests()).toHaveLength(asked);
      await letGo();

      expect(await ended()).toMatchObject({ waited: { waitFor: "message", ended: "message" } });
      const next = team.lead.requests()[asked];
      expect(next && mailIn(next)).toMatchObject([{ from: "ada", body: "Here is the outcome." }]);
      await team.quiet();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "idle ends early for mail, too",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const letGo = await working(team, "ada");
      const ended = await waiting(team.lead, { waitFor: "idle", timeoutMs: 30_000 });
      await team.member("bo").uses("team_send_message", { to: "lead", body: "I have a question." });

      expect(await ended()).toMatchObject({ waited: { ended: "message" } });
      letGo();
      await team.quiet();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "change ends with the next thing that happens",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const ended = await waiting(team.lead, { waitFor: "change", timeoutMs: 30_000 });
      await team.member("ada").uses("team_task_create", { subject: "One", description: "First." });

      expect(await ended()).toMatchObject({ waited: { waitFor: "change", ended: "change" } });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "ends with its timeout when nothing happens, and takes no longer one than a minute",
    async () => {
      const team = await play.team(["ada"]);
      const letGo = await working(team, "ada");

      const status = await team.lead.uses("team_status", { waitFor: "idle", timeoutMs: 200 });
      const refusal = await team.lead.isRefused("team_status", { waitFor: "idle", timeoutMs: 60_001 });
      letGo();

      expect(status).toMatchObject({ activity: "working", waited: { ended: "timeout" } });
      expect(refusal).toMatch(/^argument_invalid: .*60000, received 60001/);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "ends with the person's Esc, and the session can be used at once",
    async () => {
      const team = await play.team(["ada"]);
      await waiting(team.lead, { waitFor: "message", timeoutMs: 60_000 });
      await eventually(async () => {
        const parts = (await play.host.messages(team.lead.sessionId)).at(-1)?.parts ?? [];
        expect(parts).toContainEqual(expect.objectContaining({ tool: "team_status" }));
      });

      const stoppedAt = Date.now();
      await play.host.abort(team.lead.sessionId);
      const status = await team.lead.uses("team_status");

      expect(Date.now() - stoppedAt).toBeLessThan(10_000);
      expect(status).not.toHaveProperty("waited");
      expect(await team.lead.uses("team_send_message", { to: "ada", body: "Still there?" })).toHaveProperty(
        "messageId",
      );
      await team.member("ada").reads("Still there?");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "lends the slot of a member that waits to the one it waits for",
    async () => {
      const { id } = await play.host.session({ directory: `${play.host.work}/narrow` });
      const team = await play.team(["ada", "bo"], { lead: play.actor(id) });
      const ended = await waiting(team.member("ada"), { waitFor: "message", timeoutMs: 30_000 });
      team.member("bo").plays(call("team_send_message", { to: "ada", body: "Here you are." }));
      await team.lead.uses("team_send_message", { to: "bo", body: "Answer ada." });

      expect(await ended()).toMatchObject({ waited: { ended: "message" } });
      await team.member("ada").reads("Here you are.");
      await team.quiet();
    },
    TEST_TIMEOUT_MS,
  );
});

describe("under opencode run", () => {
  function scripted(topic: string, lead: Parameters<typeof play.model.program>[0]["steps"]): void {
    const spec = { name: topic, members: [{ name: "ada", subagent_type: "general", prompt: "Count." }] };
    play.model.name(`${topic}/lead`, (request) => request.lastUserText.includes(`Count with ${topic}.`));
    play.model.name(`${topic}/ada`, (request) => request.lastUserText.includes(`of the team "${topic}"`));
    play.model.program({
      when: `${topic}/lead`,
      steps: [call("team_create", { inline_spec: spec }), ...lead],
    });
    play.model.program({ when: `${topic}/ada`, steps: [after(1_500, say("There are seven."))] });
  }

  /** What came of a run: the mail in the lead's last request, and the folder of the run. */
  function outcome(topic: string) {
    const requests = play.model.requestsOf(`${topic}/lead`);
    const created = requests[1]?.toolResultsSinceLastUser[0]?.text ?? "";
    const newest = requests.at(-1);
    if (newest === undefined) throw new Error(`nobody has led ${topic}`);
    const results = toolResults(newest).map((result) => result.text);
    return {
      mail: mailIn(newest),
      results,
      files: runFolder(play.baseDir, String(answerOf(created)["runId"])),
    };
  }

  test(
    "a lead that waits with team_status has everything delivered when the run ends",
    async () => {
      scripted("waiters", [
        call("team_status", { waitFor: "idle" }),
        call("team_delete"),
        say("Seven it is."),
      ]);

      const ran = await play.host.run(["run", "Count with waiters."]);

      expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining("Seven it is.") });
      const { mail, files, results } = outcome("waiters");
      expect(results.at(-1)).toContain('"status":"closed"');
      expect(mail).toMatchObject([{ from: "ada", kind: "final_report", body: "There are seven." }]);
      expect((await files.state()).status).toBe("closed");
      expect(await files.waitingMail(["ada", "lead"])).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a lead that just ends its turn is kept until its members have reported",
    async () => {
      scripted("enders", [say("Ada counts."), say("Ada says seven.")]);

      const ran = await play.host.run(["run", "Count with enders."]);

      expect(ran).toMatchObject({ code: 0, stdout: expect.stringContaining("Ada says seven.") });
      const { mail } = outcome("enders");
      expect(mail).toMatchObject([{ from: "ada", kind: "final_report", body: "There are seven." }]);
    },
    TEST_TIMEOUT_MS,
  );
});
