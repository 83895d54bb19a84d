import { describe, expect, test } from "bun:test";
import { Fleet } from "../../src/app/fleet.ts";
import type { Command } from "../../src/core/commands.ts";
import type { SessionId } from "../../src/core/ids.ts";
import type { Host, Worktrees } from "../../src/ports.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { memberPlan, NOON, runPlan } from "../core/decide-builders.ts";
import { Life } from "../simulation/life.ts";
import { rest, TurnedClock } from "../simulation/turned-clock.ts";
import { silentHost } from "../support/silent-host.ts";

const RUN = "run_1";
const SITE = {
  repository: "/project/.git",
  path: "/worktrees/cy",
  branch: "team/explorers/cy",
  base: "c0ffee",
  mark: "m",
};

/** Ada waits, bo works, cy has a worktree, and the host has not answered about dora yet. */
const PLAN = runPlan([], {
  members: ["ada", "bo", "cy", "dora"].map((name) => memberPlan(name, { worktree: name === "cy" })),
  sites: { cy: SITE },
});

interface Process {
  readonly life: Life;
  readonly fleet: Fleet;
  /** The disk takes none of the next commits. */
  refuse(times: number): void;
}

/** What outlives a process: the host's sessions, git's worktrees, the disk. */
class Surroundings {
  readonly disk: MemoryDisk = new MemoryDisk();
  readonly clock: TurnedClock = new TurnedClock(NOON);
  /** Sessions that were stopped, by the session's id. */
  readonly stopped: Set<SessionId> = new Set();
  worktree: "none" | "there" | "removed" = "none";
  /** Members for which a session was asked for. */
  readonly #seated: Set<string> = new Set();
  /** The lead was given the tools of an ordinary session again. */
  ordinary = false;

  readonly #host: Host = {
    ...silentHost,
    openSession: ({ mark }) => {
      this.#seated.add(mark.member);
      return mark.member === "dora" ? new Promise(() => undefined) : Promise.resolve(`ses_${mark.member}`);
    },
    agents: async () => [{ name: "general", mode: "all", rules: [] }],
    abort: async (sessionId) => {
      this.stopped.add(sessionId);
    },
    addRules: async (_sessionId, rules) => {
      this.ordinary = rules.some(
        ({ permission, action }) => permission === "team_delete" && action === "deny",
      );
    },
  };

  /** What git waits for before it makes one, as for a person's slow hook. */
  filling: Promise<void> = Promise.resolve();

  readonly #worktrees: Worktrees = {
    plan: () => Promise.reject(new Error("planned already")),
    holdings: async () => [],
    make: async () => {
      await this.filling;
      this.worktree = "there";
    },
    remove: async () => {
      // Whatever works in it has been stopped and waited for.
      if (this.#seated.has("cy")) expect([...this.stopped]).toContain("ses_cy");
      this.worktree = "removed";
      return { outcome: "removed" };
    },
  };

  process(): Process {
    const life = new Life(this.clock);
    const storage = life.storage(this.disk);
    let refusals = 0;
    const runs = new Proxy(storage.runs, {
      get: (target, name) => {
        if (name !== "exclusively" || refusals === 0) return Reflect.get(target, name);
        refusals -= 1;
        return () => Promise.reject(new Error("no space left"));
      },
    });
    const world = {
      ...storage,
      runs,
      clock: life.clock,
      ids: systemIds,
      host: life.port(this.#host),
      worktrees: life.port(this.#worktrees),
    };
    const refuse = (times: number): void => {
      refusals = times;
    };
    return { life, fleet: new Fleet(world), refuse };
  }

  async state() {
    const { runs } = this.disk.process();
    return runs.read(RUN);
  }

  /** Some time goes by. */
  async time(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    await rest();
    while (this.clock.now() < end && (await this.clock.turn()));
    // What the last timer has set going may need none.
    await rest();
  }
}

/** A run in the middle of its work. */
async function begun(): Promise<Process & { readonly around: Surroundings }> {
  const around = new Surroundings();
  const made = around.process();
  const { fleet } = made;
  await fleet.openRun(PLAN);
  await rest();
  // Nobody waits for dora any more.
  const activated: Command = {
    type: "note_spawn_failed",
    member: "dora",
    generation: 1,
    reason: "late",
    book: new Map(),
  };
  await fleet.transact(RUN, () => activated);
  fleet.observe({ type: "session_busy", sessionId: "ses_bo" });
  await rest();
  expect(await around.state()).toMatchObject({
    status: "active",
    members: {
      ada: { status: "waiting" },
      bo: { status: "working" },
      cy: { status: "waiting", worktree: { made: true } },
      dora: { status: "failed" },
    },
  });
  return { around, ...made };
}

/** By force, as a person's deletion of the lead's session does it too. */
async function ends(fleet: Fleet): Promise<void> {
  // A dead process never answers.
  fleet.closeRun(RUN, true, "deleted by force").catch(() => undefined);
  await rest();
}

async function expectOver(around: Surroundings): Promise<void> {
  expect(await around.state()).toBeUndefined();
  expect([...around.stopped].toSorted()).toEqual(["ses_ada", "ses_bo", "ses_cy"]);
  expect([around.worktree, around.ordinary]).toEqual(["removed", true]);
  const events = around.disk.journal(RUN).map(({ event }) => event);
  expect(events.at(-1)).toBe("run_closed");
  for (const once of ["run_closing", "worktree_removed", "run_closed"]) {
    expect([once, events.filter((event) => event === once).length]).toEqual([once, 1]);
  }
}

describe("the end of a run", () => {
  test("stops every session, then removes the worktree, then archives, all by itself", async () => {
    const { around, fleet } = await begun();
    await ends(fleet);
    await around.time(5_000);
    await expectOver(around);
  });

  test("is finished by the next process, wherever the first one died in it", async () => {
    let deaths = 0;
    for (let calls = 1; ; calls += 1) {
      const { around, life, fleet } = await begun();
      life.dieAfter(calls);
      await ends(fleet);
      await around.time(5_000);
      if (life.alive) break;
      deaths += 1;
      const wasDecided = (await around.state())?.status !== "active";
      const next = around.process();
      await next.fleet.adopt(() => true);
      await around.time(5_000);
      if (!wasDecided) {
        expect((await around.state())?.status).toBe("active");
        await ends(next.fleet);
        await around.time(5_000);
      }
      await expectOver(around);
    }
    // Before and after each of the calls to disk, host and git that an end takes.
    expect(deaths).toBeGreaterThan(20);
  });

  test("waits for a worktree that git is filling, and takes it away with the rest", async () => {
    const around = new Surroundings();
    const filled = Promise.withResolvers<void>();
    around.filling = filled.promise;
    const { fleet } = around.process();
    await fleet.openRun(PLAN);
    await rest();
    await ends(fleet);
    await around.time(5_000);
    expect([(await around.state())?.status, around.worktree]).toEqual(["closing", "none"]);
    filled.resolve();
    await around.time(5_000);
    expect([await around.state(), around.worktree]).toEqual([undefined, "removed"]);
    // No session is asked for in a place that goes.
    expect([...around.stopped].toSorted()).toEqual(["ses_ada", "ses_bo"]);
    expect(around.disk.journal(RUN).at(-1)).toMatchObject({ event: "run_closed" });
  });

  test("that nobody can ask for again, since the lead's session is deleted, is tried until the disk takes it", async () => {
    const { around, fleet, refuse } = await begun();
    refuse(3);
    fleet.observe({ type: "session_deleted", sessionId: PLAN.lead.sessionId });
    await rest();
    expect((await around.state())?.status).toBe("active");
    await around.time(10_000);
    await expectOver(around);
  });
});
