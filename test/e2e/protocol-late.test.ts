import { describe, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { PLUGIN_SOURCE } from "../support/bench.ts";
import { type ModelRequest, mentions } from "../support/model-request.ts";
import { bodiesIn } from "./envelopes.ts";
import { promptsWith } from "./prompts.ts";
import { stage, TEST_TIMEOUT_MS } from "./stage.ts";

const play = stage({
  plugin: fileURLToPath(new URL("late-part-plugin.ts", import.meta.url)),
  otherPlugins: [PLUGIN_SOURCE],
});

/** How many reminders stand in what the model was sent. */
function reminders(request: ModelRequest): number {
  return mentions(request, "<peer_reminder ");
}

describe("mail whose text the running loop has read too early to see", () => {
  test(
    "is pointed at with one short reminder under ids of its own, and stands in the transcript once",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const before = ada.requests().length;
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "[late 1] Count." });

      const read = await ada.reads("[late 1] Count.");
      await team.quiet();

      const [blind, reminded, ...more] = ada.requests().slice(before);
      expect(bodiesIn(blind as ModelRequest)).toEqual([]);
      expect(reminded).toBe(read);
      expect(bodiesIn(read)).toEqual(["[late 1] Count."]);
      expect(mentions(read, `<peer_reminder messageIds="${messageId}">`)).toBe(1);
      expect(more).toEqual([]);
      const [original] = await promptsWith(play.host, ada, "[late 1] Count.");
      const [reminder] = await promptsWith(play.host, ada, "<peer_reminder ");
      expect(await promptsWith(play.host, ada, "[late 1] Count.")).toHaveLength(1);
      expect(await promptsWith(play.host, ada, "<peer_reminder ")).toHaveLength(1);
      expect(reminder).not.toBe(original);
      expect((await team.files.inbox("ada")).processed).toContain(`${messageId}.json`);
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "is not read because its reminder was: another one points at it, and the text stands once",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const before = ada.requests().length;
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "[late 2] Count." });

      await ada.reads("[late 2] Count.");
      await team.quiet();

      const sent = ada.requests().slice(before);
      expect(sent.map(reminders)).toEqual([0, 1, 2]);
      expect(sent.map((request) => bodiesIn(request).length)).toEqual([0, 0, 1]);
      expect(await promptsWith(play.host, ada, "[late 2] Count.")).toHaveLength(1);
      expect(new Set(await promptsWith(play.host, ada, "<peer_reminder ")).size).toBe(2);
      expect((await team.files.inbox("ada")).processed).toContain(`${messageId}.json`);
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "is followed by newer mail in order",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      await team.lead.uses("team_send_message", { to: "ada", body: "[late 1] First." });
      await team.lead.uses("team_send_message", { to: "ada", body: "Second." });

      await ada.reads("Second.");
      await team.quiet();

      expect(bodiesIn(ada.newest())).toEqual(["[late 1] First.", "Second."]);
      expect((await team.files.inbox("ada")).processed).toHaveLength(3);
    },
    2 * TEST_TIMEOUT_MS,
  );
});
