import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Bench, openBench, PLUGIN_SOURCE } from "../support/bench.ts";
import { eventually } from "../support/eventually.ts";
import type { RunResult } from "../support/host.ts";
import { after, call, hang, once, say } from "../support/model-replies.ts";
import { type ModelRequest, mentions, toolResults } from "../support/model-request.ts";
import type { Step } from "../support/model-server.ts";
import { FAULTY_HOST, faultyHost } from "./faulty-host.ts";

const TIMEOUT_MS = 120_000;
/** Longer than a run may last by default. */
const A_DAY_MS = 24 * 60 * 60_000;
const ABORT_PLUGIN = fileURLToPath(new URL("./abort-plugin.ts", import.meta.url));

/** One `opencode run` whose lead makes a team of ada and bo and then does what the steps say. */
function leads(bench: Bench, ...steps: readonly Step[]): Promise<RunResult> {
  return leadsTeam(bench, "lead", "Look around with two helpers.", ["ada", "bo"], ...steps);
}

/** One `opencode run`, whose lead is known by its prompt. */
async function leadsTeam(
  { host, model }: Bench,
  lead: string,
  prompt: string,
  names: readonly string[],
  ...steps: readonly Step[]
): Promise<RunResult> {
  model.name(lead, ({ kind, parentSessionId, lastUserText }) => {
    return kind === "turn" && parentSessionId === undefined && lastUserText.includes(prompt);
  });
  const members = names.map((name) => ({
    name,
    subagent_type: "general",
    prompt: `You are ${name.toUpperCase()}.`,
  }));
  model.program({
    when: lead,
    steps: [call("team_create", { inline_spec: { name: "pair", members } }), ...steps],
  });
  return host.run(["run", prompt], { timeoutMs: TIMEOUT_MS });
}

/** What the member does in its first turns. */
function plays({ model }: Bench, name: string, ...steps: readonly Step[]): void {
  model.name(name, (request) => request.lastUserText.includes(`You are ${name}, a member of the team`));
  model.program({ when: name, steps });
}

/** `opencode run` kills members about 40 ms after the lead goes idle, unless the lead is kept. */
describe("a headless run", () => {
  test(
    "does not end before the team: a lead that stops talking is kept until its members have reported",
    async () => {
      await using bench = await openBench({ teamMode: { enabled: true }, serve: false });
      const { model } = bench;
      plays(bench, "ada", after(1_000, say("Ada has found three files.")));
      const last = model.request(
        (request) => request.speaker === "lead" && mentions(request, "Ada has found three files.") > 0,
        { timeoutMs: TIMEOUT_MS },
      );
      // Bo is not done before the lead has read what ada says and is about to stop talking once more.
      plays(bench, "bo", once(last, say("Bo has found nothing.")));

      const { code, stdout } = await leads(
        bench,
        say("They are at work; I wait for their reports."),
        say("One has reported."),
        say("Both have reported."),
      );

      expect(code).toBe(0);
      const read = model.requestsOf("lead").at(-1);
      expect(read && mentions(read, "Ada has found three files.")).toBe(1);
      expect(read && mentions(read, "Bo has found nothing.")).toBe(1);
      expect(stdout).toContain("Both have reported.");
      expect(model.requests.filter((request) => request.outcome === "left")).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "is ended by the person's Esc, though members work: the held turn is let go",
    async () => {
      await using bench = await openBench({
        teamMode: { enabled: true },
        serve: false,
        plugin: ABORT_PLUGIN,
        otherPlugins: [PLUGIN_SOURCE],
      });
      const { model } = bench;
      plays(bench, "ada", hang());
      plays(bench, "bo", hang());

      const atWork = Promise.all(
        ["ada", "bo"].map((name) =>
          model.request((request) => request.speaker === name, { timeoutMs: TIMEOUT_MS }),
        ),
      );

      await leads(
        bench,
        once(atWork, say("They are at work; I wait for their reports.")),
        say("Never said."),
      );

      // It has ended by itself, and its members with it.
      expect(model.requestsOf("lead")).toHaveLength(2);
      await eventually(() => {
        for (const name of ["ada", "bo"]) expect(model.requestsOf(name)[0]?.outcome).toBe("left");
      });
    },
    TIMEOUT_MS,
  );

  test(
    "is ended by the limit of its time, though members work: the held turn is let go",
    async () => {
      const options = { teamMode: { enabled: true }, serve: false, plugin: FAULTY_HOST };
      await using bench = await openBench(options);
      const { host, model } = bench;
      plays(bench, "ada", hang());
      plays(bench, "bo", hang());
      const atWork = Promise.all(
        ["ada", "bo"].map((name) =>
          model.request((request) => request.speaker === name, { timeoutMs: TIMEOUT_MS }),
        ),
      );

      const ended = leads(
        bench,
        once(atWork, say("They are at work; I wait for their reports.")),
        say("Time is up."),
      );
      const spoken = await eventually(
        () => {
          const [, second] = model.requestsOf("lead");
          expect(second?.outcome).toBe("answered");
          return second;
        },
        { timeoutMs: TIMEOUT_MS },
      );
      expect(spoken && mentions(spoken, "You are ADA.")).toBe(1);
      await faultyHost(() => host.home).turn(A_DAY_MS);

      expect((await ended).code).toBe(0);
      await eventually(() => {
        for (const name of ["ada", "bo"]) expect(model.requestsOf(name)[0]?.outcome).toBe("left");
      });
    },
    TIMEOUT_MS,
  );

  test(
    "is not disturbed by another one in the same project: each lead hears its own member, and ends by itself",
    async () => {
      await using bench = await openBench({ teamMode: { enabled: true }, serve: false });
      const { model } = bench;
      // Neither is done before the other team works as well.
      const working = (name: string) =>
        model.request((request) => request.speaker === name, { timeoutMs: TIMEOUT_MS });
      const both = Promise.all([working("ada"), working("bo")]);
      plays(bench, "ada", once(both, say("Ada has found three files.")));
      plays(bench, "bo", once(both, say("Bo has found nothing.")));

      const ends = await Promise.all([
        leadsTeam(bench, "north", "Look to the north.", ["ada"], say("I wait."), say("Heard.")),
        leadsTeam(bench, "south", "Look to the south.", ["bo"], say("I wait."), say("Heard.")),
      ]);

      expect(ends.map(({ code }) => code)).toEqual([0, 0]);
      const heard = ["north", "south"].map((lead) => model.requestsOf(lead).at(-1));
      for (const [text, mentioned] of [
        ["Ada has found three files.", [1, 0]],
        ["Bo has found nothing.", [0, 1]],
      ] as const) {
        expect(heard.map((request) => request && mentions(request, text))).toEqual([...mentioned]);
      }
      expect(model.requests.filter((request) => request.outcome === "left")).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test(
    "goes on for a member whose permission was rejected, as nobody is there to answer, and hears of it",
    async () => {
      await using bench = await openBench({
        teamMode: { enabled: true },
        serve: false,
        config: { agent: { general: { permission: { bash: "ask" } } } },
      });
      const { model } = bench;
      plays(bench, "ada", call("bash", { command: "ls", description: "List" }), say("I was not let."));
      plays(bench, "bo", say("Bo has found nothing."));

      const { code } = await leads(bench, say("I wait."), say("One."), say("Two."), say("Three."));

      expect(code).toBe(0);
      const read = model.requestsOf("lead").at(-1);
      expect(read && mentions(read, "Bo has found nothing.")).toBe(1);
      const journal =
        await Bun.$`cat ${join(bench.host.home, ".local/share/opencode-flotilla/runs")}/*/journal.jsonl`
          .nothrow()
          .text();
      expect(journal).toContain("member_needs_approval");
    },
    TIMEOUT_MS,
  );

  test(
    "answers what a member in a worktree asks, since the command itself never hears of it",
    async () => {
      const options = { teamMode: { enabled: true }, serve: false, config: { permission: { bash: "ask" } } };
      await using bench = await openBench(options);
      const { host, model } = bench;
      const ask = call("bash", { command: "touch made.txt", description: "make it" });
      model.name("lead", (request) => request.kind === "turn" && request.parentSessionId === undefined);
      model.name("ada", (request) => request.kind === "turn" && request.parentSessionId !== undefined);
      model.program({ when: "ada", steps: [ask, say("It was refused."), ask, say("It was allowed.")] });
      const members = [{ name: "ada", subagent_type: "general", prompt: "Make it.", worktree: true }];
      const create = call("team_create", { inline_spec: { name: "solo", members } });

      model.program({ when: "lead", steps: [create, say("It is at work."), say("Heard.")] });
      expect((await host.run(["run", "Make it with a helper."])).code).toBe(0);
      const [, refused] = model.requestsOf("ada");
      expect(toolResults(refused as ModelRequest).at(-1)?.text).toContain("Go on without it");

      model.program({ when: "lead", steps: [create, say("It is at work."), say("Heard.")] });
      expect((await host.run(["run", "--auto", "Make it with a helper."])).code).toBe(0);
      const allowed = model.requestsOf("ada").at(-1);
      expect(toolResults(allowed as ModelRequest).at(-1)?.text).not.toContain("refused");
      expect(model.requests.filter((request) => request.outcome === "left")).toEqual([]);
    },
    TIMEOUT_MS,
  );
});
