import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { eventually } from "../support/eventually.ts";
import { textOf } from "../support/host-api.ts";
import { call, gate, hang, once, say } from "../support/model-replies.ts";
import { bodiesIn } from "./envelopes.ts";
import { stage, TEST_TIMEOUT_MS } from "./stage.ts";

const play = stage();

describe("a graceful delete", () => {
  test(
    "ends a team whose members have nothing left to do, and keeps their sessions and transcripts",
    async () => {
      const team = await play.team(["ada", "bo"], { tasks: [{ subject: "Left", description: "Not done." }] });
      const ada = team.member("ada");
      await team.lead.uses("team_send_message", { to: "ada", body: "Say something." });
      await ada.reads("Say something.");
      await team.quiet();

      const deleted = await team.lead.uses("team_delete");

      expect(deleted).toMatchObject({
        runId: team.runId,
        status: "closed",
        members: [
          { name: "ada", sessionId: ada.sessionId, was: "waiting" },
          { name: "bo", was: "waiting" },
        ],
        unfinishedTasks: [{ taskId: 1, subject: "Left", status: "pending" }],
      });
      expect(deleted).not.toHaveProperty("unreadMessages");
      expect(existsSync(team.files.path)).toBe(false);
      const transcript = await play.host.messages(ada.sessionId);
      expect(transcript.map(textOf).join("\n")).toContain("Say something.");
      expect((await play.host.children(team.lead.sessionId)).map((one) => one.id)).toContain(ada.sessionId);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "leaves an archive that tells the whole story and in which nothing is half done",
    async () => {
      const team = await play.team(["ada"]);
      await team.lead.uses("team_send_message", { to: "ada", body: "For the record." });
      await team.quiet();
      await team.lead.uses("team_delete");

      const state = await team.files.state();
      const events = (await team.files.journal()).map((line) => line["event"]);

      expect(state).toMatchObject({
        runId: team.runId,
        status: "closed",
        members: { ada: { status: "done" } },
      });
      expect(events.at(0)).toBe("run_created");
      expect(events.at(-1)).toBe("run_closed");
      expect(events).toContain("message_sent");
      expect(await team.files.waitingMail(["ada", "lead"])).toEqual([]);
      expect((await team.files.inbox("ada")).processed).toHaveLength(2);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is refused while a member works, naming it, and works once it has agreed to end",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const { lead } = team;
      const ada = team.member("ada");
      const door = gate();
      ada.plays(once(door, call("team_approve_shutdown", { memberName: "ada" })), say("Goodbye."));
      await lead.uses("team_send_message", { to: "ada", body: "A long job." });
      await ada.reads("A long job.");
      await eventually(async () => expect((await team.files.state()).members["ada"]?.status).toBe("working"));

      const refusal = await lead.isRefused("team_delete");

      expect(refusal).toStartWith(`run_busy: run ${team.runId} cannot be closed gracefully: ada is working`);
      expect(refusal).not.toContain("bo is");
      expect(refusal).toContain("team_shutdown_request");
      expect((await team.files.state()).status).toBe("active");
      await lead.uses("team_shutdown_request", { targetMemberName: "ada" });
      door.open();
      await lead.reads("agreed to shut down");
      await team.quiet();
      expect(await lead.uses("team_delete")).toMatchObject({
        status: "closed",
        members: [
          { name: "ada", was: "done" },
          { name: "bo", was: "waiting" },
        ],
      });
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a delete by force", () => {
  test(
    "stops a busy member at once and says in what state it was",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const ada = team.member("ada");
      ada.plays(hang());
      await team.lead.uses("team_send_message", { to: "ada", body: "A job without end." });
      const stuck = await ada.reads("A job without end.");
      await eventually(async () => expect((await team.files.state()).members["ada"]?.status).toBe("working"));

      const deleted = await team.lead.uses("team_delete", { force: true });

      expect(deleted).toMatchObject({
        status: "closed",
        members: [
          { name: "ada", was: "working" },
          { name: "bo", was: "waiting" },
        ],
      });
      await eventually(() => expect(stuck.outcome).toBe("left"));
      expect(await play.host.status()).not.toHaveProperty(ada.sessionId);
      expect((await play.host.messages(ada.sessionId)).map(textOf).join("\n")).toContain(
        "A job without end.",
      );
      expect(await team.files.waitingMail(["ada", "bo", "lead"])).toEqual([]);
      // Nobody tells the lead of errors that it has caused itself.
      await play.host.settled(team.lead.sessionId);
      expect(bodiesIn(team.lead.newest(), "member_error")).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "says how many messages nobody has read, and the archive shows them as given up",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      ada.plays(hang());
      await team.lead.uses("team_send_message", { to: "ada", body: "A job without end." });
      await ada.reads("A job without end.");
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Too late." });

      const deleted = await team.lead.uses("team_delete", { force: true });

      expect(deleted).toMatchObject({ unreadMessages: 2 });
      expect((await team.files.inbox("ada")).dead).toContain(`${messageId}.json`);
      expect(await team.files.waitingMail(["ada", "lead"])).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("after a delete", () => {
  test(
    "the lead can begin another run in the same session, and its former members have no voice in it",
    async () => {
      const first = await play.team(["ada"]);
      await first.lead.uses("team_delete");

      const second = await play.team(["ada"], { lead: first.lead });

      expect(second.runId).not.toBe(first.runId);
      expect(second.member("ada").sessionId).not.toBe(first.member("ada").sessionId);
      await second.lead.uses("team_send_message", { to: "ada", body: "Welcome to the second run." });
      await second.member("ada").reads("Welcome to the second run.");
      await second.member("ada").uses("team_send_message", { to: "lead", body: "Glad to be here." });
      await second.lead.reads("Glad to be here.");
      await second.quiet();
      expect(
        await first.member("ada").isRefused("team_send_message", { to: "lead", body: "I too." }),
      ).toStartWith(`member_ended: this session was ada in run ${first.runId}`);
      expect(await second.lead.uses("team_delete")).toMatchObject({ runId: second.runId, status: "closed" });
      expect((await first.files.state()).status).toBe("closed");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "a lead that leads a live run cannot begin another one beside it",
    async () => {
      const team = await play.team(["ada"]);

      const refusal = await team.lead.isRefused("team_create", {
        inline_spec: { name: "other", members: [{ name: "ada", subagent_type: "general", prompt: "Wait." }] },
      });

      expect(refusal).toStartWith(
        `spec_invalid: no member could be planned: ada: "ada" is in run ${team.runId}, which you lead, and waiting.`,
      );
      expect((await team.files.state()).status).toBe("active");
    },
    TEST_TIMEOUT_MS,
  );
});
