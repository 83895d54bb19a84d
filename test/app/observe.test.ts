import { describe, expect, test } from "bun:test";
import type { Courier } from "../../src/app/courier.ts";
import { Observer } from "../../src/app/observe.ts";
import { SessionIndex } from "../../src/app/session-index.ts";
import { SessionWatches } from "../../src/app/session-watch.ts";
import { Transactor } from "../../src/app/transact.ts";
import type { World } from "../../src/app/world.ts";
import type { Command } from "../../src/core/commands.ts";
import { openRun } from "../../src/core/decide-run.ts";
import type { FlotillaMark } from "../../src/core/delivery.ts";
import type { Fact, Gate, ModelStep, ShownBatch } from "../../src/core/facts.ts";
import type { Span } from "../../src/core/trace/span.ts";
import { spansOf } from "../../src/core/trace/tree.ts";
import { eventDecoder } from "../../src/opencode/events.ts";
import type { LastTurn, Step } from "../../src/ports.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { memberPlan, NOON, opened, permission, runPlan } from "../core/decide-builders.ts";
import * as recorded from "../opencode/recorded-events.ts";

const RUN = "run_1";
const ADA = "ses_ada_1";

/** An observer of a run of ada, and a host of which a test says what it would answer. */
async function observed(special: Partial<Courier["standing"]> = {}) {
  const disk = new MemoryDisk();
  const storage = disk.process();
  const host = {
    turn: { activity: "idle" } as LastTurn,
    /** Requests that wait for an answer. */
    waiting: [] as { sessionId: string; gate: Gate }[],
    lastTurn: async () => host.turn,
    openGates: async () => host.waiting,
  };
  const rings: (() => void)[] = [];
  const clock = {
    now: () => NOON + 1,
    after: (_ms: number, ring: () => void) => {
      rings.push(ring);
      return () => undefined;
    },
  };
  const world = { ...storage, host, clock, ids: { fraction: () => 0 } } as unknown as World;
  const witnessed: string[] = [];
  const answered: string[] = [];
  const settled: string[] = [];
  const courier = {
    listed: (_: string, shown: readonly ShownBatch[]) =>
      shown.length > 0 && witnessed.push(shown.map(({ mark }) => mark.batchId).join(" ")),
    answered: (_: string, marks: readonly FlotillaMark[]) =>
      answered.push(...marks.map((one) => one.batchId)),
    started: () => undefined,
    rejected: () => undefined,
    settled: (name: string) => settled.push(name),
    rested: () => undefined,
    look: () => undefined,
    lookForSlots: () => undefined,
    takeUp: async () => undefined,
    standing: {
      unanswered: async () => 0,
      messagesIn: async () => [],
      causeOf: async () => undefined,
      causeOfAnswered: async () => undefined,
      ...special,
    },
  };
  const index = new SessionIndex();
  const faults: unknown[] = [];
  const watches = new SessionWatches(
    () => NOON,
    (fault) => faults.push(fault),
  );
  const transactor = new Transactor(world, ({ state }) => index.update(state));
  const observer = new Observer(world, index, watches, transactor, {
    courier: () => courier as unknown as Courier,
    leadGone: () => undefined,
    changed: () => undefined,
  });
  const decision = openRun(runPlan(["ada"]), NOON);
  if (decision.kind !== "accepted") throw new Error("refused");
  await transactor.create(decision, async () => undefined);
  await transactor.transact(RUN, () => opened("ada"));

  /** Hands facts in and waits until they are worked in, as far as they can be. */
  async function hand(...facts: readonly Fact[]): Promise<void> {
    for (const fact of facts) observer.observe(fact);
    await watches.drained();
  }

  return {
    host,
    index,
    /** Batches of each list that proved something. */
    witnessed,
    answered,
    settled,
    /** What could not be worked in, reported by now. */
    faults,
    hand,
    /** The same where nothing may go wrong. */
    async tell(...facts: readonly Fact[]): Promise<void> {
      await hand(...facts);
      expect(faults).toEqual([]);
    },
    /** The model has answered: the host stores it. */
    answers(id: string, text: string, parts: Partial<Step> = {}): Step {
      const step: Step = {
        hostMessageId: id,
        completed: true,
        finish: "stop",
        midTurn: false,
        text,
        ...parts,
      };
      return step;
    },
    /** The next owner, which remembers nothing, looks what became of a turn whose process is gone. */
    async takenUp(): Promise<void> {
      watches.forget(ADA);
      await world.leases.take(RUN, ADA);
      observer.checkSettled(ADA, true);
      await watches.drained();
      expect(faults).toEqual([]);
    },
    /** The name ends and is given to another session, which begins to work. */
    async comesBack(): Promise<void> {
      const again: readonly Command[] = [
        { type: "request_shutdown", by: "lead", member: "ada" },
        { type: "approve_shutdown", by: "lead", member: "ada", book: new Map() },
        { type: "add_members", by: "lead", plans: [memberPlan("ada")] },
        opened("ada", 2),
        { type: "note_turn_started", participant: "ada", generation: 2, cause: "lead" },
      ];
      for (const command of again) await transactor.transact(RUN, () => command);
    },
    /** Every timer that was set rings. */
    async time(): Promise<void> {
      for (const ring of rings.splice(0)) ring();
      await watches.drained();
    },
    world,
    /** What the run's journal says, told as its trace. */
    trace: () => spansOf(disk.journal(RUN), { runId: RUN, pluginVersion: "1.2.3", digest: systemIds.digest }),
    /** Compares what is noted with what the host has. */
    check: () => observer.checkGates(ADA),
    member: () => index.state(RUN)?.members["ada"],
    turns: () => index.state(RUN)?.members["ada"]?.usage.turns,
    status: () => index.state(RUN)?.members["ada"]?.status,
  };
}

const busy: Fact = { type: "session_busy", sessionId: ADA };
const idle: Fact = { type: "session_idle", sessionId: ADA };

function shows(lastStepId: string | undefined, ...said: readonly string[]): Fact {
  const last = lastStepId === undefined ? {} : { lastStepId };
  return { type: "list_shown", sessionId: ADA, shown: [], ...last, ...passed(...said) };
}

/** How a list tells that the turn before its newest prompt had ended. */
function passed(...said: readonly string[]): Pick<Extract<Fact, { readonly type: "list_shown" }>, "passed"> {
  return said.length === 0 ? {} : { passed: { finish: "stop", text: said.join() } };
}

function ended(hostMessageId: string, input = 0): Fact {
  const tokens = { input, output: 0, reasoning: 0, cacheRead: 0, cacheWrite: 0 };
  const step: ModelStep = {
    hostMessageId,
    finish: "stop",
    summary: false,
    tokens,
    cost: 0,
    startedAt: NOON,
    completedAt: NOON,
  };
  return { type: "step_ended", sessionId: ADA, step };
}

describe("the end of a turn", () => {
  test("that the host has gone on past before anybody looked is found in the next list, once", async () => {
    const story = await observed();
    await story.tell(busy, shows(undefined), ended("msg_1"));
    // The idle is told when the next turn runs already: it says nothing.
    story.host.turn = { activity: "busy", step: story.answers("msg_1", "one") };
    await story.tell(idle, busy);
    expect(story.turns()).toBe(0);

    await story.tell(shows("msg_1", "one"), shows("msg_1", "one"));

    expect(story.turns()).toBe(1);
    expect(story.status()).toBe("working");
    story.host.turn = { activity: "idle", step: story.answers("msg_2", "two") };
    await story.tell(ended("msg_2"), idle);
    expect(story.turns()).toBe(2);
    expect(story.status()).toBe("waiting");
  });

  test("is not the end of a later turn that the host has finished before the idle was told", async () => {
    const story = await observed();
    await story.tell(busy, shows(undefined), ended("msg_1"));
    // What the host answers by the time the first idle is looked into.
    story.host.turn = { activity: "idle", step: story.answers("msg_2", "two") };

    await story.tell(idle);
    expect(story.turns()).toBe(0);
    await story.tell(busy, shows("msg_1", "one"), ended("msg_2"), idle);

    expect(story.turns()).toBe(2);
    expect(story.status()).toBe("waiting");
  });

  test("between two steps is one where the host has stopped, and none where its process has died", async () => {
    for (const [died, status] of [
      [false, "waiting"],
      [true, "interrupted"],
    ] as const) {
      const story = await observed();
      await story.tell(busy);
      story.host.turn = {
        activity: "idle",
        step: story.answers("msg_1", "", { finish: "tool-calls", midTurn: true }),
      };
      if (died) await story.takenUp();
      else await story.tell(idle);
      expect([died, story.turns(), story.status()]).toEqual([died, 1, status]);
    }
  });

  test("that died with its beginning untold is found by its answered mail, once", async () => {
    const story = await observed({ causeOfAnswered: async () => "lead" });
    story.host.turn = { activity: "idle", step: story.answers("msg_1", "done") };

    await story.takenUp();
    expect([story.turns(), story.status()]).toEqual([1, "waiting"]);
    // Killed again before its mail was acked.
    await story.takenUp();
    expect(story.turns()).toBe(1);
  });

  test("is taken from the host when its telling never comes", async () => {
    const story = await observed();
    await story.tell(busy, shows(undefined), ended("msg_1"));
    story.host.turn = { activity: "idle", step: story.answers("msg_2", "two") };
    await story.tell(idle);
    for (let look = 0; look < 30; look++) await story.time();
    expect(story.turns()).toBe(1);
    expect(story.status()).toBe("waiting");
  });

  test("before the first prompt of a turn is an earlier one's, though the first list shows it", async () => {
    const story = await observed();
    await story.tell(busy, shows("msg_0", "long ago"));
    expect(story.turns()).toBe(0);
    story.host.turn = { activity: "idle", step: story.answers("msg_1", "one") };
    await story.tell(ended("msg_1"), idle);
    expect(story.turns()).toBe(1);
  });
});

describe("what the host tells twice", () => {
  /** Recorded events of a turn that ends well and of one that fails. */
  const WELL = [
    recorded.BUSY,
    recorded.STEP_MADE,
    recorded.TOOL_RUNNING,
    recorded.PERMISSION_ASKED,
    recorded.PERMISSION_REPLIED,
    recorded.TOOL_COMPLETED,
    recorded.STEP_FINISHED,
    recorded.STEP_COMPLETED,
    recorded.IDLE,
    recorded.IDLE_TOO,
  ];
  const BADLY = [recorded.BUSY, recorded.ERRORED, recorded.STEP_ABORTED, recorded.IDLE, recorded.IDLE_TOO];

  async function traceOfEach(times: number): Promise<readonly Span[]> {
    const story = await observed();
    const decoder = eventDecoder(() => NOON);
    let published = 0;
    const told = (events: readonly unknown[]): readonly Fact[] =>
      events
        .flatMap((event) => Array.from({ length: times }, () => event))
        .flatMap((event) => {
          const ours = JSON.parse(JSON.stringify(event).replaceAll('"ses_a"', JSON.stringify(ADA)));
          published += 1;
          return decoder.decode({ ...ours, id: `evt_${published}` }) ?? [];
        });
    story.host.turn = { activity: "idle", step: story.answers("msg_step", "one") };
    await story.tell(...told(WELL));
    const error = { name: "APIError", message: "scripted failure", statusCode: 400 };
    story.host.turn = { activity: "idle", step: story.answers("msg_cut", "", { error }) };
    await story.tell(shows("msg_step"), ...told(BADLY));
    return story.trace();
  }

  test("makes the same trace as what it tells once, byte by byte, and each turn ends once", async () => {
    const once = await traceOfEach(1);

    expect(JSON.stringify(await traceOfEach(2))).toBe(JSON.stringify(once));
    expect(once.filter(({ open }) => !open).map(({ name, error }) => [name, error])).toEqual([
      ["chat m", undefined],
      ["execute_tool bash", undefined],
      ["invoke_agent ada", undefined],
      ["chat m", "MessageAbortedError"],
      ["invoke_agent ada", "APIError"],
    ]);
  });
});

describe("a turn that was aborted", () => {
  const aborted: Step = {
    hostMessageId: "msg_1",
    completed: true,
    midTurn: true,
    error: { name: "MessageAbortedError", message: "The operation was aborted." },
    text: "",
  };

  test("is a person's Esc, which holds the member", async () => {
    const story = await observed();
    story.host.turn = { activity: "idle", step: aborted };
    await story.tell(busy, idle);
    expect(story.member()).toMatchObject({ status: "interrupted", heldByPerson: true });
  });

  test("is none if the next owner finds it: a host that goes down stops its turns like that, and the member is woken", async () => {
    const story = await observed();
    await story.tell(busy);
    story.host.turn = { activity: "idle", step: aborted };
    await story.takenUp();
    expect(story.member()).toMatchObject({
      status: "interrupted",
      heldByPerson: false,
      backoff: { failures: 0 },
    });
  });
});

describe("what a list proves", () => {
  const compaction: Fact = { type: "compaction_started", sessionId: ADA };

  /** A list with these batches, after a step that has ended well. */
  function list(batchIds: readonly string[], lastStepId?: string): Extract<Fact, { type: "list_shown" }> {
    const shown = batchIds.map((batchId) => ({ mark: { runId: RUN, batchId, round: 1 }, text: "" }));
    const last = lastStepId === undefined ? {} : { lastStepId, lastStepAnswered: true as const };
    return { type: "list_shown", sessionId: ADA, shown, ...last };
  }

  test("the step before it has answered what it was sent, however late its end is told", async () => {
    const story = await observed();
    await story.tell(busy, list(["batch_1"]), list(["batch_1", "batch_2"], "msg_1"));
    expect(story.answered).toEqual(["batch_1"]);
    // The end of an older step says nothing about the list shown since.
    await story.tell(ended("msg_1"));
    expect(story.answered).toEqual(["batch_1"]);
  });

  test("the last step of a turn has answered when the turn is settled, though its end was never told", async () => {
    const story = await observed();
    await story.tell(busy, list(["batch_1"]));
    story.host.turn = { activity: "idle", step: story.answers("msg_1", "done") };
    await story.tell(idle);
    expect(story.answered).toEqual(["batch_1"]);
  });

  test("a last step that failed has answered nothing", async () => {
    const story = await observed();
    await story.tell(busy, list(["batch_1"]));
    const error = { name: "APIError", message: "overloaded" };
    const step: Step = { hostMessageId: "msg_1", completed: true, midTurn: true, error, text: "" };
    story.host.turn = { activity: "idle", step };
    await story.tell(idle);
    expect(story.answered).toEqual([]);
  });

  test("a compaction's own list proves nothing, the next one does, before the summary's end is told", async () => {
    const story = await observed();
    await story.tell(busy, list(["batch_1"]), compaction, list(["batch_1", "batch_2"], "msg_1"));
    expect(story.witnessed).toEqual(["batch_1"]);
    await story.tell({
      type: "list_shown",
      sessionId: ADA,
      shown: list(["batch_3"]).shown,
      lastStepId: "msg_2",
    });
    expect(story.witnessed).toEqual(["batch_1", "batch_3"]);
    expect(story.answered).toEqual(["batch_1"]);
  });

  test("a list is read though the end of the turn before it cannot be noted", async () => {
    const silence = new Error("no answer");
    const story = await observed({ causeOf: () => Promise.reject(silence) });
    await story.tell(busy, list(["batch_1"]));
    await story.hand({ ...list(["batch_1", "batch_2"], "msg_1"), ...passed("one") });
    expect(story.faults).toEqual([silence]);
    expect(story.witnessed).toEqual(["batch_1", "batch_1 batch_2"]);
    // The step that was sent it is known by it.
    await story.hand(list(["batch_1", "batch_2"], "msg_2"));
    expect(story.answered).toEqual(["batch_1", "batch_1", "batch_2"]);
  });
});

describe("what a member waits for", () => {
  const HELPER = "ses_helper";
  const DEEPER = "ses_deeper";
  const opened = (sessionId: string, parentId: string): Fact => ({
    type: "session_opened",
    sessionId,
    parentId,
  });
  const asks = (sessionId: string, requestId: string): Fact => ({
    type: "gate_opened",
    sessionId,
    gate: permission(requestId),
  });
  const answered = (sessionId: string, requestId: string): Fact => ({
    type: "gate_closed",
    sessionId,
    requestId,
  });
  const busyStep: LastTurn = { activity: "busy" };

  async function withHelpers() {
    const story = await observed();
    story.host.turn = busyStep;
    await story.tell(busy, opened(HELPER, ADA), opened(DEEPER, HELPER));
    return story;
  }
  const open = (story: Awaited<ReturnType<typeof observed>>) =>
    story.member()?.gates.map(({ requestId, sessionId }) => `${requestId} ${sessionId ?? ADA}`);

  test("is also what its subagents wait for, at any depth, until the last of it is answered", async () => {
    const story = await withHelpers();
    await story.tell(asks(HELPER, "per_1"), asks(ADA, "per_2"), asks(DEEPER, "per_3"));
    expect(story.status()).toBe("needs_approval");
    expect(open(story)).toEqual([`per_1 ${HELPER}`, `per_2 ${ADA}`, `per_3 ${DEEPER}`]);
    await story.tell(answered(HELPER, "per_1"), answered(ADA, "per_2"));
    expect(story.status()).toBe("needs_approval");
    await story.tell(answered(DEEPER, "per_3"));
    expect(story.status()).toBe("working");
    expect(story.turns()).toBe(0);
  });

  test("is over for a subagent that rests or is gone, and for nobody else", async () => {
    const story = await withHelpers();
    const [one, other] = [
      { sessionId: HELPER, gate: permission("per_1") },
      { sessionId: DEEPER, gate: permission("per_2") },
    ];
    await story.tell(asks(HELPER, "per_1"), asks(DEEPER, "per_2"));
    story.host.waiting = [one, other];
    await story.tell({ type: "session_idle", sessionId: DEEPER });
    expect(open(story)).toHaveLength(2);
    story.host.waiting = [one];
    await story.tell({ type: "session_idle", sessionId: DEEPER });
    expect(open(story)).toEqual([`per_1 ${HELPER}`]);
    story.host.waiting = [];
    await story.tell({ type: "session_deleted", sessionId: HELPER });
    expect(story.member()).toMatchObject({ status: "working", gates: [] });
    expect(story.index.kin(HELPER)).toBeUndefined();
  });

  test("keeps its turn open where a subagent in the background asks, until the answer", async () => {
    const story = await withHelpers();
    await story.tell(asks(HELPER, "per_1"));
    story.host.waiting = [{ sessionId: HELPER, gate: permission("per_1") }];
    story.host.turn = { activity: "idle", step: story.answers("msg_1", "It runs in the background.") };
    await story.tell(ended("msg_1"), idle);
    expect(story.status()).toBe("needs_approval");
    expect(story.turns()).toBe(0);
    await story.tell(answered(HELPER, "per_1"));
    expect(story.member()).toMatchObject({ status: "waiting", gates: [] });
    expect(story.turns()).toBe(1);
  });

  test("is found in the host if nobody told of it, and no other process's is taken for gone", async () => {
    const story = await withHelpers();
    story.host.waiting = [
      { sessionId: HELPER, gate: permission("per_1") },
      { sessionId: "ses_of_nobody", gate: permission("per_2") },
    ];
    story.check();
    await story.tell();
    expect(open(story)).toEqual([`per_1 ${HELPER}`]);
    story.host.waiting = [];
    await story.world.leases.release(RUN, ADA);
    story.check();
    await story.tell();
    expect(open(story)).toEqual([`per_1 ${HELPER}`]);
  });

  test("is over when its model goes on, though nobody told of the answer", async () => {
    const story = await withHelpers();
    await story.tell(asks(ADA, "per_1"));
    await story.tell(shows("msg_1"));
    expect(story.member()).toMatchObject({ status: "working", gates: [] });
  });

  test("is nothing of a member of the same lead, whose session is the lead's child as a subagent's is", async () => {
    const story = await observed();
    await story.tell(
      { type: "session_opened", sessionId: "ses_bo", parentId: "ses_lead", isMember: true },
      opened("ses_scout", "ses_lead"),
    );
    expect(story.index.kin("ses_bo")).toBeUndefined();
    expect(story.index.kin("ses_scout")?.seat.participant).toBe("lead");
    expect(story.index.seat("ses_scout")).toBeUndefined();
  });
});

describe("what was told of a member's former session", () => {
  test("is nothing to the session that has its name now, though the host was being asked when the name came back", async () => {
    const story = await observed();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<LastTurn>();
    story.host.lastTurn = () => {
      asked.resolve();
      return answer.promise;
    };
    const told = story.tell(
      idle,
      busy,
      { type: "prompt_received", sessionId: ADA, hostMessageId: "msg_9" },
      { type: "gate_opened", sessionId: ADA, gate: permission("per_1") },
      ended("msg_1", 5),
    );
    await asked.promise;
    await story.comesBack();
    answer.resolve({ activity: "idle", step: story.answers("msg_1", "My last word.") });
    await told;
    expect(story.member()).toMatchObject({
      generation: 2,
      status: "working",
      turn: { cause: "lead" },
      gates: [],
      usage: { turns: 0, tokens: 0 },
    });
    expect(story.settled).toEqual([]);
  });
});
