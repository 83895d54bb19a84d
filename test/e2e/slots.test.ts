import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { call, gate, once } from "../support/model-replies.ts";
import { mentions } from "../support/model-request.ts";
import { SILENCE, stage, TEST_TIMEOUT_MS } from "./stage.ts";

const on = stage({ teamMode: { enabled: true, max_parallel_members: 1 } });

describe("with one member at work at a time", () => {
  test(
    "a second one waits for the slot, says so, and is woken when the first has ended its turn",
    async () => {
      const crew = await on.team(["ada", "bo"]);
      const door = gate();
      crew.member("ada").plays(once(door, SILENCE));
      await crew.lead.uses("team_send_message", { to: "ada", body: "Take your time." });
      await crew.member("ada").reads("Take your time.");

      await crew.lead.uses("team_send_message", { to: "bo", body: "Your turn." });
      await eventually(async () => {
        const { members } = await crew.lead.uses("team_status");
        expect(members).toContainEqual(expect.objectContaining({ name: "bo", hold: "slot", unread: 1 }));
      });
      expect(
        crew
          .member("bo")
          .requests()
          .some((request) => mentions(request, "Your turn.") > 0),
      ).toBe(false);

      door.open();
      await crew.member("bo").reads("Your turn.");
      await crew.quiet();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "one that waits inside team_status lends its slot to the one it waits for",
    async () => {
      const crew = await on.team(["ada", "bo"]);
      const ada = crew.member("ada");
      ada.plays(call("team_status", { waitFor: "message", timeoutMs: 30_000 }), SILENCE);
      await crew.lead.uses("team_send_message", { to: "ada", body: "Wait for bo." });
      await ada.reads("Wait for bo.");

      crew.member("bo").plays(call("team_send_message", { to: "ada", body: "Here I am." }), SILENCE);
      await crew.lead.uses("team_send_message", { to: "bo", body: "Say hello to ada." });
      const read = await ada.reads("Here I am.");
      expect(mentions(read, "Here I am.")).toBe(1);
      await crew.quiet();
    },
    TEST_TIMEOUT_MS,
  );
});
