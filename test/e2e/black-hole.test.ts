import { describe, expect, test } from "bun:test";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Batch } from "../../src/core/delivery.ts";
import { eventually } from "../support/eventually.ts";
import { textOf } from "../support/host-api.ts";
import { call } from "../support/model-replies.ts";
import { bodiesIn, mailIn } from "./envelopes.ts";
import { FAULTY_HOST, faultyHost, prompts, readings, type Treated } from "./faulty-host.ts";
import { type Actor, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

/** The plugin's calls come to nothing, in every way in which a call can. */
const play = stage({ plugin: FAULTY_HOST, config: { permission: { bash: "ask" } } });
const faulty = faultyHost(() => play.host.home);

/** As `team_status` tells the lead. */
async function memberRow({ lead }: Team, name: string): Promise<Readonly<Record<string, unknown>>> {
  const { members } = await lead.uses("team_status");
  const found = (members as readonly Readonly<Record<string, unknown>>[]).find((row) => row["name"] === name);
  if (found === undefined) throw new Error(`team_status does not name ${name}`);
  return found;
}

/** The one batch of the participant that is not over. */
async function batchOf({ files }: Team, name: string): Promise<Batch> {
  const [file] = (await files.inbox(name)).batches;
  if (file === undefined) throw new Error(`nothing is on its way to ${name}`);
  return JSON.parse(await readFile(join(files.path, "inboxes", name, file), "utf8")) as Batch;
}

/** How often the text stands in what the session's model would be sent, by the host's own store. */
async function stored(actor: Actor, text: string): Promise<number> {
  const transcript = (await play.host.messages(actor.sessionId)).map(textOf).join("\n");
  return transcript.split(text).length - 1;
}

/** Brings on every look at the participant's mail as soon as it is set, until the assertion holds. */
async function later(team: Team, name: string, assertion: () => Promise<unknown>): Promise<void> {
  await eventually(
    async () => {
      if ((await team.files.inbox(name)).batches.length > 0)
        await faulty.reach((await batchOf(team, name)).dueAt);
      await assertion();
    },
    { timeoutMs: 40_000, everyMs: 50 },
  );
}

/** Every notice of mail that was given up, as the session's model was sent them. */
function notices(actor: Actor): readonly string[] {
  return bodiesIn(actor.newest(), "stuck");
}

async function acked({ files }: Team, name: string, messageId: unknown): Promise<void> {
  await eventually(async () =>
    expect((await files.inbox(name)).processed).toContain(`${String(messageId)}.json`),
  );
}

describe("a prompt that the host", () => {
  test(
    "never answers fails after five seconds, says so in status and on disk, and goes with the next attempt",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      await faulty.treat(prompts(ada.sessionId), { kind: "never" }, 1);
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Into the void." });

      await eventually(async () =>
        expect(await batchOf(team, "ada")).toMatchObject({
          attempts: 1,
          lastError: expect.stringContaining("had no answer within 5000 ms"),
        }),
      );
      expect(await memberRow(team, "ada")).toMatchObject({
        status: "waiting",
        unread: 1,
        trouble: expect.stringMatching(/^attempt \d of 8 failed: POST .* had no answer within 5000 ms/),
      });
      await ada.reads("Into the void.");
      await acked(team, "ada", messageId);

      expect(await stored(ada, "Into the void.")).toBe(1);
      expect(await memberRow(team, "ada")).not.toHaveProperty("trouble");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "takes and swallows is found missing after fifteen seconds and posted again",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      await faulty.treat(prompts(ada.sessionId), { kind: "answer", status: 204 }, 1);
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Swallowed." });
      await eventually(async () => expect(await faulty.treated()).toContainEqual(promptOf(ada, "answer")));
      const first = await batchOf(team, "ada");
      expect(await stored(ada, "Swallowed.")).toBe(0);

      await later(team, "ada", async () => expect(await stored(ada, "Swallowed.")).toBe(1));
      await acked(team, "ada", messageId);

      expect((await play.host.messages(ada.sessionId)).map(({ info }) => info.id)).toContain(
        first.hostMessageId,
      );
      expect(bodiesIn(ada.newest())).toEqual(["Swallowed."]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "stores and never answers is posted again under the same ids, and stands in the transcript once",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const before = ada.requests().length;
      await faulty.treat(prompts(ada.sessionId), { kind: "store" }, 1);
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Left lying." });
      await eventually(async () => expect(await stored(ada, "Left lying.")).toBe(1));

      await later(team, "ada", async () => expect(ada.requests().length).toBeGreaterThan(before));
      await acked(team, "ada", messageId);

      expect(await stored(ada, "Left lying.")).toBe(1);
      expect(bodiesIn(ada.newest())).toEqual(["Left lying."]);
      expect(ada.requests()).toHaveLength(before + 1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "does not get, or answers with a fault that may pass, is tried again and arrives once",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      for (const how of [
        { kind: "break" },
        { kind: "answer", status: 500, reason: "database is locked" },
        { kind: "answer", status: 429, reason: "slow down" },
        // The session is there: that is asked before it is believed.
        { kind: "answer", status: 404, reason: "no such session" },
      ] as const) {
        const body = `Try again, ${JSON.stringify(how)}.`;
        await faulty.treat(prompts(ada.sessionId), how, 1);
        const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body });
        await acked(team, "ada", messageId);
        expect(await stored(ada, body)).toBe(1);
      }

      expect((await faulty.treated()).filter(({ path }) => path.includes(ada.sessionId))).toHaveLength(4);
      expect((await team.files.state()).members["ada"]?.status).toBe("waiting");
      expect(notices(team.lead)).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "refuses for good is given up at once; sender and lead hear why, once each, and whose matter it is",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const [ada, bo] = [team.member("ada"), team.member("bo")];
      const cases = [
        [400, "please report it"],
        [401, "flotilla doctor"],
        [403, "flotilla doctor"],
      ] as const;
      for (const [status] of cases) {
        await faulty.treat(prompts(ada.sessionId), { kind: "answer", status, reason: "it will not do" }, 1);
        const { messageId } = await bo.uses("team_send_message", { to: "ada", body: `Refuse ${status}.` });
        const reason = `status ${status}: it will not do`;
        await Promise.all([bo, team.lead].map((actor) => actor.reads(reason)));
        await team.quiet();
        expect((await team.files.inbox("ada")).dead).toContain(`${String(messageId)}.reason.json`);
      }

      for (const actor of [bo, team.lead]) {
        expect(notices(actor)).toEqual(
          cases.map(([status, whose]) => expect.stringMatching(new RegExp(`status ${status}: .*${whose}`))),
        );
      }
      expect((await faulty.treated()).filter(({ path }) => path.includes(ada.sessionId))).toHaveLength(3);
      expect(await memberRow(team, "ada")).toMatchObject({ status: "waiting", unread: 0, dead: 3 });
      await team.lead.uses("team_send_message", { to: "ada", body: "And now?" });
      expect(bodiesIn(await ada.reads("And now?"))).toEqual(["And now?"]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("mail that cannot be delivered", () => {
  test(
    "is given up after eight attempts; sender and lead are told once, and the reason lies beside it",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const [ada, bo] = [team.member("ada"), team.member("bo")];
      await faulty.treat(prompts(ada.sessionId), { kind: "answer", status: 503, reason: "out of order" });
      const { messageId } = await bo.uses("team_send_message", { to: "ada", body: "Eight times." });
      await later(team, "ada", async () => expect((await team.files.inbox("ada")).dead).not.toEqual([]));
      await Promise.all([bo, team.lead].map((actor) => actor.reads("could not be delivered")));
      await team.quiet();

      expect((await faulty.treated()).filter(({ path }) => path.includes(ada.sessionId))).toHaveLength(8);
      for (const actor of [bo, team.lead])
        expect(notices(actor)).toEqual([expect.stringContaining("out of order")]);
      const reason = join(team.files.path, "inboxes", "ada", "dead", `${String(messageId)}.reason.json`);
      expect(JSON.parse(await readFile(reason, "utf8"))).toMatchObject({
        reason: expect.stringContaining("out of order"),
      });
      expect(await stored(ada, "Eight times.")).toBe(0);
      await faulty.heal();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is given up after fifteen minutes in which nothing held it, though it had fewer attempts",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      await faulty.treat(prompts(ada.sessionId), { kind: "answer", status: 204 });
      await team.lead.uses("team_send_message", { to: "ada", body: "Fifteen minutes." });
      await eventually(async () => expect((await batchOf(team, "ada")).attempts).toBe(1));
      await faulty.turn(15 * 60_000);
      await team.lead.reads("could not be delivered");

      expect((await faulty.treated()).filter(({ path }) => path.includes(ada.sessionId))).toHaveLength(1);
      expect(await memberRow(team, "ada")).toMatchObject({ unread: 0, dead: 1 });
      await faulty.heal();
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "because the host cannot even be asked about its session is given up as well",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      await faulty.treat(readings(ada.sessionId), {
        kind: "answer",
        status: 500,
        reason: "no answers today",
      });
      await team.lead.uses("team_send_message", { to: "ada", body: "Unasked." });
      await eventually(async () =>
        expect(await batchOf(team, "ada")).toMatchObject({
          lastError: expect.stringContaining("no answers today"),
        }),
      );
      await later(team, "ada", async () => expect((await team.files.inbox("ada")).dead).not.toEqual([]));
      await team.lead.reads("no answers today");

      expect(await stored(ada, "Unasked.")).toBe(0);
      await faulty.heal();
    },
    TEST_TIMEOUT_MS,
  );
});

describe("an approval that is asked for between the check and the post", () => {
  test(
    "holds a member's mail, which is not on its way; the member works only when it does",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      await faulty.treat({ method: "GET", path: `/session/${ada.sessionId}` }, { kind: "keep" }, 1);
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Just too late." });
      await eventually(async () => expect(await faulty.treated()).toContainEqual(sessionOf(ada, "keep")));
      ada.plays(call("bash", { command: "ls", description: "Lists files" }));
      await play.host.promptAsync(ada.sessionId, "List the files.", { agent: ada.agent });
      await eventually(async () =>
        expect((await team.files.state()).members["ada"]?.status).toBe("needs_approval"),
      );
      await faulty.heal();
      await eventually(async () => expect((await memberRow(team, "ada"))["hold"]).toBe("approval"));

      expect(await team.files.inbox("ada")).toMatchObject({
        ready: [`${String(messageId)}.json`],
        reserved: [],
        batches: [],
      });
      expect(await stored(ada, "Just too late.")).toBe(0);
      const [request] = await play.host.permissions();
      await play.host.replyPermission(request?.id ?? "", "once");
      await ada.reads("Just too late.");
      await acked(team, "ada", messageId);
      expect(await stored(ada, "Just too late.")).toBe(1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "holds the lead's mail, though it was reserved already",
    async () => {
      const team = await play.team(["ada"]);
      const { lead } = team;
      const sent = team.member("ada");
      await faulty.treat({ method: "GET", path: `/session/${lead.sessionId}/message` }, { kind: "keep" }, 1);
      const { messageId } = await sent.uses("team_send_message", { to: "lead", body: "Report, too late." });
      await eventually(async () => expect((await team.files.inbox("lead")).reserved).toHaveLength(1));
      lead.plays(call("bash", { command: "ls", description: "Lists files" }));
      await play.host.promptAsync(lead.sessionId, "List the files.");
      await eventually(async () => expect((await team.files.state()).lead.gates).toHaveLength(1));
      await faulty.heal();
      await eventually(async () =>
        expect(await team.files.inbox("lead")).toMatchObject({
          ready: [`${String(messageId)}.json`],
          reserved: [],
          batches: [],
        }),
      );

      expect(await stored(lead, "Report, too late.")).toBe(0);
      const [request] = await play.host.permissions();
      await play.host.replyPermission(request?.id ?? "", "once");
      expect(mailIn(await lead.reads("Report, too late.")).at(-1)).toMatchObject({ from: "ada" });
      await acked(team, "lead", messageId);
    },
    TEST_TIMEOUT_MS,
  );
});

function promptOf({ sessionId }: Actor, how: Treated["how"]): Treated {
  return { method: "POST", path: `/session/${sessionId}/prompt_async`, how };
}

function sessionOf({ sessionId }: Actor, how: Treated["how"]): Treated {
  return { method: "GET", path: `/session/${sessionId}`, how };
}
