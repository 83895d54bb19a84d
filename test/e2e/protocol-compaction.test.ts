import { describe, expect, test } from "bun:test";
import { eventually } from "../support/eventually.ts";
import { call, fail, type Gate, gate, hang, once, say } from "../support/model-replies.ts";
import { type ModelRequest, mentions } from "../support/model-request.ts";
import { bodiesIn } from "./envelopes.ts";
import { promptsWith } from "./prompts.ts";
import { type Actor, PATIENCE, stage, TEST_TIMEOUT_MS } from "./stage.ts";

const play = stage();

/** What a provider answers when the conversation is too long for its model. */
const TOO_LONG = fail(400, {
  body: JSON.stringify({
    error: {
      message: "This model's maximum context length is 200000 tokens.",
      code: "context_length_exceeded",
    },
  }),
});

/** A step after which the host takes the model's window for full. */
const FULL = { usage: { inputTokens: 199_000, cachedTokens: 0 } };

/** The requests of the session by what they were for. */
function kinds(requests: readonly ModelRequest[]): readonly string[] {
  return requests.map((request) => request.kind);
}

async function summarize({ sessionId }: Actor): Promise<void> {
  await play.host.call("POST", `/session/${sessionId}/summarize`, {
    body: { providerID: "mock", modelID: "m" },
    timeoutMs: 30_000,
  });
}

/** A compaction that a person asks for, under way until the door is opened. */
async function summaryBehind(actor: Actor, door: Gate): Promise<{ readonly ended: Promise<void> }> {
  const isIts = (request: ModelRequest): boolean =>
    request.sessionId === actor.sessionId && request.kind === "compaction";
  play.model.script((request) => (isIts(request) ? once(door, say("What was so far.")) : undefined));
  const ended = summarize(actor);
  await play.model.request(isIts);
  return { ended };
}

describe("mail and a compaction", () => {
  test(
    "that a provider forces: the host's copy of the prompt is known as ours, and is not posted again",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const before = ada.requests().length;
      ada.plays(TOO_LONG);
      const { messageId } = await team.lead.uses("team_send_message", {
        to: "ada",
        body: "Count the files.",
      });
      await eventually(
        () => expect(kinds(ada.requests().slice(before))).toEqual(["turn", "compaction", "turn"]),
        PATIENCE,
      );
      await team.quiet();

      const read = ada.newest();
      expect(bodiesIn(read)).toEqual(["Count the files."]);
      expect(kinds(ada.requests().slice(before))).toEqual(["turn", "compaction", "turn"]);
      expect(await promptsWith(play.host, ada, "Count the files.")).toHaveLength(2);
      expect((await team.files.inbox("ada")).processed).toContain(`${messageId}.json`);
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "in the middle of a turn: what stood unread in it comes again whole, what was answered does not",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const door = gate();
      ada.plays(once(door, call("read", { filePath: `${play.host.work}/README.md` }, FULL)));
      await team.lead.uses("team_send_message", { to: "ada", body: "Start working." });
      await ada.reads("Start working.");
      await team.lead.uses("team_send_message", { to: "ada", body: "By the way." });
      await eventually(
        async () => expect(await promptsWith(play.host, ada, "By the way.")).toHaveLength(1),
        PATIENCE,
      );
      door.open();

      const read = await ada.reads("By the way.");
      await team.quiet();

      expect(bodiesIn(read)).toEqual(["By the way."]);
      expect(mentions(ada.newest(), "Start working.")).toBe(0);
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "that a person asks for before it was answered: it comes again whole",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      ada.plays(hang());
      await team.lead.uses("team_send_message", { to: "ada", body: "A long job." });
      await ada.reads("A long job.");
      await play.host.abort(ada.sessionId);
      await eventually(
        async () => expect((await team.files.state()).members["ada"]).toMatchObject({ heldByPerson: true }),
        PATIENCE,
      );
      const turns = async () => (await team.files.state()).members["ada"]?.usage.turns ?? 0;
      const before = await turns();
      await summarize(ada);
      await eventually(async () => expect(await turns()).toBe(before + 1), PATIENCE);

      await team.lead.uses("team_send_message", { to: "ada", body: "Go on." });
      await ada.reads("Go on.");
      await team.quiet();

      expect(bodiesIn(ada.newest())).toEqual(["A long job.", "Go on."]);
      expect(await promptsWith(play.host, ada, "A long job.")).toHaveLength(2);
      // The summary is nobody's last word.
      expect((await team.files.inbox("lead")).processed).toEqual([expect.stringMatching(/^error_/)]);
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "that a person asks for after an Esc: it wakes nobody, and mail of a peer waits on",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const ada = team.member("ada");
      ada.plays(hang());
      await team.lead.uses("team_send_message", { to: "ada", body: "A long job." });
      await ada.reads("A long job.");
      await play.host.abort(ada.sessionId);
      await eventually(
        async () => expect((await team.files.state()).members["ada"]).toMatchObject({ heldByPerson: true }),
        PATIENCE,
      );
      const door = gate();
      const summary = await summaryBehind(ada, door);

      await team.member("bo").uses("team_send_message", { to: "ada", body: "A word of bo." });
      await eventually(
        async () =>
          expect(await team.lead.uses("team_status")).toMatchObject({
            members: [{ name: "ada", hold: "stopped_by_person", unread: 2 }, { name: "bo" }],
          }),
        PATIENCE,
      );
      door.open();
      await summary.ended;
      expect(kinds(ada.requests()).at(-1)).toBe("compaction");

      await team.lead.uses("team_send_message", { to: "ada", body: "Go on." });
      await ada.reads("Go on.");
      await team.quiet();
      expect(bodiesIn(ada.newest())).toEqual(["A long job.", "A word of bo.", "Go on."]);
    },
    2 * TEST_TIMEOUT_MS,
  );

  test(
    "that is under way when it is sent: it is answered right after, once",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const door = gate();
      const summary = await summaryBehind(ada, door);
      await team.lead.uses("team_send_message", { to: "ada", body: "Are you there?" });
      await eventually(
        async () => expect(await promptsWith(play.host, ada, "Are you there?")).toHaveLength(1),
        PATIENCE,
      );
      door.open();
      await summary.ended;

      await ada.reads("Are you there?");
      await team.quiet();
      expect(await promptsWith(play.host, ada, "Are you there?")).toHaveLength(1);
      expect(ada.requests().filter((request) => mentions(request, "Are you there?") > 0)).toHaveLength(1);
    },
    2 * TEST_TIMEOUT_MS,
  );
});
