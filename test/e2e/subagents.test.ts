import { describe, expect, test } from "bun:test";
import { sessionOf } from "../support/event-tap.ts";
import { eventually } from "../support/eventually.ts";
import { call, calls, hang } from "../support/model-replies.ts";
import type { ModelRequest } from "../support/model-request.ts";
import type { Step } from "../support/model-server.ts";
import { type Actor, PATIENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

/** Members have subagents of their own only where the user has set this. */
const play = stage({
  config: {
    subagent_depth: 2,
    agent: {
      asking: { mode: "all", description: "Asks before it runs anything.", permission: { bash: "ask" } },
    },
  },
});

const ASK: Step = call("bash", { command: "echo helped", description: "Say something" });

function delegate(prompt: string): readonly [name: string, args: unknown] {
  return ["task", { description: "Help", prompt, subagent_type: "asking" }];
}

/** A team whose ada has given work to subagents, each of which has asked to run a command: their requests, by session. */
async function delegating(...prompts: readonly string[]): Promise<{
  readonly team: Team;
  readonly ada: Actor;
  readonly requests: ReadonlyMap<string, string>;
}> {
  const team = await play.team(["ada"]);
  const ada = team.member("ada");
  play.model.program({
    when: (request: ModelRequest) => request.parentSessionId === ada.sessionId,
    steps: [ASK],
  });
  ada.plays(calls(prompts.map(delegate)));
  await team.lead.uses("team_send_message", { to: "ada", body: "Have it done." });
  await eventually(async () => expect(await gates(team)).toHaveLength(prompts.length), PATIENCE);
  const helpers = new Set((await play.host.children(ada.sessionId)).map(({ id }) => id));
  const asked = play.host.events.filter(
    (event) => event.type === "permission.asked" && helpers.has(sessionOf(event) ?? ""),
  );
  return {
    team,
    ada,
    requests: new Map(asked.map((event) => [sessionOf(event) ?? "", String(event.properties["id"])])),
  };
}

async function gates(team: Team): Promise<readonly string[]> {
  const { members } = await team.files.state();
  return (members["ada"]?.gates ?? []).map(({ requestId }) => requestId);
}

describe("what a member's own subagents ask for", () => {
  test(
    "is the member's to wait for, each counted, until the last is answered",
    async () => {
      const { team, requests } = await delegating("One part.", "The other part.");
      const [first = "", second = ""] = requests.values();
      expect(await gates(team)).toEqual(expect.arrayContaining([first, second]));
      const status = await team.lead.uses("team_status");
      expect(status).toMatchObject({ activity: "needs_approval", members: [{ status: "needs_approval" }] });

      await play.host.replyPermission(first, "once");
      await eventually(async () => expect(await gates(team)).toEqual([second]), PATIENCE);
      expect((await team.files.state()).members["ada"]?.status).toBe("needs_approval");
      await play.host.replyPermission(second, "reject");
      await team.quiet();

      expect(await gates(team)).toEqual([]);
      const events = (await team.files.journal()).map(({ event }) => event);
      expect(events.filter((event) => event === "member_needs_approval")).toHaveLength(1);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is nobody's to answer any more when the member is stopped, or its subagent is gone",
    async () => {
      const stopped = await delegating("Stopped.");
      await play.host.abort(stopped.ada.sessionId);
      await eventually(async () => expect(await gates(stopped.team)).toEqual([]), PATIENCE);
      await stopped.team.quiet();

      const { team, ada, requests } = await delegating("Gone.");
      const [helper = ""] = requests.keys();
      ada.plays(hang());
      await play.host.abort(helper);
      await play.host.remove(helper);
      await eventually(async () => expect(await gates(team)).toEqual([]), PATIENCE);
      expect((await team.files.state()).members["ada"]?.status).toBe("working");
      await play.host.abort(ada.sessionId);
    },
    TEST_TIMEOUT_MS,
  );
});
