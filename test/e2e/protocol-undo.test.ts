import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { call, hang } from "../support/model-replies.ts";
import { mentions } from "../support/model-request.ts";
import { bodiesIn, mailIn } from "./envelopes.ts";
import { offeredIn } from "./offered.ts";
import { promptsWith } from "./prompts.ts";
import { type Actor, PATIENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

/** Looks that no event brings come once a minute, so what happens sooner was told by the host. */
const play = stage({ teamMode: { enabled: true, mailbox_poll_interval_ms: 60_000 } });

/** The id of the newest prompt that holds the text. */
async function promptWith(actor: Actor, text: string): Promise<string> {
  const newest = (await promptsWith(play.host, actor, text)).at(-1);
  if (newest === undefined) throw new Error(`no prompt of ${actor.sessionId} holds ${text}`);
  return newest;
}

async function undo(actor: Actor, text: string): Promise<void> {
  const messageID = await promptWith(actor, text);
  await play.host.call("POST", `/session/${actor.sessionId}/revert`, { body: { messageID } });
}

async function redo({ sessionId }: Actor): Promise<void> {
  await play.host.call("POST", `/session/${sessionId}/unrevert`, { body: {} });
}

/** Mail that the member has read and not answered, because a person stopped it in front of it. */
async function stoppedBefore(team: Team, name: string, body: string): Promise<string> {
  const member = team.member(name);
  member.plays(hang());
  const { messageId } = await team.lead.uses("team_send_message", { to: name, body });
  await member.reads(body);
  await play.host.abort(member.sessionId);
  await eventually(
    async () =>
      expect((await team.files.state()).members[name]).toMatchObject({
        status: "interrupted",
        heldByPerson: true,
      }),
    PATIENCE,
  );
  await team.lead.reads("stopped by a person");
  await eventually(async () => {
    expect(await team.files.waitingMail(["lead"])).toEqual([]);
    expect((await team.files.state()).lead.turn).toBeUndefined();
  }, PATIENCE);
  return String(messageId);
}

/** Resolves when the member's one message waits for the undo, and nothing is left to happen that could look after it. */
async function heldByUndo({ lead, files }: Team): Promise<void> {
  await eventually(async () => {
    const { members } = await lead.uses("team_status");
    expect(members).toMatchObject([{ name: "ada", hold: "undo_staged", unread: 1 }]);
  }, PATIENCE);
  await eventually(async () => expect((await files.state()).lead.turn).toBeUndefined(), PATIENCE);
}

describe("a staged undo in a member's session", () => {
  test(
    "holds its mail, and taken back lets it go at once, with nothing of the redo lost",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      await ada.hears("A person's word.");
      await undo(ada, "A person's word.");
      await team.lead.uses("team_send_message", { to: "ada", body: "Are you there?" });
      await heldByUndo(team);
      expect(mentions(ada.newest(), "Are you there?")).toBe(0);

      await redo(ada);

      const read = await ada.reads("Are you there?");
      expect(mentions(read, "A person's word.")).toBe(1);
      expect(bodiesIn(read)).toEqual(["Are you there?"]);
      await team.quiet();
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "that the person makes final by prompting lets its mail go into that turn",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      await ada.hears("The first try.");
      await undo(ada, "The first try.");
      await team.lead.uses("team_send_message", { to: "ada", body: "Are you there?" });
      await heldByUndo(team);

      await ada.hears("The second try.");

      const read = await ada.reads("Are you there?");
      expect(mentions(read, "The first try.")).toBe(0);
      expect(mentions(read, "The second try.")).toBe(1);
      expect(bodiesIn(read)).toEqual(["Are you there?"]);
      await team.quiet();
    },
    2 * TEST_TIMEOUT_MS,
  );
});

describe("mail that a member had not seen when a person stopped it", () => {
  /** What holds each batch, by the files. */
  async function holds({ files }: Team): Promise<readonly unknown[]> {
    const { batches } = await files.inbox("ada");
    const texts = batches.map((name) => readFile(join(files.path, "inboxes", "ada", name), "utf8"));
    return (await Promise.all(texts)).map((text) => JSON.parse(text).held?.by);
  }

  test(
    "comes as soon as the lead lets it go on, and what was written since follows in order",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      ada.plays(hang());
      await team.lead.uses("team_send_message", { to: "ada", body: "A long job." });
      await ada.reads("A long job.");
      await team.lead.uses("team_send_message", { to: "ada", body: "By the way." });
      await eventually(() => promptWith(ada, "By the way."), PATIENCE);
      await play.host.abort(ada.sessionId);
      await eventually(
        async () => expect(await holds(team)).toEqual(["stopped_by_person", "stopped_by_person"]),
        PATIENCE,
      );

      await team.lead.uses("team_send_message", { to: "ada", body: "Go on." });
      await ada.reads("Go on.");
      await team.quiet();

      expect(bodiesIn(ada.newest())).toEqual(["A long job.", "By the way.", "Go on."]);
    },
    2 * TEST_TIMEOUT_MS,
  );
});

describe("mail that a step has answered", () => {
  test(
    "stays answered when a person stops the turn afterwards",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      ada.plays(call("read", { filePath: `${play.host.work}/README.md` }), hang());
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "A long job." });
      await eventually(() => expect(ada.newest().toolResultsSinceLastUser).toHaveLength(1), PATIENCE);
      await play.host.abort(ada.sessionId);

      await eventually(
        async () => expect(await team.files.inbox("ada")).toMatchObject({ reserved: [], batches: [] }),
        PATIENCE,
      );
      expect((await team.files.inbox("ada")).processed).toContain(`${messageId}.json`);
      await team.lead.uses("team_send_message", { to: "ada", body: "Something else." });
      await ada.reads("Something else.");
      await team.quiet();
      expect(bodiesIn(ada.newest())).toEqual(["A long job.", "Something else."]);
    },
    2 * TEST_TIMEOUT_MS,
  );
});

describe("a message that a person removes from the member's history", () => {
  test(
    "by an undo that became final is brought again under new ids if it was not answered",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const messageId = await stoppedBefore(team, "ada", "Count the files.");
      const former = await promptWith(ada, "Count the files.");
      await undo(ada, "Count the files.");

      await ada.hears("What was I about to do?");
      await eventually(() => expect(bodiesIn(ada.newest())).toEqual(["Count the files."]), PATIENCE);
      await team.quiet();

      expect(mailIn(ada.newest()).at(-1)).toMatchObject({ messageId });
      expect(await promptWith(ada, "Count the files.")).not.toBe(former);
      expect((await team.files.inbox("ada")).processed).toContain(`${messageId}.json`);
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "one by one is brought again if it was not answered, and stays read if it was",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const answered = await team.lead.uses("team_send_message", { to: "ada", body: "An old story." });
      await ada.reads("An old story.");
      await team.quiet();
      const messageId = await stoppedBefore(team, "ada", "Count the files.");
      const former = await promptWith(ada, "Count the files.");
      for (const text of ["An old story.", "Count the files."]) {
        const id = await promptWith(ada, text);
        await play.host.call("DELETE", `/session/${ada.sessionId}/message/${id}`);
      }
      await eventually(
        async () =>
          expect(await team.files.inbox("ada")).toMatchObject({ ready: [`${messageId}.json`], batches: [] }),
        PATIENCE,
      );

      await team.lead.uses("team_send_message", { to: "ada", body: "Go on." });
      await ada.reads("Go on.");
      await team.quiet();

      expect(bodiesIn(ada.newest())).toEqual(["Count the files.", "Go on."]);
      expect(await promptWith(ada, "Count the files.")).not.toBe(former);
      const { processed } = await team.files.inbox("ada");
      expect(processed).toContain(`${answered["messageId"]}.json`);
      expect(processed).toContain(`${messageId}.json`);
    },
    2 * TEST_TIMEOUT_MS,
  );
});

describe("a fork", () => {
  /** What a person's program sees of the run: a fork must change none of it. */
  async function standing({ files }: Team): Promise<unknown> {
    const { members, lead, revision } = await files.state();
    return { members, lead, revision, ada: await files.inbox("ada") };
  }

  async function fork({ sessionId }: Actor): Promise<Actor> {
    const { id } = await play.host.call<{ id: string }>("POST", `/session/${sessionId}/fork`, { body: {} });
    return play.actor(id);
  }

  test.each(["ada", "lead"])(
    "of the session of %s is nobody: no tools, no mail, no voice, and nothing it answers counts for the run",
    async (name) => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const messageId = await stoppedBefore(team, "ada", "Count the files.");
      const before = await standing(team);

      const original = name === "lead" ? team.lead : ada;
      const copy = await fork(original);
      const heard = await copy.hears("Who are you?");
      await play.host.patch(copy.sessionId, {
        permission: [{ permission: "team_*", pattern: "*", action: "allow" }],
      });
      const refusal = await copy.isRefused("team_status");

      expect(mailIn(heard)).toEqual(mailIn(original.newest()));
      expect(offeredIn(heard)).toEqual(["team_create", "team_list"]);
      expect(refusal).toStartWith("not_a_participant: ");
      expect(await standing(team)).toEqual(before);
      // The copy has answered the very text; the member has not.
      await team.lead.uses("team_send_message", { to: "ada", body: "Carry on, ada." });
      await ada.reads("Carry on, ada.");
      await team.quiet();
      expect(bodiesIn(ada.newest())).toEqual(["Count the files.", "Carry on, ada."]);
      expect((await team.files.inbox("ada")).processed).toContain(`${messageId}.json`);
      expect(copy.requests().some((request) => mentions(request, "Carry on, ada.") > 0)).toBe(false);
    },
    2 * TEST_TIMEOUT_MS,
  );
});
