import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Gate } from "../../src/core/facts.ts";
import { eventually } from "../support/eventually.ts";
import { call, calls } from "../support/model-replies.ts";
import { mentions, toolNames } from "../support/model-request.ts";
import { flotilla } from "./flotilla.ts";
import { type Actor, PATIENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

const play = stage({
  config: {
    agent: {
      asking: { mode: "all", description: "Asks before it runs anything.", permission: { bash: "ask" } },
      free: { mode: "all", description: "Runs anything.", permission: { bash: "allow", edit: "allow" } },
    },
  },
});

/** Commands that OpenCode does not know, so that `always` covers exactly one of them. */
function run(command: string) {
  return call("bash", { command, description: "Run it" });
}

/** What the member waits for, once it does. */
async function gateOf(team: Team, name: string): Promise<Gate> {
  return eventually(async () => {
    const [gate] = (await team.files.state()).members[name]?.gates ?? [];
    if (gate === undefined) throw new Error(`${name} waits for nothing`);
    return gate;
  }, PATIENCE);
}

/** Sends the member to work on something that it has to ask for. */
async function asks(team: Team, ada: Actor, command: string): Promise<Gate> {
  ada.plays(run(command));
  await team.lead.uses("team_send_message", { to: "ada", body: `Run ${command}.` });
  return gateOf(team, "ada");
}

describe("flotilla answer", () => {
  test(
    "answers a member in a worktree, whose requests no view of OpenCode shows: this once, always, or not",
    async () => {
      const team = await play.team({ ada: { subagent_type: "asking", worktree: true } });
      const ada = team.member("ada");
      const place = (await team.files.state()).members["ada"]?.directory ?? "";

      const { requestId } = await asks(team, ada, "touch once.txt");
      expect(await play.host.permissions()).toEqual([]);
      const toast = await play.host.event(
        (event) => event.type === "tui.toast.show" && JSON.stringify(event.properties).includes(team.name),
      );
      expect(toast.properties["message"]).toBe(
        `ada (${team.name}) asks: permission bash (touch once.txt). Answer: flotilla answer ada once|always|reject`,
      );
      expect(await flotilla(play.host, "answer", "ada", "once")).toEqual({
        code: 0,
        out: `ada (${team.name}) asks: permission bash (touch once.txt)\n  allowed, this once\n`,
        err: "",
      });
      await team.quiet();
      expect(existsSync(join(place, "once.txt"))).toBe(true);
      expect(await flotilla(play.host, "answer", "ada", "once")).toMatchObject({
        code: 2,
        err: expect.stringContaining("ada waits for no answer"),
      });

      await asks(team, ada, "touch twice.txt");
      expect(await flotilla(play.host, "answer", "ada", "reject", "Write", "nothing.")).toMatchObject({
        code: 0,
        out: expect.stringContaining("rejected: it is told why and goes on"),
      });
      await ada.reads("Write nothing.");
      await team.quiet();

      await asks(team, ada, "touch thrice.txt");
      const always = await flotilla(play.host, "answer", "ada", "always", "--json");
      expect(JSON.parse(always.out)).toMatchObject({ reply: "always", permission: "bash", outcome: "taken" });
      await team.quiet();
      ada.plays(run("touch again.txt"));
      await team.lead.uses("team_send_message", { to: "ada", body: "And again." });
      await eventually(() => expect(existsSync(join(place, "again.txt"))).toBe(true), PATIENCE);
      await team.quiet();

      const answers = (await team.files.journal()).filter(({ event }) => event === "gate_answered");
      expect(answers).toMatchObject(["once", "reject", "always"].map((reply) => ({ reply, by: "person" })));
      expect(requestId).toStartWith("per_");
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "ends the turn of a member that is rejected without a word",
    async () => {
      const team = await play.team({ ada: { subagent_type: "asking" } });
      const ada = team.member("ada");
      await asks(team, ada, "touch no.txt");
      const before = ada.requests().length;
      expect((await flotilla(play.host, "answer", "ada", "reject", "--run", team.runId)).out).toContain(
        "rejected: its turn ends",
      );
      await team.quiet();
      expect(ada.requests()).toHaveLength(before);
      expect(existsSync(join(play.host.work, "no.txt"))).toBe(false);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a member that makes the same call three times in one step", () => {
  test(
    "is told so by itself twice; the third time a person has to look",
    async () => {
      const team = await play.team({ ada: { subagent_type: "free" } });
      const ada = team.member("ada");
      const same = ["bash", { command: "echo again", description: "Run it" }] as const;
      for (const time of [1, 2]) {
        ada.plays(calls([same, same, same]));
        await team.lead.uses("team_send_message", { to: "ada", body: `Round ${time}.` });
        await eventually(async () => {
          const answers = (await team.files.journal()).filter(({ event }) => event === "gate_answered");
          expect(answers).toHaveLength(time);
        }, PATIENCE);
        await team.quiet();
      }
      expect(mentions(ada.newest(), "Your last step made the same call three times")).toBe(2);

      ada.plays(calls([same, same, same]));
      await team.lead.uses("team_send_message", { to: "ada", body: "Round 3." });
      expect(await gateOf(team, "ada")).toMatchObject({ subject: "doom_loop" });
      expect(await team.lead.uses("team_status")).toMatchObject({
        activity: "needs_approval",
        next: expect.stringContaining("flotilla answer ada once|always|reject"),
      });
      expect((await flotilla(play.host, "answer", "ada", "once", "--run", team.runId)).code).toBe(0);
      await team.quiet();
    },
    TEST_TIMEOUT_MS,
  );
});

describe("what the lead's session is denied", () => {
  test(
    "its members are denied too, whatever agents they are, and what it is only asked for they are asked for",
    async () => {
      const { id } = await play.host.session({
        permission: [
          { permission: "edit", pattern: "*", action: "deny" },
          { permission: "bash", pattern: "*", action: "deny" },
          { permission: "bash", pattern: "git *", action: "ask" },
          { permission: "bash", pattern: "echo *", action: "allow" },
        ],
      });
      const team = await play.team(
        { ada: { subagent_type: "free" }, bo: { subagent_type: "asking" } },
        { lead: play.actor(id) },
      );
      const [ada, bo] = [team.member("ada"), team.member("bo")];
      const path = join(play.host.work, "written.txt");

      expect(toolNames(ada.newest())).not.toContain("write");
      expect(await ada.tries("write", { filePath: path, content: "hello" })).not.toContain("successfully");
      expect(await ada.tries("bash", { command: `touch ${path}`, description: "Run it" })).toMatch(
        /prevents|denied/i,
      );
      expect(existsSync(path)).toBe(false);
      expect(await ada.tries("bash", { command: "echo fine", description: "Run it" })).toContain("fine");
      // Its own agent asks where the lead is allowed.
      expect((await asks(team, ada, "git status")).detail).toBe("git status");
      await flotilla(play.host, "answer", "ada", "once", "--run", team.runId);
      await team.quiet();
      bo.plays(run("echo asked"));
      await team.lead.uses("team_send_message", { to: "bo", body: "Echo it." });
      expect((await gateOf(team, "bo")).detail).toBe("echo asked");
      await flotilla(play.host, "answer", "bo", "once", "--run", team.runId);
      await team.quiet();
    },
    TEST_TIMEOUT_MS,
  );
});
