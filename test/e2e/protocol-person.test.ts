import { describe, expect, test } from "bun:test";
import { cp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openBench } from "../support/bench.ts";
import { sessionOf } from "../support/event-tap.ts";
import { eventually } from "../support/eventually.ts";
import type { Host } from "../support/host.ts";
import { textOf } from "../support/host-api.ts";
import { call, gate, once } from "../support/model-replies.ts";
import { mentions } from "../support/model-request.ts";
import { scratch } from "../support/scratch.ts";
import { bodiesIn } from "./envelopes.ts";
import { promptsWith } from "./prompts.ts";
import { PATIENCE, SILENCE, stage, TEST_TIMEOUT_MS } from "./stage.ts";

const play = stage();

const WORDS = 'Look at "README.md" <carefully>.\n\tThen say `done` & stop.';

/** A person's prompt as the host stores it, without what differs from prompt to prompt. */
async function storedPrompt(host: Host, sessionId: string): Promise<unknown> {
  const prompt = (await host.messages(sessionId)).findLast((message) => textOf(message) === WORDS);
  return prompt?.parts.map(({ id: _id, messageID: _message, sessionID: _session, ...part }) => part);
}

describe("a person's prompt", () => {
  test(
    "is stored and sent to the byte as in a host without the plugin",
    async () => {
      await using bare = await openBench({ plugin: false });
      const session = await bare.host.session();
      await bare.host.prompt(session.id, WORDS);
      const expected = await storedPrompt(bare.host, session.id);
      const outsider = await play.outsider();
      const team = await play.team(["ada"]);

      for (const actor of [outsider, team.lead, team.member("ada")]) {
        const request = await actor.hears(WORDS);
        expect(await storedPrompt(play.host, actor.sessionId)).toEqual(expected);
        expect(request.lastUserText).toBe(WORDS);
      }
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "is taken although nothing of ours can be read or written",
    async () => {
      const team = await play.team(["ada"]);
      const runs = join(play.baseDir, "runs");
      await rename(runs, `${runs}.away`);
      await writeFile(runs, "not a folder");
      try {
        for (const { sessionId } of [team.lead, team.member("ada"), await play.outsider()]) {
          const answer = await play.host.prompt(sessionId, "Are you there?");
          expect(answer.info).toMatchObject({ finish: "stop" });
        }
      } finally {
        await rename(runs, `${runs}.broken`);
        await rename(`${runs}.away`, runs);
      }
    },
    2 * TEST_TIMEOUT_MS,
  );
});

describe("a lead that has asked its person a question", () => {
  test(
    "gets its mail when that is answered, and not before",
    async () => {
      const team = await play.team(["ada"]);
      const { lead } = team;
      const options = ["Left", "Right"].map((label) => ({ label, description: `Go ${label}.` }));
      lead.plays(
        call("question", { questions: [{ question: "Which way?", header: "Way", options }] }),
        SILENCE,
      );
      const asking = play.host.prompt(lead.sessionId, "Ask me.");
      const asked = await play.host.event(
        (event) => event.type === "question.asked" && sessionOf(event) === lead.sessionId,
      );
      await eventually(async () => expect((await team.files.state()).lead.gates).toHaveLength(1), PATIENCE);

      await team.member("ada").uses("team_send_message", { to: "lead", body: "A report." });
      expect(await team.member("ada").uses("team_status")).toMatchObject({
        lead: { unread: 1, hold: "approval" },
      });
      expect((await team.files.inbox("lead")).batches).toEqual([]);
      await play.host.call("POST", `/question/${asked.properties["id"]}/reply`, {
        query: { directory: play.host.work },
        body: { answers: [["Left"]] },
      });
      await asking;
      await lead.reads("A report.");
      await team.quiet();

      expect(bodiesIn(lead.newest())).toEqual(["A report."]);
    },
    2 * TEST_TIMEOUT_MS,
  );
});

describe("a member whose turn a person has started in a second process", () => {
  /** A turn of ada's in another process, held open, into which mail of the lead's was posted there. */
  async function joined() {
    const team = await play.team(["ada"]);
    const ada = team.member("ada");
    const other = await play.bench.secondHost();
    const door = gate();
    ada.plays(once(door, call("read", { filePath: `${play.host.work}/README.md` })), SILENCE);
    const ended = other.prompt(ada.sessionId, "A person's word.", { agent: ada.agent });
    await ada.reads("A person's word.");
    await team.lead.uses("team_send_message", { to: "ada", body: "By the way." });
    await eventually(
      async () => expect(await promptsWith(play.host, ada, "By the way.")).toHaveLength(1),
      PATIENCE,
    );
    const finish = async (): Promise<void> => {
      door.open();
      await ended;
      await team.quiet();
    };
    return { team, ada, other, finish };
  }

  test(
    "gets its mail there, in that very turn, while the first process says who has it",
    async () => {
      const { team, ada, finish } = await joined();
      const before = (await team.files.state()).members["ada"]?.usage.turns ?? 0;

      expect(await team.lead.uses("team_status")).toMatchObject({
        members: [{ name: "ada", hold: "held_elsewhere", unread: 1 }],
      });
      await finish();

      expect(bodiesIn(ada.newest())).toEqual(["By the way."]);
      expect(mentions(ada.newest(), "A person's word.")).toBe(1);
      expect(ada.results()).toHaveLength(1);
      expect((await team.files.state()).members["ada"]?.usage.turns).toBe(before + 1);
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "has answered what that process died with before it was acked: the first one trusts the host's store",
    async () => {
      await using copies = await scratch("inbox");
      const { team, ada, other, finish } = await joined();
      const inbox = join(team.files.path, "inboxes", "ada");
      await cp(inbox, copies.path, { recursive: true });
      await finish();
      await other.kill9();
      await rm(inbox, { recursive: true });
      await cp(copies.path, inbox, { recursive: true });

      await team.lead.uses("team_send_message", { to: "ada", body: "And next." });
      await ada.reads("And next.");
      await team.quiet();

      expect(bodiesIn(ada.newest())).toEqual(["By the way.", "And next."]);
      expect(mentions(ada.newest(), "<peer_reminder ")).toBe(0);
      expect((await team.files.inbox("ada")).processed).toHaveLength(3);
    },
    2 * TEST_TIMEOUT_MS,
  );
});
