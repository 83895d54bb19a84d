import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { call, gate, once, say } from "../support/model-replies.ts";
import { bodiesIn } from "./envelopes.ts";
import { stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage();

async function turnsOf(team: Team, name: string): Promise<number> {
  return (await team.files.state()).members[name]?.usage.turns ?? 0;
}

/** Reports that reached the lead or are on their way to it. */
async function reports(team: Team): Promise<readonly string[]> {
  await team.quiet();
  return bodiesIn(team.lead.newest(), "final_report");
}

/** Posts mail to a member whose model is writing the last text of its turn, and resolves when the host has stored it. */
async function joins(team: Team, name: string, from: string, body: string): Promise<void> {
  const sender = from === "lead" ? team.lead : team.member(from);
  await sender.uses("team_send_message", { to: name, body });
  await eventually(async () => {
    const messages = await play.host.messages(team.member(name).sessionId);
    expect(JSON.stringify(messages)).toContain(body);
  });
}

describe("a prompt that comes while the last text of a turn is written", () => {
  test(
    "begins a turn of its own: the lead gets the word that answers it, and not what was said to a peer",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const ada = team.member("ada");
      const turns = await turnsOf(team, "ada");
      const door = gate();
      ada.plays(once(door, say("There are seven.")), say("Just between us."));
      await team.lead.uses("team_send_message", { to: "ada", body: "How many?" });
      await ada.reads("How many?");
      await joins(team, "ada", "bo", "A word between us.");
      door.open();
      await ada.reads("A word between us.");
      await team.lead.reads("There are seven.");

      expect(await reports(team)).toEqual(["There are seven."]);
      expect((await turnsOf(team, "ada")) - turns).toBe(2);
      expect(ada.requests().at(-1)?.outcome).toBe("answered");
      expect((await team.files.inbox("ada")).processed).toHaveLength(3);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is answered to the lead, if it is the lead's, though the turn before it was a peer's",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const ada = team.member("ada");
      const door = gate();
      ada.plays(once(door, say("Just between us.")), say("There are seven."));
      await team.member("bo").uses("team_send_message", { to: "ada", body: "A word between us." });
      await ada.reads("A word between us.");
      await joins(team, "ada", "lead", "How many?");
      door.open();
      await team.lead.reads("There are seven.");

      expect(await reports(team)).toEqual(["There are seven."]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "leaves each turn its own report: told in the first, nothing is owed for it, and the second still owes its word",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const door = gate();
      ada.plays(
        call("team_send_message", { to: "lead", body: "Seven, I told you." }),
        once(door, say("I have told the lead.")),
        say("And two of them are empty."),
      );
      await team.lead.uses("team_send_message", { to: "ada", body: "How many?" });
      await team.lead.reads("Seven, I told you.");
      await joins(team, "ada", "lead", "Anything else?");
      door.open();
      await team.lead.reads("And two of them are empty.");

      expect(await reports(team)).toEqual(["And two of them are empty."]);
    },
    TEST_TIMEOUT_MS,
  );
});
