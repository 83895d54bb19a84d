import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Subagents } from "../../src/app/subagents.ts";
import type { Fact } from "../../src/core/facts.ts";
import type { ChildSight } from "../../src/core/subagent-ending.ts";
import type { ShownTask, StoredTask } from "../../src/core/subagents.ts";
import { FlotillaError } from "../../src/errors.ts";
import { readSubagents } from "../../src/index.ts";
import type { HostSession } from "../../src/ports.ts";
import type { Liveness } from "../../src/storage/liveness.ts";
import { openSubagents } from "../../src/storage/open.ts";
import { PretendedProcesses } from "../contract/worlds.ts";
import { scratch } from "../support/scratch.ts";
import { silentHost } from "../support/silent-host.ts";

const LEAD = "ses_lead";
const CALLER = { sessionId: LEAD, directory: "/here" };
const NOW = 1_800_000_000_000;

/** The clock of these tests rings at once: what waits for the host to clean up is told that it has. */
const clock = {
  now: () => NOW,
  after: (_ms: number, ring: () => void) => {
    queueMicrotask(ring);
    return () => undefined;
  },
};

const IDLE: ChildSight = { working: false, remains: { calls: 1, files: 0, text: false }, shells: [] };
const OUTAGE = { name: "APIError", message: "down", statusCode: 500, retryable: true };
const failedAt = (fault = OUTAGE): ChildSight => ({
  ...IDLE,
  step: { completed: true, midTurn: true, said: false, refused: false, fault },
});

/** A host that answers what the test says, and processes at one folder. */
async function ground() {
  const folder = await scratch("app-subagents");
  const processes = new PretendedProcesses();
  const sights = new Map<string, ChildSight | "down">();
  const stored = new Map<string, readonly StoredTask[]>();
  const host = {
    ...silentHost,
    session: async (sessionId: string): Promise<HostSession> => ({
      ...{ sessionId, parentId: LEAD, agent: "general", directory: "/", rules: [], undoStaged: false },
    }),
    async childSight(sessionId: string): Promise<ChildSight | undefined> {
      const sight = sights.get(sessionId);
      if (sight !== "down") return sight;
      throw new FlotillaError({ code: "host_timeout", message: "no answer", hint: "" });
    },
    storedTasks: async (sessionId: string) => stored.get(sessionId) ?? [],
  };
  const open = (liveness: Liveness): Subagents => {
    const marked = async () => [];
    const ledgers = openSubagents({ baseDir: folder.path, liveness });
    return new Subagents({ clock, host, ledgers, processes: { ...liveness, marked } });
  };
  const first = processes.start();
  return {
    sights,
    stored,
    baseDir: folder.path,
    one: open(first),
    /** The first process is dead, and another one begins. */
    next(): Subagents {
      processes.kill(first);
      return open(processes.start());
    },
    /** The host has disposed of its instance and made another one in the same process. */
    again: () => open(first),
    beside: () => open(processes.start()),
    [Symbol.asyncDispose]: folder.remove,
  };
}

interface Told {
  readonly callId?: string;
  readonly child?: string;
  readonly agent?: string;
  readonly at?: number;
  readonly outcome?: StoredTask["outcome"];
  readonly text?: string;
  readonly taskId?: string;
  readonly background?: boolean;
}

function callOf(told: Told = {}): StoredTask {
  const {
    callId = "call_1",
    child = "ses_a",
    agent = "general",
    at = 1,
    outcome = "failed",
    text = "it broke",
  } = told;
  const { taskId, background } = told;
  return {
    ...{ hostMessageId: `msg_${callId}`, callId, outcome, startedAt: NOW + at, endedAt: NOW + at },
    task: {
      input: { description: "Look", subagent_type: agent, ...(taskId ? { task_id: taskId } : {}) },
      metadata: { sessionId: child, ...(background ? { background } : {}) },
      ...(outcome === "completed" ? { output: text } : {}),
      ...(outcome === "failed" ? { error: text } : {}),
    },
  };
}

function fact(call: StoredTask): Fact {
  const { outcome, endedAt, ...rest } = call;
  const use = { sessionId: LEAD, tool: "task", ...rest };
  return outcome === "left"
    ? { type: "tool_started", ...use }
    : { type: "tool_ended", ...use, endedAt, outcome };
}

/** What a model would be sent of the calls. */
async function shown(subagents: Subagents, ...calls: readonly StoredTask[]): Promise<readonly string[]> {
  const added = calls.map(() => "");
  const tasks = calls.map((call, at): ShownTask => ({ ...call, add: (text) => (added[at] += text) }));
  await subagents.annotate({ sessionId: LEAD, promptId: "msg_p", agent: "build", tasks: () => tasks });
  return added;
}

async function begun(subagents: Subagents, told: Told = {}): Promise<void> {
  const { callId = "call_1", taskId, agent = "general" } = told;
  await subagents.begin(
    { ...CALLER, callId },
    { subagent_type: agent, ...(taskId ? { task_id: taskId } : {}) },
  );
  subagents.observe(fact(callOf({ ...told, outcome: "left" })));
  await subagents.drained();
}

describe("an interrupted subagent", () => {
  test("is noted in the next list, though no event has told of its end", async () => {
    await using world = await ground();
    await begun(world.one);
    world.sights.set("ses_a", failedAt());
    const [note] = await shown(world.one, callOf());
    expect(note).toContain("the provider of its model failed");
    world.one.observe(fact(callOf()));
    await world.one.drained();
    expect(await shown(world.one, callOf())).toEqual([note ?? ""]);
  });

  test("is noted with care where the host does not answer, and reads the same when it does again", async () => {
    await using world = await ground();
    await begun(world.one);
    world.sights.set("ses_a", "down");
    const [note] = await shown(world.one, callOf());
    expect(note).toContain("could not be checked");
    world.sights.set("ses_a", failedAt());
    expect(await shown(world.one, callOf())).toEqual([note ?? ""]);
  });

  test("that goes on is not disturbed by what is told late of the call before", async () => {
    await using world = await ground();
    await begun(world.one);
    world.sights.set("ses_a", failedAt());
    await shown(world.one, callOf());
    await begun(world.one, { callId: "call_2", at: 5, taskId: "gen-1" });
    const before = await world.one.open(LEAD);
    expect(before).toMatchObject([{ status: "running", generation: 2 }]);

    world.one.observe(fact(callOf({ at: 1 })));
    world.one.observe(fact(callOf({ outcome: "left", at: 1 })));
    await world.one.drained();

    expect(await world.one.open(LEAD)).toEqual(before);
  });

  test("of two calls that go on with it, one is told that it works", async () => {
    await using world = await ground();
    await begun(world.one);
    world.sights.set("ses_a", failedAt());
    await shown(world.one, callOf());
    const input = { subagent_type: "general", task_id: "gen-1" };
    const both = await Promise.allSettled(
      ["call_2", "call_3"].map((callId) => world.one.begin({ ...CALLER, callId }, input)),
    );
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect(both.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "subagent_busy" },
    });
  });

  test("is not resumed where the host does not answer, and nothing new begins", async () => {
    await using world = await ground();
    await begun(world.one);
    world.sights.set("ses_a", "down");
    const resumed = world.one.begin(
      { ...CALLER, callId: "call_2" },
      { subagent_type: "general", task_id: "ses_a" },
    );
    await expect(resumed).rejects.toMatchObject({ code: "subagent_unchecked" });
  });
});

describe("what a dead process has left", () => {
  test("is found by the next one: calls without an end, and jobs in the background", async () => {
    await using world = await ground();
    await begun(world.one);
    await begun(world.one, { callId: "call_2", child: "ses_b", at: 2, background: true });
    world.sights.set("ses_a", IDLE);
    world.sights.set("ses_b", failedAt());
    world.stored.set(LEAD, [callOf({ outcome: "left" })]);

    const next = world.next();
    await next.recover(() => true);

    expect(await next.open(LEAD)).toMatchObject([
      { name: "gen-1", ending: "crashed", remains: { calls: 1 } },
      { name: "gen-2", ending: "provider" },
    ]);
  });

  test("is found as well when only the instance is gone, with its turns, and the process lives on", async () => {
    await using world = await ground();
    await begun(world.one, { background: true });
    world.sights.set("ses_a", failedAt({ ...OUTAGE, name: "MessageAbortedError" }));
    const again = world.again();
    await again.recover(() => true);
    expect(await again.open(LEAD)).toMatchObject([
      { name: "gen-1", status: "interrupted", ending: "aborted" },
    ]);
  });

  test("can be gone on with, though the host has not got, or has no more, the call that it was to work for", async () => {
    await using world = await ground();
    const resumed = { ...CALLER, callId: "call_3" };
    const input = { subagent_type: "general", task_id: "gen-1" };
    await begun(world.one);
    world.sights.set("ses_a", failedAt());
    await shown(world.one, callOf());
    // It died before the host had stored that the call runs.
    await world.one.begin(resumed, input);
    await begun(world.one, { callId: "call_2", child: "ses_b", at: 2 });
    world.sights.set("ses_b", IDLE);

    const next = world.next();
    await next.recover(() => true);

    expect(await next.open(LEAD)).toMatchObject([
      { name: "gen-1", status: "interrupted", ending: "provider" },
      { name: "gen-2", status: "interrupted", ending: "crashed" },
    ]);
    expect(await next.begin(resumed, input)).toBe("ses_a");
  });

  test("is left alone while somebody else runs it", async () => {
    await using world = await ground();
    await begun(world.one);
    world.sights.set("ses_a", IDLE);
    world.stored.set(LEAD, [callOf({ outcome: "left" })]);
    const beside = world.beside();
    await beside.recover(() => true);
    expect(await shown(beside, callOf({ outcome: "left" }))).toEqual([""]);
    expect(await beside.open(LEAD)).toEqual([]);
  });

  test("is left for whoever works in that place: to ask about it would start the host there", async () => {
    await using world = await ground();
    await begun(world.one);
    world.sights.set("ses_a", IDLE);
    world.stored.set(LEAD, [callOf({ outcome: "left" })]);
    const next = world.next();
    await next.recover((directory) => directory === "/elsewhere");
    expect(await next.open(LEAD)).toEqual([]);
    await next.recover((directory) => directory === "/here");
    expect(await next.open(LEAD)).toMatchObject([{ ending: "crashed" }]);
  });

  test("is known in the first list, however long it takes to look at all of it", async () => {
    await using world = await ground();
    await begun(world.one);
    world.sights.set("ses_a", IDLE);
    const next = world.next();
    const looking = next.recover(() => true);
    expect((await shown(next, callOf({ outcome: "left" })))[0]).toContain("the OpenCode that ran it died");
    await looking;
  });
});

describe("after any 30 operations", () => {
  test("note, section, team_status and doctor tell of the same subagents", async () => {
    const deed = fc.record({
      // One of each agent, so that no bound of the section hides any.
      which: fc.integer({ min: 0, max: 4 }),
      what: fc.constantFrom("fail", "fail", "finish", "delete", "repeat"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(deed, { minLength: 30, maxLength: 30 }), async (deeds) => {
        await using world = await ground();
        const { one, sights, baseDir } = world;
        const last = new Map<number, StoredTask>();
        const notes = new Map<string, string>();
        for (const [at, { which, what }] of deeds.entries()) {
          const child = `ses_${which}`;
          const known = last.get(which);
          if (what === "repeat" && known) one.observe(fact(known));
          else if (what === "delete") one.observe({ type: "session_deleted", sessionId: child });
          else if (what !== "repeat") {
            const told = { callId: `call_${at}`, child, agent: `${"abcde"[which]}gent`, at };
            sights.set(child, failedAt());
            one.observe(fact(callOf({ ...told, outcome: "left" })));
            const end = callOf(what === "fail" ? told : { ...told, outcome: "completed", text: "A result." });
            one.observe(fact(end));
            last.set(which, end);
            const [note = ""] = await shown(one, end);
            if (note !== "") notes.set(child, note);
          }
          await one.drained();
        }
        const open = await one.open(LEAD);
        const names = open.map(({ name, sessionId }) => `${name} (${sessionId})`);
        const section = (await one.section(LEAD)) ?? "";
        const { callers } = await readSubagents(baseDir);
        const onDisk = callers.flatMap(({ ledger }) =>
          ledger.subagents.filter(({ status }) => status !== "done"),
        );
        expect(onDisk.map(({ name, sessionId }) => `${name} (${sessionId})`)).toEqual(names);
        expect([...(section.match(/^- \S+ \(ses_\d\)/gm) ?? [])]).toEqual(names.map((name) => `- ${name}`));
        for (const { name, sessionId } of open)
          expect(notes.get(sessionId)).toContain(`as ${name} (${sessionId})`);
      }),
      { numRuns: 10 },
    );
  });
});
