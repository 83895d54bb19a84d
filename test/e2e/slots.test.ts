import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { call, gate, once } from "../support/model-replies.ts";
import { mentions } from "../support/model-request.ts";
import { FAULTY_HOST, faultyHost } from "./faulty-host.ts";
import { SILENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const on = stage({ teamMode: { enabled: true, max_parallel_members: 1 } });

/** Where the clock can be turned. */
const old = stage({ teamMode: { enabled: true, max_parallel_members: 2 }, plugin: FAULTY_HOST });
const faulty = faultyHost(() => old.host.home);

async function shows({ lead }: Team, row: object): Promise<void> {
  await eventually(async () => {
    const { members } = await lead.uses("team_status");
    expect(members).toContainEqual(expect.objectContaining(row));
  });
}

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
      await shows(crew, { name: "bo", hold: "slot", unread: 1 });
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

  test(
    "the lead waits for a member that waits for another one, and each wait ends with the mail that it was for",
    async () => {
      const crew = await on.team(["ada", "bo"]);
      const [ada, bo] = [crew.member("ada"), crew.member("bo")];
      const wait = { waitFor: "message", timeoutMs: 30_000 };
      ada.plays(
        call("team_status", wait),
        call("team_send_message", { to: "lead", body: "Bo is here." }),
        SILENCE,
      );
      await crew.lead.uses("team_send_message", { to: "ada", body: "Wait for bo." });
      await ada.reads("Wait for bo.");
      const door = gate();
      bo.plays(once(door, call("team_send_message", { to: "ada", body: "Here I am." })), SILENCE);
      await crew.lead.uses("team_send_message", { to: "bo", body: "Say hello to ada." });
      await bo.reads("Say hello to ada.");

      const waited = crew.lead.uses("team_status", wait);
      door.open();

      expect(await waited).toMatchObject({ waited: { waitFor: "message", ended: "message" } });
      expect(mentions(await crew.lead.reads("Bo is here."), "Bo is here.")).toBe(1);
      await crew.quiet();
    },
    TEST_TIMEOUT_MS,
  );
});

describe("with two members at work at a time, and a third one that has waited for long", () => {
  test(
    "what a member writes to one that works waits for the end of its turn, and the slot goes to who waited",
    async () => {
      const crew = await old.team(["ada", "bo", "cy"]);
      const [ada, bo, cy] = [crew.member("ada"), crew.member("bo"), crew.member("cy")];
      const doors = { ada: gate(), bo: gate(), cy: gate(), end: gate() };
      ada.plays(once(doors.ada, SILENCE));
      bo.plays(once(doors.bo, SILENCE));
      cy.plays(
        once(doors.cy, call("team_send_message", { to: "ada", body: "By the way." })),
        once(doors.end, SILENCE),
      );
      for (const member of [ada, cy]) {
        await crew.lead.uses("team_send_message", {
          to: member === ada ? "ada" : "cy",
          body: "Take your time.",
        });
        await member.reads("Take your time.");
      }
      await crew.lead.uses("team_send_message", { to: "bo", body: "Your turn." });
      await shows(crew, { name: "bo", hold: "slot", unread: 1 });

      await faulty.turn(2 * 60_000);
      doors.cy.open();
      await shows(crew, { name: "ada", status: "working", hold: "slot", unread: 2 });

      doors.ada.open();
      await bo.reads("Your turn.");
      expect(ada.requests().some((request) => mentions(request, "By the way.") > 0)).toBe(false);
      doors.bo.open();
      doors.end.open();
      expect(mentions(await ada.reads("By the way."), "By the way.")).toBe(1);
      await crew.quiet();
    },
    TEST_TIMEOUT_MS,
  );
});
