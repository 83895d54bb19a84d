import { describe, expect, test } from "bun:test";
import { call, say } from "../support/model-replies.ts";
import type { ModelRequest } from "../support/model-request.ts";
import { mailIn } from "./envelopes.ts";
import { LEADS_SET, MEMBERS_SET, ORDINARY_SET, offeredIn } from "./offered.ts";
import { type Actor, answerOf, stage, TEST_TIMEOUT_MS } from "./stage.ts";

const play = stage({
  config: {
    // Members are children: without a second level they would have no subagents of their own.
    subagent_depth: 2,
    agent: {
      worker: { mode: "all", description: "Works.", permission: { team_create: "deny" } },
      recluse: { mode: "primary", description: "Alone.", permission: { "*": "allow", "team_*": "deny" } },
    },
  },
  files: {
    "always/opencode.json": JSON.stringify({ team_mode: { offer_tools: "always" } }),
    "denied/opencode.json": JSON.stringify({ permission: { team_create: "deny" } }),
  },
});

async function sessionIn(folder: string): Promise<Actor> {
  const session = await play.host.session({ directory: `${play.host.work}/${folder}` });
  return play.actor(session.id);
}

/** What the `task` tool of this actor's own subagent was offered. */
async function subagentOf(actor: Actor): Promise<ModelRequest> {
  const errand = `An errand for ${actor.sessionId}`;
  await actor.acts(call("task", { description: "An errand", prompt: errand, subagent_type: "general" }));
  return play.model.request(
    (request) => request.parentSessionId === actor.sessionId && request.lastUserText.includes(errand),
  );
}

describe("an ordinary session", () => {
  test(
    "is offered team_create and team_list and nothing else of ours",
    async () => {
      const session = await play.outsider();

      expect(offeredIn(await session.hears("Mend the steam engine's teamwork page."))).toEqual(ORDINARY_SET);
    },
    TEST_TIMEOUT_MS,
  );

  test.each([
    "Please make a team for this.",
    "Work with two teammates on it.",
    "Let a swarm look at it.",
    "Use parallel agents.",
    "/team explore the docs",
    "TEAMS, please",
  ])(
    "gets the lead's twelve in the very turn of the message: %s",
    async (words) => {
      const session = await play.outsider();

      expect(offeredIn(await session.hears(words))).toEqual(LEADS_SET);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "keeps the lead's twelve from the turn in which they were asked for",
    async () => {
      const session = await play.outsider();
      await session.hears("Good morning.");
      await session.hears("Make a team.");
      await session.hears("Thank you.");

      expect(session.requests().map(offeredIn)).toEqual([ORDINARY_SET, LEADS_SET, LEADS_SET]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "gets the lead's twelve from its first turn where offer_tools is always",
    async () => {
      const session = await sessionIn("always");

      expect(offeredIn(await session.hears("Good morning."))).toEqual(LEADS_SET);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "gets the lead's twelve from the start under opencode run",
    async () => {
      const greeting = "Good morning from the command line.";
      await play.host.run(["run", greeting]);

      const request = await play.model.request(
        (one) => one.kind === "turn" && one.lastUserText.includes(greeting),
      );
      expect(offeredIn(request)).toEqual(LEADS_SET);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a model that creates a team unasked", () => {
  test(
    "is told that its tools come with the next turn, which starts by itself and has them",
    async () => {
      const session = await play.outsider();
      const spec = {
        name: "surprise",
        members: [{ name: "ada", subagent_type: "general", prompt: "Wait." }],
      };
      await session.hears("Good morning.", call("team_create", { inline_spec: spec }), say("Created."));

      const asked = session.requests().slice(0, 2);
      expect(asked.map(offeredIn)).toEqual([ORDINARY_SET, ORDINARY_SET]);
      const created = answerOf(session.results().at(-1) ?? "");
      expect(created).toMatchObject({ next: expect.stringContaining("come with your next turn") });

      const woken = await session.reads("Your team tools are available from this turn on");
      expect(offeredIn(woken)).toEqual(LEADS_SET);
      expect(mailIn(woken)).toMatchObject([{ from: "system", kind: "brief" }]);
      await play.host.settled(session.sessionId);
      expect(session.requests()).toHaveLength(3);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "is not told so when it had the tools already",
    async () => {
      const { lead } = await play.team(["ada"]);

      expect(lead.results().join()).not.toContain("come with your next turn");
      expect(lead.requests().flatMap(mailIn)).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a team's sessions", () => {
  test(
    "a member is offered the member's ten, whatever team_create its agent is denied or allowed",
    async () => {
      const team = await play.team({ ada: {}, bo: { subagent_type: "build" } });

      for (const name of ["ada", "bo"]) {
        expect(team.member(name).requests().map(offeredIn)).toEqual([MEMBERS_SET]);
      }
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "the subagents of a member and of the lead are offered no team tool at all",
    async () => {
      const team = await play.team(["ada"]);

      expect(offeredIn(await subagentOf(team.member("ada")))).toEqual([]);
      expect(offeredIn(await subagentOf(team.lead))).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "the lead is an ordinary session again after team_delete, and can be asked for a team once more",
    async () => {
      const team = await play.team(["ada"]);
      await team.lead.uses("team_delete");

      expect(offeredIn(await team.lead.hears("Thank you."))).toEqual(ORDINARY_SET);
      expect(offeredIn(await team.lead.hears("Make another team."))).toEqual(LEADS_SET);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a rule of the user", () => {
  test(
    "keeps a tool from every session when it stands in the project's permissions",
    async () => {
      const session = await sessionIn("denied");
      const without = LEADS_SET.filter((name) => name !== "team_create");

      expect(offeredIn(await session.hears("Good morning."))).toEqual(["team_list"]);
      expect(offeredIn(await session.hears("Make a team."))).toEqual(without);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "keeps tools from the sessions of one agent when it stands in that agent's permissions",
    async () => {
      const worker = await play.outsider("worker");
      const recluse = await play.outsider("recluse");

      expect(offeredIn(await worker.hears("Make a team."))).toEqual(
        LEADS_SET.filter((name) => name !== "team_create"),
      );
      expect(offeredIn(await recluse.hears("Make a team."))).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("what stands before the conversation", () => {
  test(
    "system prompt and tools stay the same to the byte from turn to turn, for a lead, a member and anybody else",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const ordinary = await play.outsider();
      const ada = team.member("ada");
      await ordinary.hears("Good morning.");

      for (const round of [1, 2]) {
        await ordinary.hears(`Round ${round}.`);
        await team.lead.uses("team_send_message", { to: "ada", body: `Round ${round}.` });
        await team.lead.uses("team_task_create", { subject: `Task ${round}`, description: "To do." });
        await ada.reads(`Round ${round}.`);
        await team.quiet();
        await ada.uses("team_task_update", { taskId: round, status: "in_progress" });
      }

      // A lead's begins with its run: the request before made it.
      for (const requests of [ordinary.requests(), team.lead.requests().slice(1), ada.requests()]) {
        const heads = requests.map(({ system, body }) => JSON.stringify({ system, tools: body["tools"] }));
        expect(heads.length).toBeGreaterThanOrEqual(3);
        expect(new Set(heads).size).toBe(1);
      }
    },
    TEST_TIMEOUT_MS,
  );
});
