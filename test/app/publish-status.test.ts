import { describe, expect, test } from "bun:test";
import { Fleet } from "../../src/app/fleet.ts";
import type { World } from "../../src/app/world.ts";
import type { Fact } from "../../src/core/facts.ts";
import type { RunSurvey } from "../../src/core/survey.ts";
import { FlotillaError } from "../../src/errors.ts";
import type { StatusBoard } from "../../src/ports.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { NOON, permission, runPlan } from "../core/decide-builders.ts";
import { rest, TurnedClock } from "../simulation/turned-clock.ts";
import { noWorktrees } from "../support/no-worktrees.ts";
import { silentHost } from "../support/silent-host.ts";

const RUN = "run_1";
/** As the silent host names it. */
const ADA = "ses_ada";
const call = { sessionId: ADA, hostMessageId: "msg_1", callId: "call_1", tool: "bash", startedAt: NOON };
const asked: Fact = { type: "gate_opened", sessionId: ADA, gate: permission("per_1") };
const answered: Fact = { type: "gate_closed", sessionId: ADA, requestId: "per_1" };

/** A run with ada, open in a process whose clock is turned by hand, and every survey that was shown of it. */
async function watched({ fault }: { fault?: () => Error | undefined } = {}) {
  const clock = new TurnedClock(NOON);
  const surveys: RunSurvey[] = [];
  const warnings: string[] = [];
  const { board, ...storage } = new MemoryDisk().process();
  const shows: StatusBoard = {
    shown: (runId) => board.shown(runId),
    shownAt: (runId) => board.shownAt(runId),
    clear: (runId) => board.clear(runId),
    show: async (survey) => {
      const failure = fault?.();
      if (failure) throw failure;
      surveys.push(survey);
      await board.show(survey);
    },
  };
  const host: World["host"] = {
    ...silentHost,
    log: (level, text) => {
      if (level !== "debug") warnings.push(`${level}: ${text}`);
    },
  };
  const world = { clock, ids: systemIds, host, worktrees: noWorktrees, ...storage, board: shows };
  const fleet = new Fleet(world);
  await fleet.openRun(runPlan(["ada"]));
  await fleet.drained();
  const tell = async (...facts: readonly Fact[]): Promise<void> => {
    for (const fact of facts) fleet.observe(fact);
    await fleet.drained();
  };
  /** Lets so much time pass, and all that goes on in it. */
  const pass = async (ms: number): Promise<void> => {
    let over = false;
    clock.after(ms, () => {
      over = true;
    });
    while (!over) await clock.turn();
    await fleet.drained();
    await rest();
  };
  await pass(1_000);
  surveys.length = 0;
  const ada = () => surveys.at(-1)?.members[0];
  return { clock, fleet, surveys, warnings, tell, pass, ada, board };
}

describe("what is shown of a run", () => {
  test("follows its sessions: work with its tool, a request, its answer", async () => {
    const { tell, pass, ada, fleet } = await watched();
    await tell({ type: "session_busy", sessionId: ADA }, { type: "tool_started", ...call });
    await pass(100);
    expect(ada()).toMatchObject({ status: "working", tool: { name: "bash", startedAt: NOON } });
    await tell(asked);
    expect(ada()).toMatchObject({ status: "needs_approval", reason: "permission" });
    await tell(answered);
    expect(ada()).toMatchObject({ status: "working", tool: { name: "bash" }, gates: [] });
    await tell({ type: "tool_ended", ...call, endedAt: NOON, outcome: "completed" });
    await pass(100);
    expect(ada()).not.toHaveProperty("tool");
    await fleet.close();
  });

  test("shows a request and its answer at once, and all else after a moment of calm", async () => {
    const { tell, pass, surveys, fleet } = await watched();
    await tell({ type: "session_busy", sessionId: ADA });
    expect(surveys).toEqual([]);
    await tell(asked);
    expect(surveys).toHaveLength(1);
    await tell(answered);
    expect(surveys).toHaveLength(2);
    await pass(100);
    await fleet.close();
  });

  test("counts requests: one answer of two leaves one", async () => {
    const { tell, ada, fleet } = await watched();
    await tell({ type: "session_busy", sessionId: ADA }, asked, {
      ...asked,
      gate: permission("per_2"),
    } as Fact);
    expect(ada()?.gates).toHaveLength(2);
    await tell(answered);
    expect(ada()).toMatchObject({ status: "needs_approval", gates: [{ requestId: "per_2" }] });
    await fleet.close();
  });

  test("says when a provider is tried again, and forgets it when it answers", async () => {
    const { tell, pass, ada, fleet } = await watched();
    const retry = { attempt: 3, message: "secret", nextAt: NOON + 9 };
    await tell({ type: "session_busy", sessionId: ADA, retry });
    await pass(100);
    expect(ada()).toMatchObject({
      status: "working",
      reason: "retry",
      retry: { attempt: 3, nextAt: NOON + 9 },
    });
    await tell({ type: "session_busy", sessionId: ADA });
    await pass(100);
    expect(ada()).not.toHaveProperty("retry");
    await fleet.close();
  });

  test("is written once for a storm of changes, with the newest of them", async () => {
    const { tell, pass, surveys, ada, fleet } = await watched();
    await tell({ type: "session_busy", sessionId: ADA });
    for (let n = 0; n < 1_000; n += 1) {
      await tell({ type: "tool_started", ...call, callId: `call_${n}`, tool: `tool_${n}` });
    }
    await pass(100);
    expect(surveys.length).toBeLessThanOrEqual(2);
    expect(ada()?.tool?.name).toBe("tool_999");
    await fleet.close();
  });

  test("ends as the run does, and nothing is written or timed afterwards", async () => {
    const { fleet, pass, surveys, board, clock } = await watched();
    await fleet.closeRun(RUN, true, "done");
    await fleet.drained();
    expect(surveys.at(-1)).toMatchObject({
      runStatus: "closed",
      members: [{ status: "done", reason: "run_closed" }],
    });
    const { length } = surveys;
    await pass(60_000);
    expect(surveys).toHaveLength(length);
    expect(await board.shown(RUN)).toBeUndefined();
    await fleet.close();
    expect(await clock.turn()).toBe(false);
  });

  test("says of a run that is left to its next owner that it is as it was then", async () => {
    const { fleet, tell, surveys } = await watched();
    await tell({ type: "session_busy", sessionId: ADA });
    await fleet.close();
    expect(surveys.at(-1)).toMatchObject({
      runStatus: "orphaned",
      status: "working",
      reason: "stale",
      members: [{ status: "working", reason: "stale" }],
    });
  });
});

describe("while status files cannot be written", () => {
  test("it is told once, all goes on, and they are right as soon as they can be", async () => {
    let full = false;
    let attempts = 0;
    const disk = new FlotillaError({ code: "storage_failed", message: "no space", hint: "Free some." });
    const fault = (): Error | undefined => {
      if (full) attempts += 1;
      return full ? disk : undefined;
    };
    const { tell, pass, ada, warnings, fleet } = await watched({ fault });
    full = true;
    await tell({ type: "session_busy", sessionId: ADA }, asked);
    await tell(answered);
    for (let n = 0; n < 20; n += 1) {
      await tell({ type: "tool_started", ...call, callId: `call_${n}` });
      await pass(100);
    }
    // Those two at once; what is no request waits for the next attempt.
    expect(attempts).toBe(2);
    expect(warnings).toEqual(["warn: status files are not up to date, team_status is"]);
    expect(fleet.index.state(RUN)?.members["ada"]?.status).toBe("working");
    full = false;
    await pass(6_000);
    expect(ada()?.status).toBe(fleet.index.state(RUN)?.members["ada"]?.status);
    expect(ada()?.lastActivityAt).toBeGreaterThan(NOON + 1_000);
    await fleet.close();
  });
});
