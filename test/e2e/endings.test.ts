import { describe, expect, test } from "bun:test";
import { openRuns } from "../../src/index.ts";
import { eventually } from "../support/eventually.ts";
import { call, gate, hang, once, say } from "../support/model-replies.ts";
import type { Step } from "../support/model-server.ts";
import { mailIn } from "./envelopes.ts";
import { FAULTY_HOST, faultyHost } from "./faulty-host.ts";
import { type Actor, PATIENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage({
  plugin: FAULTY_HOST,
  config: { permission: { bash: "ask" } },
  env: { OPENCODE_EXPERIMENTAL_BACKGROUND_SUBAGENTS: "true" },
});
const host = faultyHost(() => play.host.home);

/** Four members in four states take their turns one after another. */
const LONG_MS = 2 * TEST_TIMEOUT_MS;

async function statusOf(team: Team, name: string): Promise<string | undefined> {
  return (await team.files.state()).members[name]?.status;
}

function becomes(team: Team, name: string, status: string): Promise<void> {
  return eventually(async () => expect(await statusOf(team, name)).toBe(status), PATIENCE);
}

/** Gives a member work in which it stays. */
async function begins(team: Team, name: string, step: Step): Promise<void> {
  team.member(name).plays(step);
  await team.lead.uses("team_send_message", { to: name, body: `Work, ${name}.` });
  await team.member(name).reads(`Work, ${name}.`);
}

const ASKS = call("bash", { command: "echo hello", description: "Say hello" });

async function requestOf({ sessionId }: Actor): Promise<string> {
  const open = await play.host.permissions();
  return open.find((one) => one.sessionID === sessionId)?.id ?? "";
}

/** The lead has read what there is to read. */
async function rests({ files }: Team): Promise<void> {
  await eventually(async () => {
    expect((await files.state()).lead.turn).toBeUndefined();
    expect(await files.waitingMail(["lead"])).toEqual([]);
  }, PATIENCE);
}

/** One member at work, one that waits for a person, one that a person has stopped, one whose session is gone, one at rest. */
async function mixed(): Promise<Team> {
  const team = await play.team(["busy", "gated", "halted", "gone", "idle"]);
  await begins(team, "gated", ASKS);
  await becomes(team, "gated", "needs_approval");
  await begins(team, "halted", hang());
  await becomes(team, "halted", "working");
  await play.host.abort(team.member("halted").sessionId);
  await becomes(team, "halted", "interrupted");
  await play.host.remove(team.member("gone").sessionId);
  await becomes(team, "gone", "lost");
  await begins(team, "busy", hang());
  await becomes(team, "busy", "working");
  return team;
}

describe("a team whose members stand in every state", () => {
  test(
    "is not deleted gracefully, with what helps for each; by shutdowns it can be, and nobody is waited for in vain",
    async () => {
      const team = await mixed();
      const { lead } = team;
      const refusal = await lead.isRefused("team_delete");
      expect(refusal).toStartWith(
        `run_busy: run ${team.runId} cannot be closed gracefully: busy is working; gated is needs_approval (permission bash (echo hello)); halted is interrupted (stopped by a person)`,
      );
      expect(refusal).toContain("Shut busy down with team_shutdown_request");
      expect(refusal).toContain("The person has to answer gated: `flotilla answer`");
      expect(refusal).toContain("halted goes on when you write to it");
      expect((await team.files.state()).status).toBe("active");

      // The gone one cannot be asked. The halted one is woken by the request itself, and agrees.
      expect(await lead.isRefused("team_shutdown_request", { targetMemberName: "gone" })).toStartWith(
        "member_ended: gone is lost already",
      );
      team.member("halted").plays(call("team_approve_shutdown", { memberName: "halted" }));
      await lead.uses("team_shutdown_request", { targetMemberName: "halted", reason: "All is done." });
      await becomes(team, "halted", "done");
      expect(mailIn(team.member("halted").newest()).at(-1)).toMatchObject({ kind: "shutdown_request" });

      // The gated one does not hear of it; the lead agrees for it, and it ends with its turn, once a person has answered.
      await lead.uses("team_shutdown_request", { targetMemberName: "gated" });
      expect(await lead.uses("team_approve_shutdown", { memberName: "gated" })).toMatchObject({
        shutdown: "approved",
        memberStatus: "needs_approval",
      });
      expect(await lead.isRefused("team_delete")).toContain(
        "gated is needs_approval (permission bash (echo hello)) with 1 unread, and ends with this turn",
      );
      await play.host.replyPermission(await requestOf(team.member("gated")), "reject");
      await becomes(team, "gated", "done");

      // The busy one is stopped by the person instead: what was agreed holds.
      await lead.uses("team_shutdown_request", { targetMemberName: "busy" });
      expect(await lead.uses("team_shutdown_request", { targetMemberName: "busy" })).toMatchObject({
        changed: false,
        next: expect.stringContaining("The answer is busy's, or the lead's for it"),
      });
      await lead.uses("team_approve_shutdown", { memberName: "busy" });
      await play.host.abort(team.member("busy").sessionId);
      await becomes(team, "busy", "done");
      await rests(team);
      expect(await lead.uses("team_delete")).toMatchObject({
        status: "closed",
        members: [
          { name: "busy", was: "done" },
          { name: "gated", was: "done" },
          { name: "halted", was: "done" },
          { name: "gone", was: "lost" },
          { name: "idle", was: "waiting" },
        ],
      });
    },
    LONG_MS,
  );

  test(
    "is deleted by force at once, told member by member; what is not of the team works on, and the run can be read",
    async () => {
      const door = gate();
      const neighbour = await play.outsider();
      neighbour.plays(once(door, say("Undisturbed.")));
      await play.host.promptAsync(neighbour.sessionId, "Take your time.");
      const team = await mixed();
      const { lead } = team;
      await lead.uses("team_task_create", { subject: "Left", description: "Not done.", owner: "busy" });
      await lead.uses("team_send_message", { to: "busy", body: "Never answered." });
      // The lead's own subagent in the background, and a session that a person has made below the lead's.
      play.model.name("helper", (request) => request.lastUserText === "Help in the background.");
      play.model.program({ when: "helper", steps: [once(door, say("Helped."))] });
      await lead.acts(
        call("task", {
          description: "Help",
          prompt: "Help in the background.",
          subagent_type: "general",
          background: true,
        }),
      );
      const child = await play.host.session({ parentId: lead.sessionId });
      play.actor(child.id).plays(once(door, say("Still here.")));
      await play.host.promptAsync(child.id, "Take your time, too.");
      await eventually(() => expect(play.model.requestsOf("helper")).toHaveLength(1), PATIENCE);
      await play.actor(child.id).reads("Take your time, too.");

      const deleted = await lead.uses("team_delete", { force: true });

      const { sessionId: busyId } = team.member("busy");
      expect(deleted).toMatchObject({
        status: "closed",
        members: [
          { name: "busy", was: "working", stopped: true, unread: 3, tasks: [1], sessionId: busyId },
          { name: "gated", was: "needs_approval", stopped: true, unread: 1 },
          { name: "halted", was: "interrupted", unread: 1 },
          { name: "gone", was: "lost" },
          { name: "idle", was: "waiting" },
        ],
        unfinishedTasks: [{ taskId: 1 }],
      });
      expect(await play.host.permissions()).toEqual([]);
      const working = Object.keys(await play.host.status());
      const [helper] = play.model.requestsOf("helper");
      expect(working).toContain(neighbour.sessionId);
      expect(working).toContain(child.id);
      expect(working).toContain(helper?.sessionId ?? "");
      for (const name of ["busy", "gated", "halted", "idle"]) {
        expect(working).not.toContain(team.member(name).sessionId);
      }
      door.open();
      for (const one of [neighbour, play.actor(child.id)]) {
        await eventually(() => expect(one.newest().outcome).toBe("answered"), PATIENCE);
      }
      await eventually(() => expect(helper?.outcome).toBe("answered"), PATIENCE);

      const library = openRuns(play.baseDir);
      expect(await library.list()).not.toContain(team.runId);
      expect(await library.archived()).toContain(team.runId);
      expect(await library.read(team.runId)).toMatchObject({
        state: { status: "closed", reason: "deleted by force", members: { gone: { status: "lost" } } },
        tasks: [{ taskId: 1, subject: "Left" }],
        unreadable: [],
      });
    },
    LONG_MS,
  );
});

describe("a run that is still being created, or closing already", () => {
  test(
    "is deleted by force though the host never answers about a member; what it answers later is nobody's",
    async () => {
      const lead = await play.outsider();
      await host.treat({ method: "POST", path: "/session" }, { kind: "keep" }, 1);
      lead.plays(
        call("team_create", {
          inline_spec: { name: "slow", members: ["ada", "bo"].map((name) => ({ name, agent: "general" })) },
        }),
      );
      await play.host.promptAsync(lead.sessionId, "Form a team.");
      const runs = openRuns(play.baseDir);
      const mine = async () => {
        const states = await Promise.all(
          (await runs.list()).map(async (runId) => (await runs.read(runId)).state),
        );
        return states.find((state) => state.lead.sessionId === lead.sessionId);
      };
      await eventually(async () => {
        const members = Object.values((await mine())?.members ?? {}).map(({ status }) => status);
        expect(members.toSorted()).toEqual(["starting", "waiting"]);
      }, PATIENCE);
      const runId = (await mine())?.runId ?? "";
      await play.host.abort(lead.sessionId);

      expect(await lead.isRefused("team_delete")).toMatch(
        /^run_busy: .*: ada is starting; bo is waiting .* Wait for ada, bo /,
      );
      expect(await lead.uses("team_delete", { force: true })).toMatchObject({ runId, status: "closed" });
      expect(await runs.archived()).toContain(runId);
      await host.heal();
      const again = await play.team(["ada"], { lead });
      await again.member("ada").uses("team_send_message", { to: "lead", body: "All is well." });
      await lead.reads("All is well.");
      await again.quiet();
      expect(await lead.uses("team_delete")).toMatchObject({ status: "closed" });
    },
    LONG_MS,
  );

  test(
    "is finished by the next start when its host was killed in the middle, and nothing of it works again",
    async () => {
      const team = await play.team(["ada", "bo"]);
      await begins(team, "ada", hang());
      await becomes(team, "ada", "working");
      // Decided and on disk; the host does not come to carry it out.
      await host.treat({ method: "POST", path: "/session/\\w+/abort" }, { kind: "never" });
      team.lead.plays(call("team_delete", { force: true }));
      await play.host.promptAsync(team.lead.sessionId, "End it.");
      await eventually(async () => expect((await team.files.state()).status).toBe("closing"), PATIENCE);
      const requests = team.member("ada").requests().length;
      await play.host.kill9();
      await play.host.restart();
      await play.host.session();
      await eventually(
        async () => expect(await openRuns(play.baseDir).archived()).toContain(team.runId),
        PATIENCE,
      );
      expect(await team.files.state()).toMatchObject({
        status: "closed",
        reason: "deleted by force",
        members: { ada: { status: "done" }, bo: { status: "done" } },
      });
      expect(await team.files.waitingMail(["lead"])).toEqual([]);
      expect(team.member("ada").requests()).toHaveLength(requests);
      const next = await play.team(["ada"], { lead: team.lead });
      expect(next.runId).not.toBe(team.runId);
    },
    LONG_MS,
  );
});
