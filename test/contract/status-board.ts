import { expect, test } from "bun:test";
import type { ParticipantSurvey, RunSurvey } from "../../src/core/survey.ts";
import { NOON, RUN, runState } from "./samples.ts";
import type { OpenWorld } from "./worlds.ts";

export function participantSurvey(
  participant: string,
  parts: Partial<ParticipantSurvey> = {},
): ParticipantSurvey {
  return {
    participant,
    generation: 1,
    directory: "/project",
    status: "waiting",
    since: NOON,
    gates: [],
    unread: 0,
    lastActivityAt: NOON,
    turns: 0,
    tokens: 0,
    cost: 0,
    tasks: [],
    ...parts,
  };
}

export function runSurvey(parts: Partial<RunSurvey> = {}): RunSurvey {
  return {
    runId: RUN,
    team: "explorers",
    directory: "/project",
    createdAt: NOON,
    runStatus: "active",
    status: "waiting",
    since: NOON,
    attention: [],
    lead: participantSurvey("lead"),
    members: [participantSurvey("ada"), participantSurvey("bo")],
    tasks: { pending: 0, claimed: 0, in_progress: 0, completed: 0, deleted: 0 },
    budgets: { messages: { used: 0, limit: 10_000, left: 10_000 } },
    endsAt: NOON + 1,
    spent: [],
    ...parts,
  };
}

/** What every `StatusBoard` promises. */
export function statusBoardContract(open: OpenWorld): void {
  test("what was shown last is there for every process", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    expect(await world.other.board.shown(RUN)).toBeUndefined();
    expect(await world.other.board.shownAt(RUN)).toBeUndefined();
    await world.one.board.show(runSurvey());
    await world.one.board.show(runSurvey({ status: "working", label: "new" }));
    const shown = await world.other.board.shown(RUN);
    expect(shown?.survey).toMatchObject(runSurvey({ status: "working", label: "new" }));
    expect(shown?.leftRunning).toEqual([]);
    expect(Math.abs(Date.now() - ((await world.other.board.shownAt(RUN)) ?? 0))).toBeLessThan(60_000);
  });

  test("what is taken down is gone, and may be taken down again", async () => {
    await using world = await open();
    await world.one.runs.create(runState());
    await world.one.board.show(runSurvey());
    await world.one.board.clear(RUN);
    await world.one.board.clear(RUN);
    expect(await world.one.board.shown(RUN)).toBeUndefined();
    expect(await world.one.board.shownAt(RUN)).toBeUndefined();
    await world.one.board.show(runSurvey());
    expect(await world.one.board.shown(RUN)).toBeDefined();
  });

  test("nothing is shown of a run that is not there", async () => {
    await using world = await open();
    await expect(world.one.board.show(runSurvey())).rejects.toMatchObject({ code: "run_not_found" });
  });
}
