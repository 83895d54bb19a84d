import { describe, expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { sessionOf } from "../support/event-tap.ts";
import { eventually } from "../support/eventually.ts";
import { textOf } from "../support/host-api.ts";
import { cut, fail, gate, hang, once, type Reply, say } from "../support/model-replies.ts";
import { mentions } from "../support/model-request.ts";
import { bodiesIn } from "./envelopes.ts";
import { FAULTY_HOST, faultyHost } from "./faulty-host.ts";
import { type Actor, SILENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

/** What goes wrong in the host and behind it: the member stays recoverable, its mail safe, and the lead hears of it once. */
const play = stage({
  plugin: FAULTY_HOST,
  files: {
    ".opencode/agent/helper.md": "---\ndescription: Helps.\nmode: all\n---\nHelp.\n",
    "manual/opencode.json": JSON.stringify({ compaction: { auto: false } }),
  },
});
const faulty = faultyHost(() => play.host.home);

async function stateOf(team: Team, name: string) {
  return (await team.files.state()).members[name];
}

async function memberRow({ lead }: Team, name: string): Promise<unknown> {
  const { members } = await lead.uses("team_status");
  return (members as readonly { readonly name: string }[]).find((row) => row.name === name);
}

/** How often the text stands in what the session's model would be sent, by the host's own store. */
async function stored(actor: Actor, text: string): Promise<number> {
  const transcript = (await play.host.messages(actor.sessionId)).map(textOf).join("\n");
  return transcript.split(text).length - 1;
}

/** The member's turn for this mail goes wrong in that way; then it is answered. */
async function failing(team: Team, ...replies: readonly Reply[]): Promise<unknown> {
  const ada = team.member("ada");
  ada.plays(...replies, say("Done."));
  const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Do it." });
  return messageId;
}

/** The mail was read once, answered once, and nothing of it is left. */
async function isDoneOnce(team: Team, messageId: unknown): Promise<void> {
  const ada = team.member("ada");
  expect(bodiesIn(await team.lead.reads("final_report"), "final_report")).toEqual(["Done."]);
  await team.quiet();
  expect(bodiesIn(ada.newest())).toEqual(["Do it."]);
  expect(await stored(ada, "Do it.")).toBe(1);
  expect(await stored(ada, "Done.")).toBe(1);
  expect((await team.files.inbox("ada")).processed).toContain(`${String(messageId)}.json`);
  expect((await team.files.inbox("ada")).dead).toEqual([]);
  expect(await stateOf(team, "ada")).toMatchObject({ status: "waiting", heldByPerson: false });
}

/** The host reads its configuration when it makes an instance for a directory; the plugin starts with the first of them. */
async function readConfigAgain(): Promise<void> {
  await play.host.call("POST", "/global/dispose");
  await play.host.session();
}

function isRetrying(sessionId: string): Promise<unknown> {
  return play.host.event(
    (event) =>
      sessionOf(event) === sessionId &&
      event.type === "session.status" &&
      JSON.stringify(event.properties).includes('"retry"'),
  );
}

describe("a provider that", () => {
  for (const [what, reply, reason] of [
    ["knows no such key (401)", fail(401, { message: "bad key" }), "APIError: bad key"],
    [
      "is over its limit until the host gives up (429)",
      fail(429, { message: "too many", retryAfterSeconds: 0 }),
      "APIError: too many",
    ],
    [
      "is broken until the host gives up (500)",
      fail(500, { message: "broken", retryAfterSeconds: 0 }),
      "APIError: broken",
    ],
  ] as const) {
    test(
      `${what} interrupts the member; the lead is told once, and the mail is answered once`,
      async () => {
        const team = await play.team(["ada"]);
        const ada = team.member("ada");
        // A host repeats what may pass, five times.
        let refused = 0;
        const turn = ada.requests().length;
        ada.plays(
          ...Array.from({ length: 6 }, () => () => {
            refused += 1;
            return refused === 1 || reply.status !== 401 ? reply : say("Done.");
          }),
          say("Done."),
        );
        const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Do it." });

        const told = await team.lead.reads(reason);
        await isDoneOnce(team, messageId);

        expect(bodiesIn(told, "member_error")).toHaveLength(1);
        expect(bodiesIn(team.lead.newest(), "member_error")).toEqual([
          expect.stringContaining(`The turn of ada was cut short: ${reason}`),
        ]);
        expect(await team.files.journal()).toContainEqual(
          expect.objectContaining({ event: "member_interrupted", member: "ada", reason }),
        );
        const sent = ada.requests().slice(turn);
        expect(sent.filter(({ outcome }) => outcome === "failed")).toHaveLength(reply.status === 401 ? 1 : 6);
        expect(sent.filter(({ outcome }) => outcome === "answered")).toHaveLength(1);
      },
      TEST_TIMEOUT_MS,
    );
  }

  test(
    "asks to come back later is left to the host: the turn goes on, nobody is told, nothing is posted again",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const turns = (await stateOf(team, "ada"))?.usage.turns ?? 0;
      const messageId = await failing(team, fail(429, { retryAfterSeconds: 3 }));
      await isRetrying(ada.sessionId);
      await eventually(async () => expect((await stateOf(team, "ada"))?.status).toBe("working"));

      expect(await memberRow(team, "ada")).toMatchObject({ status: "working", unread: 1 });
      expect((await team.files.inbox("ada")).processed).toHaveLength(1);
      await isDoneOnce(team, messageId);
      expect((await stateOf(team, "ada"))?.usage.turns).toBe(turns + 1);
      expect(bodiesIn(team.lead.newest(), "member_error")).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "breaks the connection in the middle of a sentence is asked again by the host, and no text stands there twice",
    async () => {
      const team = await play.team(["ada"]);
      const messageId = await failing(team, cut(say("Done by half"), 2));

      await isDoneOnce(team, messageId);
      expect(bodiesIn(team.lead.newest(), "member_error")).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "answers nothing at all has answered: the mail is read, and no last word is owed",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      ada.plays(SILENCE);
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Say nothing." });
      await ada.reads("Say nothing.");
      await team.quiet();

      expect((await team.files.inbox("ada")).processed).toContain(`${String(messageId)}.json`);
      expect((await team.files.inbox("lead")).processed).toEqual([]);
      expect(mentions(ada.newest(), "Say nothing.")).toBe(1);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a person who stops a member", () => {
  test(
    "while the host waits for the provider holds it: mail of a peer does not wake it, mail of the lead does",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const ada = team.member("ada");
      ada.plays(fail(429, { retryAfterSeconds: 60 }));
      await team.lead.uses("team_send_message", { to: "ada", body: "A long wait." });
      await isRetrying(ada.sessionId);
      await play.host.abort(ada.sessionId);
      const told = await team.lead.reads("stopped by a person");
      const before = ada.requests().length;
      await team.member("bo").uses("team_send_message", { to: "ada", body: "A word of bo." });

      expect(bodiesIn(told, "member_error")).toHaveLength(1);
      expect(await memberRow(team, "ada")).toMatchObject({
        status: "interrupted",
        reason: "stopped by a person",
        hold: "stopped_by_person",
        unread: 2,
      });
      await faulty.turn(60 * 60_000);
      expect(await memberRow(team, "ada")).toMatchObject({ hold: "stopped_by_person", unread: 2 });
      expect(ada.requests()).toHaveLength(before);

      await team.lead.uses("team_send_message", { to: "ada", body: "Go on." });
      await ada.reads("Go on.");
      await team.quiet();
      expect(bodiesIn(ada.newest())).toEqual(["A long wait.", "A word of bo.", "Go on."]);
      expect((await team.files.inbox("ada")).dead).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a context that is too long for the model", () => {
  const overflow = fail(400, {
    body: JSON.stringify({
      error: {
        message: "This model's maximum context length is 100 tokens.",
        type: "invalid_request_error",
        code: "context_length_exceeded",
      },
    }),
  });

  test(
    "is compacted by the host with mail on its way, which is then answered and stands in view once",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      ada.plays(overflow);
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Too much." });
      await eventually(() => expect(ada.requests().map(({ kind }) => kind)).toContain("compaction"));
      await eventually(async () =>
        expect((await team.files.inbox("ada")).processed).toContain(`${String(messageId)}.json`),
      );
      await team.quiet();

      expect(mentions(ada.newest(), "Too much.")).toBe(1);
      expect((await stateOf(team, "ada"))?.status).toBe("waiting");
      expect((await team.files.inbox("ada")).dead).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "and not compacted by itself interrupts the member, which keeps its mail",
    async () => {
      const session = await play.host.session({ directory: `${play.host.work}/manual` });
      const team = await play.team(["ada"], { lead: play.actor(session.id) });
      const messageId = await failing(team, overflow);

      const told = await team.lead.reads("ContextOverflowError");
      await isDoneOnce(team, messageId);
      expect(bodiesIn(told, "member_error")).toHaveLength(1);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a session that a person deletes", () => {
  test(
    "while its member works takes nothing along: the lead is told once, and the mail waits for the next of that name",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      ada.plays(hang());
      await team.lead.uses("team_send_message", { to: "ada", body: "Read this, whoever you are." });
      await ada.reads("Read this");
      await play.host.remove(ada.sessionId);
      const told = await team.lead.reads("its session was deleted");
      await eventually(() => expect(ada.newest().outcome).toBe("left"));

      expect(bodiesIn(told, "member_error")).toHaveLength(1);
      expect(await memberRow(team, "ada")).toMatchObject({ status: "lost", unread: 1, hold: "ended" });
      const added = await team.lead.uses("team_create", {
        teamRunId: team.runId,
        inline_spec: {
          name: team.name,
          members: [{ name: "ada", subagent_type: "general", prompt: "Go on there." }],
        },
      });
      const [next] = added["members"] as readonly { readonly sessionId: string }[];
      const read = await play.actor(next?.sessionId ?? "").reads("Read this");
      expect(mentions(read, "Read this, whoever you are.")).toBe(1);
      await team.quiet();
      expect(bodiesIn(team.lead.newest(), "member_error")).toHaveLength(1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "without anybody hearing of it is found: a member's by the mail for it, a lead's by whoever opens the run next",
    async () => {
      const [team, other] = [await play.team(["ada", "bo"]), await play.team(["ada"])];
      await faulty.deafen();
      await play.host.remove(team.member("ada").sessionId);
      await play.host.remove(other.lead.sessionId);
      await faulty.heal();
      await team.member("bo").uses("team_send_message", { to: "ada", body: "Are you there?" });

      expect(bodiesIn(await team.lead.reads("its session was deleted"), "member_error")).toHaveLength(1);
      expect(await memberRow(team, "ada")).toMatchObject({ status: "lost", unread: 1, hold: "ended" });
      await readConfigAgain();
      await eventually(async () =>
        expect(await other.files.state()).toMatchObject({
          status: "closed",
          reason: "the lead's session was deleted",
        }),
      );
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "and was the lead's ends the run: members are silent, and the archive keeps what nobody has read",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const door = gate();
      ada.plays(once(door, say("too late")));
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Never finished." });
      await ada.reads("Never finished.");
      const second = await team.lead.uses("team_send_message", { to: "ada", body: "Never read." });
      await play.host.remove(team.lead.sessionId);
      await eventually(async () => expect((await team.files.state()).status).toBe("closed"));
      await eventually(() => expect(ada.newest().outcome).toBe("left"));
      const requests = ada.requests().length;
      door.open();

      const { ready, reserved, batches, processed } = await team.files.inbox("ada");
      expect({ reserved, batches }).toEqual({ reserved: [], batches: [] });
      expect([...ready, ...processed]).toContain(`${String(messageId)}.json`);
      expect([...ready, ...processed]).toContain(`${String(second["messageId"])}.json`);
      expect(await play.host.status()).not.toHaveProperty(ada.sessionId);
      expect(ada.requests()).toHaveLength(requests);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("an agent that is not there any more", () => {
  test(
    "is named in status and in the notice of the mail that is given up; the member can be written to again",
    async () => {
      const file = `${play.host.work}/.opencode/agent/helper.md`;
      const content = await Bun.file(file).text();
      const team = await play.team({ ada: { subagent_type: "helper" }, bo: {} });
      await rm(file);
      await readConfigAgain();
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Are you there?" });

      await eventually(async () =>
        expect(await memberRow(team, "ada")).toMatchObject({
          status: "waiting",
          unread: 1,
          trouble: expect.stringMatching(/^attempt \d of 8 failed: .*Agent not found: "helper"/),
        }),
      );
      await eventually(
        async () => {
          await faulty.turn(30_000);
          expect((await team.files.inbox("ada")).dead).toContain(`${String(messageId)}.json`);
        },
        { timeoutMs: 30_000, everyMs: 200 },
      );
      const told = await team.lead.reads("could not be delivered");
      expect(bodiesIn(told, "stuck")).toEqual([expect.stringContaining('Agent not found: "helper"')]);
      expect(await play.host.messages(team.member("ada").sessionId)).toHaveLength(2);

      await Bun.write(file, content);
      await readConfigAgain();
      await team.lead.uses("team_send_message", { to: "ada", body: "And now?" });
      await team.member("ada").reads("And now?");
      await team.quiet();
    },
    TEST_TIMEOUT_MS,
  );
});
