import { beforeAll, describe, expect, test } from "bun:test";
import { COMMANDS } from "../../src/cli/commands.ts";
import { member, RUN, runState } from "../contract/samples.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, openDesk } from "./command.ts";
import { heldUpDesk } from "./held-up.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

describe("why", () => {
  test("says in sentences who waits for what and since when, and what would help; the same under Bun", async () => {
    await using desk = await heldUpDesk(command);
    const before = desk.snapshot();
    const { code, out, err } = desk.flotilla("why");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toBe(
      [
        "explorers (nightly)  run_1",
        "  - ada has waited 3 min for your answer: permission bash (rm -rf build).",
        "      flotilla answer ada once --run run_1",
        "      (or always, or reject with a message)",
        "  - bo was stopped by a person 5 min ago and waits for a word.",
        '      flotilla tell bo "Go on." --run run_1  (or as you like)',
        "  - The run has used up max_tokens_per_run (1234 of 1000): no new turn of it",
        "    begins.",
        "      flotilla limit run_1 max_tokens_per_run=2000",
        "  - cy has not answered lead's shutdown request of 1 min ago.",
        '      flotilla tell cy "Answer the shutdown request." --run run_1',
        "  - 2 messages from lead and cy have waited 1 min for bo: it was stopped by a",
        "    person.",
        "  - 1 message from lead has waited 2 min for cy: posted to its session, and done",
        "    when the model has answered and the turn is over.",
        "  - Task #2 waits for #1, which cy has had in progress for 2 min.",
        "  - cy has been at work for 2 min.",
        "",
      ].join("\n"),
    );
    expect(desk.flotillaUnderBun("why")).toEqual({ code, out, err });
    expect(desk.snapshot()).toEqual(before);
  });

  test("names only commands that there are", async () => {
    await using desk = await heldUpDesk(command);
    const named = [...desk.flotilla("why").out.matchAll(/^ +flotilla ([a-z]+)/gm)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(3);
    for (const name of named) expect(COMMANDS.map((one) => one.name)).toContain(name ?? "");
  });

  test("shows nothing that a terminal would obey, whatever a model has asked for", async () => {
    await using desk = await heldUpDesk(command);
    const gate = { kind: "permission", requestId: "per_1", subject: "bash", openedAt: Date.now() } as const;
    const gates = [{ ...gate, detail: "echo \u001b]0;mine\u0007\n  - all is well" }];
    const ada = member("ada", { status: "needs_approval", gates });
    const { runs } = await desk.storage();
    await runs.exclusively(RUN, (run) => run.commit(runState({ members: { ada } })));
    expect(desk.flotilla("why", RUN).out).toContain("(echo  ]0;mine   - all\n");
  });

  test("gives programs each wait with its kind, its fields and its sentence", async () => {
    await using desk = await heldUpDesk(command);
    const { runs } = JSON.parse(desk.flotilla("why", "nightly", "--json").out);
    expect(runs).toEqual([{ runId: RUN, team: "explorers", label: "nightly", waits: expect.any(Array) }]);
    expect(runs[0].waits.map(({ kind }: { kind: string }) => kind)).toEqual([
      "approval",
      "stopped",
      "budget",
      "shutdown",
      "mail",
      "mail",
      "task",
      "turn",
    ]);
    expect(runs[0].waits[2]).toEqual({
      kind: "budget",
      budget: "tokens",
      limit: "maxTokens",
      used: 1_234,
      allowed: 1_000,
      text: "The run has used up max_tokens_per_run (1234 of 1000): no new turn of it begins.",
      todo: "flotilla limit run_1 max_tokens_per_run=2000",
    });
  });

  test("says of a run whose owner is dead that nobody moves it, and where to start OpenCode", async () => {
    await using desk = await openDesk(command);
    desk.configure();
    const gone = await desk.storage("gone");
    await gone.runs.create(runState({ members: { ada: member("ada", { status: "working" }) } }));
    await gone.ownership.take(RUN);
    const { out } = desk.flotilla("why", "explorers");
    expect(out).toContain(`the process that owned it (${process.pid}) is gone`);
    expect(out).toContain("      Start OpenCode in /project: it takes the run over and goes on.\n");
    expect(out).not.toContain("at work");
  });

  test("says so where nothing waits, where nothing is held up, and where there is no run", async () => {
    await using desk = await openDesk(command);
    desk.configure();
    expect(desk.flotilla("why").out).toBe(`No live runs in ${desk.baseDir}.\n`);
    const { runs, ownership } = await desk.storage();
    await runs.create(runState());
    await ownership.take(RUN);
    expect(desk.flotilla("why", RUN).out).toBe(
      "explorers  run_1\n  Nothing waits: nobody works, no mail is unread and no task is held up.\n",
    );
    const turn = { startedAt: Date.now(), cause: "lead", reported: false } as const;
    const busy = runState({ members: { ada: member("ada", { status: "working", turn }) } });
    await runs.exclusively(RUN, (run) => run.commit(busy));
    expect(desk.flotilla("why", RUN).out).toMatch(
      /^ {2}Nothing is held up\.\n {2}- ada has been at work for/m,
    );
    expect(desk.flotilla("why")).toMatchObject({ code: 2, out: "" });
  });
});
