import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { sessionOf } from "../support/event-tap.ts";
import { eventually } from "../support/eventually.ts";
import { call } from "../support/model-replies.ts";
import { mentions, toolNames } from "../support/model-request.ts";
import { bodiesIn } from "./envelopes.ts";
import { type Actor, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage({
  // So long that what goes on at an answer goes on because of it.
  teamMode: { enabled: true, mailbox_poll_interval_ms: 60_000 },
  config: {
    agent: {
      asking: { mode: "all", description: "Asks before it runs anything.", permission: { bash: "ask" } },
      free: { mode: "all", description: "Runs anything.", permission: { bash: "allow" } },
      locked: { mode: "primary", description: "Runs nothing.", permission: { bash: "deny" } },
      careful: {
        mode: "primary",
        description: "Removes nothing.",
        permission: { bash: { "*": "allow", "rm *": "deny", "git *": "ask" } },
      },
      reader: { mode: "all", description: "Reads.", permission: { edit: "deny" } },
    },
  },
});

const ECHO = { command: "echo allowed", description: "Say something" };

/** A team whose ada has asked to run a command, and the request as a person's program sees it. */
async function asking(): Promise<{ readonly team: Team; readonly requestId: string }> {
  const team = await play.team({ ada: { subagent_type: "asking" }, bo: {} });
  const ada = team.member("ada");
  ada.plays(call("bash", ECHO));
  await team.lead.uses("team_send_message", { to: "ada", body: "Run it." });
  const asked = await play.host.event(
    (event) => event.type === "permission.asked" && sessionOf(event) === ada.sessionId,
  );
  await eventually(async () =>
    expect((await team.files.state()).members["ada"]?.status).toBe("needs_approval"),
  );
  return { team, requestId: String(asked.properties["id"]) };
}

async function runs(actor: Actor, command: string): Promise<string> {
  return actor.tries("bash", { command, description: "Run it" });
}

describe("a permission that a member asks for", () => {
  test(
    "is shown at once: who waits for what, in status and as a toast",
    async () => {
      const { team, requestId } = await asking();

      const status = await team.lead.uses("team_status");
      const toast = await play.host.event(
        (event) => event.type === "tui.toast.show" && JSON.stringify(event.properties).includes(team.name),
      );

      expect(status).toMatchObject({
        activity: "needs_approval",
        members: [
          { name: "ada", status: "needs_approval", reason: "permission bash (echo allowed)" },
          { name: "bo", status: "waiting" },
        ],
        next: expect.stringContaining("ada waits for the person's approval"),
      });
      expect(toast.properties["message"]).toBe(
        `ada (${team.name}) asks: permission bash (echo allowed). Answer: flotilla answer ada once|always|reject`,
      );
      expect(await play.host.permissions()).toMatchObject([
        { id: requestId, sessionID: team.member("ada").sessionId, permission: "bash" },
      ]);
      await play.host.replyPermission(requestId, "reject");
      await team.quiet();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "holds the member's mail without an attempt, and lets it go at the answer",
    async () => {
      const { team, requestId } = await asking();
      const ada = team.member("ada");
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "And hurry." });

      const status = await team.lead.uses("team_status");
      const inbox = await team.files.inbox("ada");
      expect(status["members"]).toMatchObject([{ name: "ada", hold: "approval", unread: 2 }, { name: "bo" }]);
      expect(inbox.ready).toEqual([`${messageId}.json`]);
      expect(mentions(ada.newest(), "And hurry.")).toBe(0);
      const answeredAt = Date.now();
      await play.host.replyPermission(requestId, "once");
      const read = await ada.reads("And hurry.");
      await team.quiet();

      // Ten times the second that is meant, on a machine that runs others meanwhile.
      expect(read.receivedAt - answeredAt).toBeLessThan(10_000);
      expect(ada.results()).toEqual([expect.stringContaining("allowed")]);
      expect(bodiesIn(ada.newest())).toEqual(["Run it.", "And hurry."]);
      expect((await team.files.state()).members["ada"]).toMatchObject({ status: "waiting", gates: [] });
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "can be rejected; the turn ends, and held mail starts the next one",
    async () => {
      const { team, requestId } = await asking();
      const ada = team.member("ada");
      await team.lead.uses("team_send_message", { to: "ada", body: "Then something else." });
      await play.host.replyPermission(requestId, "reject");

      const read = await ada.reads("Then something else.");
      await team.quiet();

      expect(bodiesIn(read)).toEqual(["Run it.", "Then something else."]);
      expect((await team.files.state()).members["ada"]?.status).toBe("waiting");
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a member", () => {
  test(
    "is denied what its lead is denied, although its own agent allows it",
    async () => {
      const team = await play.team({ ada: { subagent_type: "free" } }, { leadAgent: "locked" });
      const ada = team.member("ada");

      const result = await runs(ada, "echo hello");

      expect(toolNames(ada.newest())).not.toContain("bash");
      expect(toolNames(team.lead.newest())).not.toContain("bash");
      expect(result).toContain("unavailable tool 'bash'");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is bound by its lead's exceptions too: what is denied stays denied, what is asked is asked",
    async () => {
      const team = await play.team({ ada: { subagent_type: "free" } }, { leadAgent: "careful" });
      const ada = team.member("ada");
      const precious = `${play.host.work}/precious.txt`;
      await writeFile(precious, "keep me");

      expect(await runs(ada, "echo fine")).toContain("fine");
      expect(await runs(ada, "rm precious.txt")).toMatch(/prevents|denied|rejected/i);
      expect(existsSync(precious)).toBe(true);
      ada.plays(call("bash", { command: "git status", description: "Look" }));
      await team.lead.uses("team_send_message", { to: "ada", body: "Look at git." });
      const asked = await play.host.event(
        (event) => event.type === "permission.asked" && sessionOf(event) === ada.sessionId,
      );
      expect(asked.properties).toMatchObject({ permission: "bash", patterns: ["git status"] });
      await play.host.replyPermission(String(asked.properties["id"]), "once");
      await team.quiet();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "keeps what its own agent is denied, although its lead is allowed it",
    async () => {
      const team = await play.team({ ada: { subagent_type: "reader" } });

      expect(toolNames(team.lead.newest())).toContain("write");
      expect(toolNames(team.member("ada").newest())).not.toContain("write");
      expect(toolNames(team.member("ada").newest())).not.toContain("edit");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "of a lead that may only plan does not write either",
    async () => {
      const team = await play.team(["ada"], { leadAgent: "plan" });
      const ada = team.member("ada");
      const path = `${play.host.work}/written.txt`;

      const result = await ada.tries("write", { filePath: path, content: "hello" });

      expect(existsSync(path)).toBe(false);
      expect(result).not.toContain("successfully");
    },
    TEST_TIMEOUT_MS,
  );
});
