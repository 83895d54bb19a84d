import { describe, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openStorage } from "../../src/storage/open.ts";
import { readProcesses } from "../../src/system/process-identity.ts";
import { eventually } from "../support/eventually.ts";
import { textOf } from "../support/host-api.ts";
import { gate, hang } from "../support/model-replies.ts";
import { bodiesIn } from "./envelopes.ts";
import { runFolder } from "./run-folder.ts";
import { type Actor, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage({ teamMode: { enabled: true, max_parallel_members: 1 } });

/** Starts the host if it does not run; the first request for the directory starts the plugin. */
async function back(): Promise<void> {
  if (!play.host.isRunning) await play.host.start();
  await play.host.session();
}

async function restart(): Promise<void> {
  await play.host.stop();
  await back();
}

/** How often each text stands in what the session's model would be sent, by the host's own store. */
async function stored(actor: Actor, texts: readonly string[]): Promise<readonly number[]> {
  const transcript = (await play.host.messages(actor.sessionId)).map(textOf).join("\n");
  return texts.map((text) => transcript.split(text).length - 1);
}

async function sessionsOf(team: Team): Promise<readonly string[]> {
  return (await play.host.children(team.lead.sessionId)).map((session) => session.id).toSorted();
}

describe("a session that was offered its tools before the host was started again", () => {
  test(
    "has them, and is not told again that they come when it makes a team",
    async () => {
      const lead = await play.outsider();
      await lead.hears("Make a team for me, when I say so.");
      await restart();

      const before = lead.requests().length;
      const members = [{ name: "ada", subagent_type: "general", prompt: "Wait." }];
      const created = await lead.uses("team_create", { inline_spec: { name: "late", members } });

      expect(created["next"]).not.toContain("next turn");
      expect(lead.requests()).toHaveLength(before + 2);
      const files = runFolder(play.baseDir, String(created["runId"]));
      expect((await files.state()).lead.toolsPending).toBe(false);
    },
    TEST_TIMEOUT_MS,
  );
});

/** The ways in which the plugin's process or its instance goes; the first request afterwards starts the plugin anew. */
const ENDS: Readonly<Record<string, () => Promise<unknown>>> = {
  "is killed with kill -9": () => play.host.kill9(),
  "is stopped with SIGTERM": () => play.host.stop(),
  "disposes of its instances": () => play.host.call("POST", "/global/dispose", { body: {} }),
};

describe("a host that goes and comes back", () => {
  test.each(Object.keys(ENDS))(
    "(it %s) delivers what was on its way and what had not started, each once, to the same sessions",
    async (end) => {
      const team = await play.team(["ada", "bo"]);
      const [ada, bo] = [team.member("ada"), team.member("bo")];
      const before = await sessionsOf(team);
      ada.plays(hang());
      const onItsWay = await team.lead.uses("team_send_message", { to: "ada", body: "On its way." });
      await ada.reads("On its way.");
      // One works at a time: this one waits for the slot.
      const waiting = await team.lead.uses("team_send_message", { to: "bo", body: "Waiting for a slot." });
      expect(await team.files.inbox("ada")).toMatchObject({
        reserved: [`.delivering-${onItsWay["messageId"]}.json`],
      });
      expect(await team.files.inbox("bo")).toMatchObject({ ready: [`${waiting["messageId"]}.json`] });

      await ENDS[end]?.();
      await back();
      await bo.reads("Waiting for a slot.");
      await team.quiet();

      expect(bodiesIn(ada.newest())).toEqual(["On its way."]);
      expect(ada.newest().outcome).toBe("answered");
      expect(bodiesIn(bo.newest())).toEqual(["Waiting for a slot."]);
      expect(await stored(ada, ["On its way."])).toEqual([1]);
      expect(await stored(bo, ["Waiting for a slot."])).toEqual([1]);
      expect(await sessionsOf(team)).toEqual(before);
      const events = (await team.files.journal()).filter((line) => line["member"] === "ada");
      expect(events.map((line) => line["event"])).toContain("member_interrupted");
      expect((await team.files.inbox("ada")).processed).toContain(`${onItsWay["messageId"]}.json`);
      expect((await team.files.inbox("bo")).processed).toContain(`${waiting["messageId"]}.json`);
      expect((await team.files.inbox("ada")).dead).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "has the same team: lead, members, tasks and tools",
    async () => {
      const team = await play.team(["ada"], { tasks: [{ subject: "One", description: "First." }] });
      await team.member("ada").uses("team_task_update", { taskId: 1, status: "in_progress" });
      await team.quiet();

      await play.host.kill9();
      await back();

      expect(await team.lead.uses("team_status")).toMatchObject({
        runId: team.runId,
        status: "active",
        you: "lead",
        members: [{ name: "ada", status: "waiting", session: team.member("ada").sessionId, tasks: [1] }],
      });
      await team.lead.uses("team_send_message", { to: "ada", body: "Are you still there?" });
      await team.member("ada").reads("Are you still there?");
      await team.member("ada").uses("team_send_message", { to: "lead", body: "I am." });
      await team.lead.reads("I am.");
      await team.quiet();
      expect(
        await team.member("ada").uses("team_task_update", { taskId: 1, status: "completed" }),
      ).toMatchObject({
        status: "completed",
      });
      await team.quiet();
      expect(await team.lead.uses("team_delete")).toMatchObject({ status: "closed" });
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a person's Esc", () => {
  test(
    "holds a member no longer than its process lives: nobody is there who could let it go on",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const ada = team.member("ada");
      ada.plays(hang());
      await team.lead.uses("team_send_message", { to: "ada", body: "A long job." });
      await ada.reads("A long job.");
      await play.host.abort(ada.sessionId);
      await eventually(async () =>
        expect((await team.files.state()).members["ada"]?.heldByPerson).toBe(true),
      );
      await team.member("bo").uses("team_send_message", { to: "ada", body: "A peer's word." });
      const before = ada.requests().length;
      expect(await team.lead.uses("team_status")).toMatchObject({
        members: [{ name: "ada", hold: "stopped_by_person" }, { name: "bo" }],
      });

      await play.host.kill9();
      await back();
      await ada.reads("A peer's word.");
      await team.quiet();

      expect(bodiesIn(ada.newest())).toEqual(["A long job.", "A peer's word."]);
      expect(ada.requests().slice(before)).not.toHaveLength(0);
      expect(await stored(ada, ["A long job.", "A peer's word."])).toEqual([1, 1]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("the start of a host", () => {
  test(
    "waits for nothing that an earlier life left: a run whose lock is taken, one that cannot be read",
    async () => {
      const team = await play.team(["ada"]);
      const { messageId } = await team.lead.uses("team_send_message", { to: "ada", body: "Later." });
      await team.quiet();
      const torn = runFolder(play.baseDir, "run_torn");
      await mkdir(torn.path, { recursive: true });
      await writeFile(join(torn.path, "state.json"), "{");
      await play.host.stop();
      const { runs } = openStorage({ baseDir: play.baseDir, liveness: await readProcesses() });
      const door = gate();
      const holding = runs.exclusively(team.runId, () => door.opened);

      await back();
      const outsider = await play.outsider();
      await outsider.hears("Good morning.");
      const { revision } = await team.files.state();
      expect(outsider.newest().outcome).toBe("answered");
      door.open();
      await holding;

      await team.lead.uses("team_send_message", { to: "ada", body: "Now." });
      await team.member("ada").reads("Now.");
      expect((await team.files.state()).revision).toBeGreaterThan(revision);
      expect((await team.files.inbox("ada")).processed).toContain(`${messageId}.json`);
      expect(await play.host.ground.log()).toContain("run_torn");
    },
    TEST_TIMEOUT_MS,
  );
});
