import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { batch, member, message, RUN, runState, task } from "../contract/samples.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, type Desk, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);
afterAll(() => command.remove());

const MINUTE = 60_000;

/** A run that is led from the caller's work tree, in which much waits for much. */
async function heldUpDesk(): Promise<Desk> {
  const desk = await openDesk(command);
  desk.configure();
  const now = Date.now();
  const { runs, ownership, mailbox, tasks } = await desk.storage();
  const { lead, limits } = runState();
  await runs.create(
    runState({
      label: "nightly",
      lead: { ...lead, directory: desk.at("work") },
      limits: { ...limits, maxParallelMembers: 1, maxTokens: 1_000 },
      spent: ["tokens"],
      members: {
        ada: member("ada", {
          status: "needs_approval",
          since: now - 3 * MINUTE,
          usage: { turns: 1, tokens: 1_234, cost: 0 },
          gates: [
            {
              kind: "permission",
              requestId: "per_1",
              subject: "bash",
              detail: "rm -rf \u001b[31mbuild",
              openedAt: now - 3 * MINUTE,
            },
          ],
        }),
        bo: member("bo", { status: "interrupted", since: now - 5 * MINUTE, heldByPerson: true }),
        cy: member("cy", {
          status: "working",
          turn: { startedAt: now - 2 * MINUTE, cause: "lead", reported: false },
          shutdown: { status: "requested", requestedBy: "lead", changedAt: now - MINUTE },
        }),
      },
    }),
  );
  await ownership.take(RUN);
  for (const seq of [1, 2]) {
    await mailbox.put(message(seq, { to: "bo", from: seq === 1 ? "lead" : "cy", createdAt: now - MINUTE }));
  }
  await mailbox.put(message(3, { to: "cy", createdAt: now - 2 * MINUTE }));
  await mailbox.reserve(batch(["mail_3"], { recipient: "cy" }));
  await mailbox.saveBatch(batch(["mail_3"], { recipient: "cy", phase: "witnessed" }));
  await tasks.write(RUN, task(1, { status: "in_progress", owner: "cy", changedAt: now - 2 * MINUTE }));
  await tasks.write(RUN, task(2, { blockedBy: [1] }));
  return desk;
}

describe("why", () => {
  test("says in sentences who waits for what and since when, and what would help; the same under Bun", async () => {
    await using desk = await heldUpDesk();
    const before = desk.snapshot();
    const { code, out, err } = desk.flotilla("why");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toBe(
      [
        "explorers (nightly)  run_1",
        "  - ada has waited 3 min for your answer: permission bash (rm -rf  [31mbuild).",
        "      flotilla answer ada once --run run_1  (or always, or reject with a message)",
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

  test("gives programs each wait with its kind, its fields and its sentence", async () => {
    await using desk = await heldUpDesk();
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
