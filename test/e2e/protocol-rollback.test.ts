import { describe, expect, test } from "bun:test";
import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { hang } from "../support/model-replies.ts";
import { mentions } from "../support/model-request.ts";
import { scratch } from "../support/scratch.ts";
import { bodiesIn } from "./envelopes.ts";
import { promptsWith } from "./prompts.ts";
import { PATIENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage();

/** Ends the host as a crash does, does something to what lies on disk, and starts it again. */
async function crash(meanwhile: () => Promise<void>): Promise<void> {
  await play.host.kill9();
  await meanwhile();
  await play.host.start();
  // The first request for the directory starts the plugin.
  await play.host.session();
}

/** Files of the host's database: what it has written back, and what it has not yet. */
async function database(): Promise<{ readonly folder: string; readonly names: readonly string[] }> {
  const folder = join(play.host.home, ".local", "share", "opencode");
  return { folder, names: (await readdir(folder)).filter((name) => name.startsWith("opencode.db")) };
}

async function stop(team: Team, name: string): Promise<void> {
  await play.host.abort(team.member(name).sessionId);
  await eventually(
    async () => expect((await team.files.state()).members[name]).toMatchObject({ heldByPerson: true }),
    PATIENCE,
  );
}

describe("after a crash", () => {
  test(
    "between answer and ack a message with newer ones on top is acked from the host's store, and starts nothing",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      await using copies = await scratch("inbox");
      const inbox = join(team.files.path, "inboxes", "ada");
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "An old order." });
      await ada.reads("An old order.");
      // As it lay on disk while the model was answering.
      await cp(inbox, copies.path, { recursive: true });
      await team.quiet();
      await ada.hears("A person's newer word.");
      const turns = ada.requests().length;

      await crash(async () => {
        await rm(inbox, { recursive: true });
        await cp(copies.path, inbox, { recursive: true });
      });

      await eventually(
        async () =>
          expect(await team.files.inbox("ada")).toMatchObject({ ready: [], reserved: [], batches: [] }),
        PATIENCE,
      );
      expect((await team.files.inbox("ada")).processed).toContain(`${messageId}.json`);
      expect(ada.requests()).toHaveLength(turns);
      expect(await promptsWith(play.host, ada, "An old order.")).toHaveLength(1);
      await team.quiet();
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "a member that a person had stopped goes on with all that waited for it",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const ada = team.member("ada");
      ada.plays(hang());
      await team.lead.uses("team_send_message", { to: "ada", body: "A long job." });
      await ada.reads("A long job.");
      await stop(team, "ada");
      await team.member("bo").uses("team_send_message", { to: "ada", body: "A word of bo." });

      await crash(async () => undefined);
      await ada.reads("A word of bo.");
      await team.quiet();

      expect(bodiesIn(ada.newest())).toEqual(["A long job.", "A word of bo."]);
      expect(await promptsWith(play.host, ada, "A long job.")).toHaveLength(1);
    },
    2 * TEST_TIMEOUT_MS,
  );
});

describe("the host's database rolled back to an older copy", () => {
  test(
    "takes back nothing that was acked, posts again what was on its way, and ends who has no session any more",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      await using copies = await scratch("database");
      await crash(async () => {
        const { folder, names } = await database();
        for (const name of names) await cp(join(folder, name), copies.at(name));
      });
      const acked = await team.lead.uses("team_send_message", { to: "ada", body: "Read and done." });
      await ada.reads("Read and done.");
      await team.lead.uses("team_create", {
        inline_spec: { members: [{ name: "cy", subagent_type: "general", prompt: "Wait for mail, cy." }] },
      });
      const cy = play.actor((await team.files.state()).members["cy"]?.sessionId ?? "");
      await cy.reads("Wait for mail, cy.");
      await team.quiet();
      const younger = await play.team(["bo"]);
      for (const actor of [ada, cy, younger.lead]) actor.plays(hang());
      await younger.member("bo").uses("team_send_message", { to: "lead", body: "A report." });
      await younger.lead.reads("A report.");
      const onItsWay = await team.lead.uses("team_send_message", { to: "*", body: "On its way." });
      await Promise.all([ada, cy].map((actor) => actor.reads("On its way.")));

      await crash(async () => {
        const { folder, names } = await database();
        for (const name of names) await rm(join(folder, name));
        for (const name of await readdir(copies.path)) await cp(copies.at(name), join(folder, name));
      });
      await eventually(() => expect(bodiesIn(ada.newest())).toEqual(["On its way."]), PATIENCE);
      await eventually(async () => expect((await younger.files.state()).status).toBe("closed"), PATIENCE);
      await team.lead.reads("Member cy is lost");
      await eventually(
        async () =>
          expect(await team.files.waitingMail(["lead", "ada", "cy"])).toEqual([
            `cy/${onItsWay["messageId"]}.json`,
          ]),
        PATIENCE,
      );
      expect(await promptsWith(play.host, ada, "On its way.")).toHaveLength(1);
      expect((await team.files.inbox("ada")).processed).toEqual(
        expect.arrayContaining([`${acked["messageId"]}.json`, `${onItsWay["messageId"]}.json`]),
      );

      await team.lead.uses("team_create", {
        inline_spec: {
          members: [{ name: "cy", subagent_type: "general", prompt: "You are the second cy." }],
        },
      });
      const { cy: second } = (await team.files.state()).members;
      expect(second?.generation).toBe(2);
      const read = await play.actor(second?.sessionId ?? "").reads("On its way.");
      expect(mentions(read, "On its way.")).toBe(1);
      await team.quiet();
    },
    2 * TEST_TIMEOUT_MS,
  );
});
