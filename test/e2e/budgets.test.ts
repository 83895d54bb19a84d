import { describe, expect, test } from "bun:test";
import type { Limits } from "../../src/core/run.ts";
import { VOLLEY_MAX } from "../../src/core/volley.ts";
import { eventually } from "../support/eventually.ts";
import { call, gate, once } from "../support/model-replies.ts";
import { mentions } from "../support/model-request.ts";
import { bodiesIn, mailIn } from "./envelopes.ts";
import { limitRun } from "./limit-run.ts";
import { type Actor, type Answer, SILENCE, stage, TEST_TIMEOUT_MS, type Team } from "./stage.ts";

/** A model call of the scripted model uses 110 tokens: 60 fresh, 40 from the cache, 10 out. */
const CALL_TOKENS = 110;
const CALL_COST = 0.07;

/** In each of these folders a second turn after the brief's is one too many. */
const FOLDERS = {
  tokens: { max_tokens_per_run: 2 * CALL_TOKENS },
  cost: { max_cost_per_run: 2 * CALL_COST },
  turns: { max_member_turns: 2 },
  few: { max_messages_per_run: 2 },
  narrow: { max_parallel_members: 1 },
} as const;

const play = stage({
  files: Object.fromEntries(
    Object.entries(FOLDERS).map(([folder, teamMode]) => [
      `${folder}/opencode.json`,
      JSON.stringify({ team_mode: teamMode }),
    ]),
  ),
  config: { provider: { mock: { models: { m: { cost: { input: 1_000, output: 1_000, cache_read: 0 } } } } } },
});

async function leadIn(folder: keyof typeof FOLDERS): Promise<Actor> {
  const session = await play.host.session({ directory: `${play.host.work}/${folder}` });
  return play.actor(session.id);
}

/** Resolves when the budget holds the member's mail, with what the lead is shown then. */
function held(team: Team, name: string): Promise<Answer> {
  return eventually(
    async () => {
      const status = await team.lead.uses("team_status");
      expect(status["members"]).toContainEqual(expect.objectContaining({ name, hold: "budget", unread: 1 }));
      return status;
    },
    { timeoutMs: 20_000 },
  );
}

/** What the lead was told of budgets, each as often as it stands in its transcript. */
function told(lead: Actor): readonly string[] {
  return bodiesIn(lead.newest(), "budget");
}

describe("at the limit of", () => {
  const CASES: readonly (readonly [
    folder: "tokens" | "cost" | "turns",
    row: string,
    limit: number,
    key: keyof Limits,
    raise: string,
  ])[] = [
    ["tokens", "tokens", 2 * CALL_TOKENS, "maxTokens", "max_tokens_per_run=10000"],
    ["cost", "cost", 2 * CALL_COST, "maxCost", "max_cost_per_run=7.5"],
    ["turns", "memberTurns", 2, "maxMemberTurns", "max_member_turns=50"],
  ];
  for (const [folder, row, limit, key, raise] of CASES) {
    test(
      `${folder} the running turn ends by itself, no other begins, and a higher limit lets the mail through`,
      async () => {
        const team = await play.team(["ada"], { lead: await leadIn(folder) });
        const ada = team.member("ada");
        ada.plays(call("read", { filePath: `${play.host.work}/README.md` }), SILENCE);
        await team.lead.uses("team_send_message", { to: "ada", body: "Read it." });
        const notice = await team.lead.reads('kind="budget"');
        await team.quiet();
        expect(ada.results()).toHaveLength(1);
        expect(ada.newest().outcome).toBe("answered");
        expect(mailIn(notice).at(-1)).toMatchObject({ from: "system", kind: "budget" });

        const asked = ada.requests().length;
        await team.lead.uses("team_send_message", { to: "ada", body: "Too late." });
        const status = await held(team, "ada");
        expect(status["budgets"]).toMatchObject({ [row]: { limit, left: 0 } });
        expect(await team.files.inbox("ada")).toMatchObject({
          ready: [expect.anything()],
          reserved: [],
          batches: [],
        });
        expect(told(team.lead)).toHaveLength(1);
        expect(ada.requests()).toHaveLength(asked);

        const said = await limitRun(play.host, team.runId, raise);
        expect(mentions(await ada.reads("Too late."), "Too late.")).toBe(1);
        await team.lead.reads("The person has raised limits of this run.");
        await team.quiet();
        expect(said).toContain("goes by it from now on");
        expect((await team.files.state()).limits[key]).toBe(Number(raise.split("=")[1]));
        expect(told(team.lead)).toHaveLength(2);
        expect(await team.lead.uses("team_status")).not.toHaveProperty("spent");
      },
      TEST_TIMEOUT_MS,
    );
  }

  test(
    "messages the next one is refused, reports still come, and a higher limit lets it be sent",
    async () => {
      const team = await play.team(["ada"], { lead: await leadIn("few") });
      for (const number of [1, 2]) {
        await team.lead.uses("team_send_message", { to: "ada", body: `Number ${number}.` });
      }
      await team.lead.reads('kind="budget"');
      await team.quiet();

      const refusal = await team.lead.isRefused("team_send_message", { to: "ada", body: "Number 3." });
      expect(refusal).toStartWith(
        "message_budget_spent: 2 of 2 messages of this run are used and this would take 1 more",
      );
      expect(await team.lead.uses("team_status")).toMatchObject({
        budgets: { messages: { used: 2, limit: 2, left: 0 } },
        spent: ["messages"],
      });
      expect(told(team.lead)).toEqual([expect.stringContaining("max_messages_per_run")]);

      await limitRun(play.host, team.runId, "max_messages_per_run=3");
      await team.lead.reads("Messages can be sent again");
      await team.quiet();
      await team.lead.uses("team_send_message", { to: "ada", body: "Number 3." });
      await team.member("ada").reads("Number 3.");
      await team.quiet();
      expect(bodiesIn(team.member("ada").newest())).toEqual(["Number 1.", "Number 2.", "Number 3."]);
      expect(told(team.lead)).toHaveLength(3);
    },
    TEST_TIMEOUT_MS,
  );

  test(
    "parallel members mail waits for a slot, and a higher limit is one",
    async () => {
      const team = await play.team(["ada", "bo"], { lead: await leadIn("narrow") });
      const door = gate();
      team.member("ada").plays(once(door, SILENCE));
      await team.lead.uses("team_send_message", { to: "ada", body: "Take your time." });
      await team.member("ada").reads("Take your time.");
      await team.lead.uses("team_send_message", { to: "bo", body: "You as well." });
      await eventually(
        async () => {
          const { members, budgets } = await team.lead.uses("team_status");
          expect(members).toContainEqual(expect.objectContaining({ name: "bo", hold: "slot" }));
          expect(budgets).toMatchObject({ parallel: { used: 1, limit: 1, left: 0 } });
        },
        { timeoutMs: 20_000 },
      );

      await limitRun(play.host, team.runId, "max_parallel_members=2");
      await team.member("bo").reads("You as well.");
      expect(team.member("ada").newest().outcome).toBe("pending");
      door.open();
      await team.quiet();
    },
    TEST_TIMEOUT_MS,
  );
});

describe("a member that is written to as soon as it has ended its turn", () => {
  test(
    "is woken three times at once and then once a second, and reads all of it",
    async () => {
      const team = await play.team(["ada"]);
      const ada = team.member("ada");
      const bodies = [1, 2, 3, 4, 5, 6, 7].map((number) => `Number ${number}.`);
      for (const body of bodies) {
        await team.lead.uses("team_send_message", { to: "ada", body });
        await ada.reads(body);
        await team.quiet();
      }

      const starts = (await team.files.journal()).filter(({ event }) => event === "member_working").slice(1);
      expect(starts).toHaveLength(bodies.length);
      const [first = 0, last = 0] = [starts[0], starts.at(-1)].map((line) => Number(line?.["at"]));
      // The fourth comes a second after the first, the seventh four; a wake of the brief was longer ago.
      expect(last - first).toBeGreaterThan(3_500);
      expect(bodiesIn(ada.newest())).toEqual(bodies);
    },
    TEST_TIMEOUT_MS,
  );
});

describe("two members that always answer each other", () => {
  test(
    "are stopped after twenty alternations, and the lead is told once",
    async () => {
      const team = await play.team(["ada", "bo"]);
      const partner: Readonly<Record<string, string>> = {
        [team.member("ada").sessionId]: "bo",
        [team.member("bo").sessionId]: "ada",
      };
      play.model.script((request) => {
        const to = partner[request.sessionId ?? ""];
        const isAnswered = request.toolResultsSinceLastUser.length > 0;
        if (to === undefined || isAnswered || !request.lastUserText.includes("<peer_message"))
          return undefined;
        return call("team_send_message", { to, body: "And what do you think?" });
      });
      await team.member("ada").acts(call("team_send_message", { to: "bo", body: "What do you think?" }));

      await team.lead.reads('kind="stuck"');
      await team.quiet();

      const journal = await team.files.journal();
      const said = journal.filter(({ event, from }) => event === "message_sent" && from !== "lead");
      expect(said).toHaveLength(VOLLEY_MAX + 1);
      expect(bodiesIn(team.lead.newest(), "stuck")).toEqual([
        expect.stringContaining(`have answered each other ${VOLLEY_MAX} times`),
      ]);
    },
    TEST_TIMEOUT_MS,
  );
});
