import { describe, expect, test } from "bun:test";
import { textOf } from "../support/host-api.ts";
import { hang } from "../support/model-replies.ts";
import { bodiesIn } from "./envelopes.ts";
import { runFolder } from "./run-folder.ts";
import { type Actor, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage({ teamMode: { enabled: true, max_parallel_members: 1 } });

/** Starts the host again; the first request for the directory starts the plugin. */
async function restart(): Promise<void> {
  await play.host.restart();
  await play.host.session();
}

/** How often each text stands in what the session's model would be sent, by the host's own store. */
async function stored(actor: Actor, texts: readonly string[]): Promise<readonly number[]> {
  const transcript = (await play.host.messages(actor.sessionId)).map(textOf).join("\n");
  return texts.map((text) => transcript.split(text).length - 1);
}

async function sessionsOf(team: Team): Promise<readonly string[]> {
  return (await play.host.children(team.lead.sessionId)).map((session) => session.id).toSorted();
}

describe("a session that was offered its tools before the host was started again", () => {
  test(
    "has them, and is not told again that they come when it makes a team",
    async () => {
      const lead = await play.outsider();
      await lead.hears("Make a team for me, when I say so.");
      await restart();

      const before = lead.requests().length;
      const members = [{ name: "ada", subagent_type: "general", prompt: "Wait." }];
      const created = await lead.uses("team_create", { inline_spec: { name: "late", members } });

      expect(created["next"]).not.toContain("next turn");
      expect(lead.requests()).toHaveLength(before + 2);
      const files = runFolder(play.baseDir, String(created["runId"]));
      expect((await files.state()).lead.toolsPending).toBe(false);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a host that is killed with kill -9 and started again", () => {
  test(
    "delivers what was on its way and what had not started, each once, to the same sessions",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const [ada, bo] = [team.member("ada"), team.member("bo")];
      const before = await sessionsOf(team);
      ada.plays(hang());
      const onItsWay = await team.lead.uses("team_send_message", { to: "ada", body: "On its way." });
      await ada.reads("On its way.");
      // One works at a time: this one waits for the slot.
      const waiting = await team.lead.uses("team_send_message", { to: "bo", body: "Waiting for a slot." });
      expect(await team.files.inbox("ada")).toMatchObject({
        reserved: [`.delivering-${onItsWay["messageId"]}.json`],
      });
      expect(await team.files.inbox("bo")).toMatchObject({ ready: [`${waiting["messageId"]}.json`] });

      await play.host.kill9();
      await restart();
      await bo.reads("Waiting for a slot.");
      await team.quiet();

      expect(bodiesIn(ada.newest())).toEqual(["On its way."]);
      expect(ada.newest().outcome).toBe("answered");
      expect(bodiesIn(bo.newest())).toEqual(["Waiting for a slot."]);
      expect(await stored(ada, ["On its way."])).toEqual([1]);
      expect(await stored(bo, ["Waiting for a slot."])).toEqual([1]);
      expect(await sessionsOf(team)).toEqual(before);
      expect((await team.files.inbox("ada")).processed).toContain(`${onItsWay["messageId"]}.json`);
      expect((await team.files.inbox("bo")).processed).toContain(`${waiting["messageId"]}.json`);
      expect((await team.files.inbox("ada")).dead).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "has the same team: lead, members, tasks and tools",
    async () => {
      const team = await play.team(["ada"], { tasks: [{ subject: "One", description: "First." }] });
      await team.member("ada").uses("team_task_update", { taskId: 1, status: "in_progress" });
      await team.quiet();

      await play.host.kill9();
      await restart();

      expect(await team.lead.uses("team_status")).toMatchObject({
        runId: team.runId,
        status: "active",
        you: "lead",
        members: [{ name: "ada", status: "waiting", session: team.member("ada").sessionId, tasks: [1] }],
      });
      await team.lead.uses("team_send_message", { to: "ada", body: "Are you still there?" });
      await team.member("ada").reads("Are you still there?");
      await team.member("ada").uses("team_send_message", { to: "lead", body: "I am." });
      await team.lead.reads("I am.");
      await team.quiet();
      expect(
        await team.member("ada").uses("team_task_update", { taskId: 1, status: "completed" }),
      ).toMatchObject({
        status: "completed",
      });
      await team.quiet();
      expect(await team.lead.uses("team_delete")).toMatchObject({ status: "closed" });
    },
    TEST_TIMEOUT_MS,
  );
});
