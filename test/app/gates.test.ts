import { describe, expect, test } from "bun:test";
import { answerGate } from "../../src/app/answer-gate.ts";
import { Fleet } from "../../src/app/fleet.ts";
import type { PermissionAnswer } from "../../src/core/effects.ts";
import type { SessionId } from "../../src/core/ids.ts";
import type { Host, HostSession } from "../../src/ports.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { NOON, permission, runPlan } from "../core/decide-builders.ts";
import { Life } from "../simulation/life.ts";
import { rest, TurnedClock } from "../simulation/turned-clock.ts";
import { noWorktrees } from "../support/no-worktrees.ts";
import { silentHost } from "../support/silent-host.ts";

const RUN = "run_1";
const ADA = "ses_ada";
const HELPER = "ses_helper";
const ANSWER: PermissionAnswer = { requestId: "per_1", reply: "reject", message: "Use git mv." };

/** A host that goes on when a process of ours does not, and what it is asked. */
class Surroundings {
  readonly disk: MemoryDisk = new MemoryDisk();
  readonly clock: TurnedClock = new TurnedClock(NOON);
  /** The session that waits for an answer to the request, if one does. */
  asking: SessionId | undefined;
  /** Whose model works. */
  readonly working: Set<SessionId> = new Set();
  readonly answers: PermissionAnswer[] = [];
  /** Sessions that were opened by another. */
  readonly below: Map<SessionId, SessionId> = new Map();
  /** Of this one the host does not say what is below it. */
  silentAbout: SessionId | undefined;

  readonly #host: Host = {
    ...silentHost,
    lastTurn: async (sessionId) => ({ activity: this.working.has(sessionId) ? "busy" : "idle" }),
    children: async (sessionId) => {
      if (sessionId === this.silentAbout) throw new Error("no answer");
      const child = this.below.get(sessionId);
      return child === undefined ? [] : [sessionOf(child)];
    },
    openGates: async () =>
      this.asking === undefined ? [] : [{ sessionId: this.asking, gate: permission("per_1") }],
    answerPermission: async (_directory, answer) => {
      this.answers.push(answer);
      const isTaken = this.asking !== undefined;
      this.asking = undefined;
      return isTaken;
    },
  };

  process(): { readonly life: Life; readonly fleet: Fleet } {
    const life = new Life(this.clock);
    const fleet = new Fleet({
      ...life.storage(this.disk),
      clock: life.clock,
      ids: systemIds,
      host: life.port(this.#host),
      worktrees: noWorktrees,
    });
    return { life, fleet };
  }

  /** The host goes down with its process: whatever ran in it, or asked, is no more. */
  goDown(): void {
    this.working.clear();
    this.asking = undefined;
  }

  /** At the shell of a person. */
  async answered(): Promise<void> {
    const books = { clock: this.clock, ...this.disk.process() };
    await answerGate(books, RUN, { participant: "ada", ...ANSWER });
  }

  async ada() {
    return (await this.disk.process().runs.read(RUN))?.members["ada"];
  }

  async time(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    await rest();
    while (this.clock.now() < end && (await this.clock.turn()));
    await rest();
  }
}

function sessionOf(sessionId: SessionId): HostSession {
  return { sessionId, directory: "/project", rules: [], undoStaged: false };
}

/** Ada works, and asks. */
async function asking() {
  const around = new Surroundings();
  const made = around.process();
  await made.fleet.openRun(runPlan(["ada"]));
  await rest();
  around.working.add(ADA);
  made.fleet.observe({ type: "session_busy", sessionId: ADA });
  await rest();
  around.asking = ADA;
  made.fleet.observe({ type: "gate_opened", sessionId: ADA, gate: permission("per_1") });
  await rest();
  expect(await around.ada()).toMatchObject({ status: "needs_approval" });
  return { around, ...made };
}

describe("a person's answer", () => {
  const ENDS = [
    { dies: "the process that is to hand it over", goesDown: false },
    { dies: "that process, and the host with it,", goesDown: true },
  ];
  test.each(ENDS)("holds nobody any more, wherever $dies dies", async ({ goesDown }) => {
    let deaths = 0;
    for (let calls = 1; ; calls += 1) {
      const { around, life } = await asking();
      life.dieAfter(calls);
      await around.answered();
      await around.time(3_000);
      if (life.alive) break;
      deaths += 1;
      if (goesDown) around.goDown();
      const next = around.process();
      await next.fleet.adopt(() => true);
      await around.time(10_000);
      expect(around.asking).toBeUndefined();
      expect(await around.ada()).toMatchObject({ gates: [] });
      // Once more is nothing to the host, and never anything else than the person said.
      if (!goesDown) expect(around.answers.length).toBeGreaterThan(0);
      for (const answer of around.answers) expect(answer).toEqual(ANSWER);
      await next.fleet.close();
    }
    expect(deaths).toBeGreaterThan(3);
  });
});

describe("a subagent that goes on after a restart, of which nobody is told that it was opened", () => {
  async function restarted(silentAbout?: SessionId) {
    const around = new Surroundings();
    const { fleet } = around.process();
    await fleet.openRun(runPlan(["ada"]));
    await rest();
    await fleet.close();
    around.below.set(ADA, HELPER).set(HELPER, "ses_deeper");
    around.silentAbout = silentAbout;
    around.working.add(ADA);
    const next = around.process();
    await next.fleet.adopt(() => true);
    await around.time(1_000);
    return { around, fleet: next.fleet };
  }

  test("holds its member with what it asks for", async () => {
    const { around, fleet } = await restarted();
    around.asking = "ses_deeper";
    fleet.observe({ type: "gate_opened", sessionId: "ses_deeper", gate: permission("per_1") });
    await rest();
    expect(await around.ada()).toMatchObject({
      status: "needs_approval",
      gates: [{ requestId: "per_1", sessionId: "ses_deeper" }],
    });
  });

  test("is found though the host does not answer about others", async () => {
    const { fleet } = await restarted("ses_lead");
    expect(fleet.index.kin(HELPER)?.of).toBe(ADA);
  });
});
