import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Gate } from "../../src/core/facts.ts";
import { member, RUN, runState } from "../contract/samples.ts";
import { permission } from "../core/decide-builders.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, type Desk, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

const QUESTION: Gate = { ...permission("que_1"), kind: "question", detail: "left or right?" };

/** Two runs that are led from the caller's work tree: ada waits in both, and bo for two things in one of them. */
async function waitingDesk(owner: "alive" | "gone" = "alive"): Promise<Desk> {
  const desk = await openDesk(command);
  desk.configure();
  const { runs, ownership } = await desk.storage(owner);
  const lead = { ...runState().lead, directory: desk.at("work") };
  const waits = (name: string, ...gates: readonly Gate[]) =>
    member(name, { status: "needs_approval", gates, turn: { startedAt: 1, cause: "lead", reported: false } });
  await runs.create(
    runState({
      lead,
      members: {
        ada: waits("ada", permission("per_1")),
        bo: waits("bo", permission("per_2"), { ...permission("per_3"), detail: "ls" }),
        cy: waits("cy", QUESTION),
      },
    }),
  );
  const team = { name: "writers", source: "project", allowMemberBroadcast: false } as const;
  await runs.create(
    runState({ runId: "run_2", team, lead, members: { ada: waits("ada", permission("per_4")) } }),
  );
  for (const runId of [RUN, "run_2"]) await ownership.take(runId);
  return desk;
}

function outboxOf(desk: Desk): readonly object[] {
  return JSON.parse(readFileSync(`${desk.baseDir}/runs/${RUN}/state.json`, "utf8")).outbox;
}

describe("answer", () => {
  const REFUSED: readonly (readonly [args: readonly string[], ...says: readonly string[]])[] = [
    [["ada", "maybe"], '"maybe" is no answer', "Answers are: once, always, reject."],
    [["ada", "once", "please"], "a message goes with reject, not with once"],
    [["ada", "once"], "ada waits in 2 runs: explorers (run_1), writers (run_2)", "--run"],
    [["ada", "once", "--run", "run_9"], 'no live run is called "run_9"'],
    [["eve", "once"], "eve waits for no answer; there wait: ada (explorers), permission bash (rm -r build)"],
    [
      ["bo", "once"],
      "bo waits for 2 answers: per_2, permission bash (rm -r build); per_3, permission bash (ls)",
    ],
    [["bo", "once", "--request", "per_9"], 'bo waits for no answer to "per_9": per_2'],
    [["cy", "once"], "cy asks a question (left or right?), which takes more than once for an answer"],
  ];
  for (const [args, ...says] of REFUSED) {
    test(`refuses ${args.join(" ")} and changes nothing`, async () => {
      await using desk = await waitingDesk();
      const { code, out, err } = desk.flotilla("answer", ...args);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      for (const words of says) expect(err).toContain(words);
      expect(outboxOf(desk)).toEqual([]);
    });
  }

  test("says so where no process owns the run, and commits nothing that nobody would carry out", async () => {
    await using desk = await waitingDesk("gone");
    const { code, out } = desk.flotilla("answer", "bo", "reject", "--request", "per_3");
    expect({ code, out }).toEqual({
      code: 1,
      out: `bo (explorers) asks: permission bash (ls)\n  no process owns the run, and nothing was answered: start OpenCode in ${desk.at("work")}\n`,
    });
    expect(outboxOf(desk)).toEqual([]);
  });

  test("leaves the answer in the run for an owner that is slow, and says so", async () => {
    await using desk = await waitingDesk();
    const { code, out } = desk.flotilla(
      "answer",
      "bo",
      "reject",
      "Not",
      "now.",
      "--request",
      "per_3",
      "--json",
    );
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({
      runId: RUN,
      team: "explorers",
      participant: "bo",
      requestId: "per_3",
      reply: "reject",
      message: "Not now.",
      permission: "bash",
      outcome: "waiting",
    });
    expect(outboxOf(desk)).toContainEqual(
      expect.objectContaining({ type: "answer_permission", participant: "bo", message: "Not now." }),
    );
  }, 30_000);
});
