import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { RunState } from "../../src/core/run.ts";
import { member, RUN, runState } from "../contract/samples.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, type Desk, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

/** A run that is led from the caller's work tree and has used its tokens, and one that is led from elsewhere. */
async function stoppedDesk(): Promise<Desk> {
  const desk = await openDesk(command);
  desk.configure();
  const { runs, ownership } = await desk.storage();
  const now = Date.now();
  const { lead, limits } = runState();
  await runs.create(
    runState({
      label: "nightly",
      createdAt: now - 90_000,
      lead: { ...lead, directory: desk.at("work", "src") },
      limits: { ...limits, maxTokens: 1_000 },
      members: { ada: member("ada", { usage: { turns: 4, tokens: 1_234, cost: 0.1 + 0.2 } }) },
      messages: 9,
      notices: 4,
      spent: ["tokens"],
    }),
  );
  await ownership.take(RUN);
  const elsewhere = { name: "writers", source: "project", allowMemberBroadcast: false } as const;
  await runs.create(runState({ runId: "run_2", team: elsewhere, status: "orphaned", createdAt: now }));
  return desk;
}

function stateOf(desk: Desk, runId: string): RunState {
  return JSON.parse(readFileSync(`${desk.baseDir}/runs/${runId}/state.json`, "utf8"));
}

describe("limit", () => {
  test("says what was, what is and what is used, and commits it with the lead's notice", async () => {
    await using desk = await stoppedDesk();
    const { code, out, err } = desk.flotilla("limit", "max_tokens_per_run=2000", "max_wall_clock_minutes=3");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toBe(
      [
        "explorers (nightly)  run_1",
        "  LIMIT                   WAS   IS    USED",
        "  max_wall_clock_minutes  120   3     1",
        "  max_tokens_per_run      1000  2000  1234",
        `  process ${process.pid} goes by it from now on`,
        "",
      ].join("\n"),
    );
    const state = stateOf(desk, RUN);
    expect(state.limits).toMatchObject({ maxTokens: 2_000, maxWallClockMs: 180_000, maxMembers: 8 });
    expect(state.spent).toEqual([]);
    const { mailbox } = await desk.storage();
    const mail = await mailbox.ready(RUN, "lead");
    expect(mail.map(({ from, kind }) => `${kind} from ${from}`)).toEqual(["budget from system"]);
    const journal = readFileSync(`${desk.baseDir}/runs/${RUN}/journal.jsonl`, "utf8");
    expect(JSON.parse(journal.trim())).toMatchObject({
      event: "limits_changed",
      from: { maxTokens: 1_000, maxWallClockMs: 7_200_000 },
      to: { maxTokens: 2_000, maxWallClockMs: 180_000 },
    });
  });

  test("says what stays used up, and what nobody carries out", async () => {
    await using desk = await stoppedDesk();
    expect(desk.flotilla("limit", "nightly", "max_tokens_per_run=1200").out).toContain("  used up: tokens\n");
    const { code, out } = desk.flotillaUnderBun("limit", "writers", "max_members=9", "max_cost_per_run=0.5");
    expect(code).toBe(0);
    expect(out).toBe(
      [
        "writers  run_2",
        "  LIMIT             WAS   IS   USED",
        "  max_members       8     9    2",
        "  max_cost_per_run  none  0.5  0",
        "  nobody moves the run now; it goes by this when OpenCode is started in /project",
        "",
      ].join("\n"),
    );
  });

  test("tells programs the same as JSON", async () => {
    await using desk = await stoppedDesk();
    const { out } = desk.flotilla("limit", RUN, "max_messages_per_run=5", "max_cost_per_run=1", "--json");
    expect(JSON.parse(out)).toEqual({
      runId: RUN,
      team: "explorers",
      limits: [
        { key: "max_messages_per_run", from: 10_000, to: 5, used: 5 },
        { key: "max_cost_per_run", to: 1, used: 0.3 },
      ],
      spent: ["tokens", "messages"],
    });
  });

  const REFUSED: readonly (readonly [args: readonly string[], says: readonly string[]])[] = [
    [["max_mesages_per_run=5"], ["max_mesages_per_run: unknown key", 'did you mean "max_messages_per_run"?']],
    [["max_members=65"], ["max_members: received 65. Allowed: a whole number from 1 to 64."]],
    [["max_tokens_per_run=many"], ['max_tokens_per_run: received "many". Allowed: a whole number']],
    [["max_member_turns="], ['max_member_turns: received "". Allowed: a whole number']],
    [["max_cost_per_run=0"], ["max_cost_per_run: received 0. Allowed: a number"]],
    [["base_dir=/tmp"], ["base_dir: unknown key"]],
    [
      ["max_members=0", "max_member_turns=0.5"],
      ["max_members: received 0", "max_member_turns: received 0.5"],
    ],
    [["nightly"], ["nothing is said that could be changed", "Keys: max_members, "]],
    [["nightly", "writers", "max_members=9"], ['"writers" is no setting of the form key=value']],
    [["daily", "max_members=9"], ['no live run is called "daily"; live are: ']],
    [
      ["run_", "max_members=9"],
      ['2 live runs are called "run_": ', "writers (run_2)"],
    ],
  ];
  for (const [args, says] of REFUSED) {
    test(`refuses ${args.join(" ")} and changes nothing`, async () => {
      await using desk = await stoppedDesk();
      const before = [stateOf(desk, RUN), stateOf(desk, "run_2")];
      const { code, out, err } = desk.flotilla("limit", ...args);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      for (const words of says) expect(err).toContain(words);
      expect([stateOf(desk, RUN), stateOf(desk, "run_2")]).toEqual(before);
    });
  }

  test("refuses a run that is over, and asks for a name where none or several could be meant", async () => {
    await using desk = await stoppedDesk();
    const { runs } = await desk.storage();
    await runs.exclusively("run_2", (run) => run.commit({ ...stateOf(desk, "run_2"), status: "closing" }));
    expect(desk.flotilla("limit", "run_2", "max_members=9").err).toContain("run run_2 is closing");

    const { lead } = stateOf(desk, RUN);
    await runs.create(runState({ runId: "run_3", lead }));
    expect(desk.flotilla("limit", "max_members=9").err).toContain(
      `2 live runs are led from ${desk.at("work")}: `,
    );
    for (const runId of [RUN, "run_3"]) await runs.archive(runId);
    expect(desk.flotilla("limit", "max_members=9").err).toContain(
      `no live run is led from ${desk.at("work")}; live are: writers (run_2)`,
    );
  });

  test("creates nothing where there are no runs", async () => {
    await using desk = await openDesk(command);
    desk.configure();
    const before = desk.snapshot();
    expect(desk.flotilla("limit", "max_members=9").code).toBe(2);
    expect(desk.snapshot()).toEqual(before);
  });
});
