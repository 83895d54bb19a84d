import { describe, expect, test } from "bun:test";
import { openBench } from "../support/bench.ts";
import { after, call, say } from "../support/model-replies.ts";
import { type ModelRequest, mentions, toolResults } from "../support/model-request.ts";

/** `opencode run` kills members about 40 ms after the lead goes idle, unless the lead is kept. */
describe("a headless run", () => {
  test("does not end before the team: a lead that stops talking is kept until its members have reported", async () => {
    await using bench = await openBench({ teamMode: { enabled: true }, serve: false });
    const { host, model } = bench;
    model.name("lead", (request) => request.kind === "turn" && request.parentSessionId === undefined);
    model.program({
      when: "lead",
      steps: [
        call("team_create", {
          inline_spec: {
            name: "pair",
            members: [
              { name: "ada", subagent_type: "general", prompt: "You are ADA." },
              { name: "bo", subagent_type: "general", prompt: "You are BO." },
            ],
          },
        }),
        say("They are at work; I wait for their reports."),
        say("One has reported."),
        say("Both have reported."),
      ],
    });
    model.script((request) => {
      if (mentions(request, "You are ADA.") > 0 && request.parentSessionId !== undefined) {
        return after(1_500, say("Ada has found three files."));
      }
      if (mentions(request, "You are BO.") > 0 && request.parentSessionId !== undefined) {
        return after(3_000, say("Bo has found nothing."));
      }
      return undefined;
    });

    const { code, stdout } = await host.run(["run", "Look around with two helpers."]);

    expect(code).toBe(0);
    const last = model.requestsOf("lead").at(-1);
    expect(last && mentions(last, "Ada has found three files.")).toBe(1);
    expect(last && mentions(last, "Bo has found nothing.")).toBe(1);
    expect(stdout).toContain("Both have reported.");
    expect(model.requests.filter((request) => request.outcome === "left")).toEqual([]);
  }, 60_000);

  test("answers what a member in a worktree asks, since the command itself never hears of it", async () => {
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
  }, 60_000);
});
