import { describe, expect, test } from "bun:test";
import { decide } from "../../src/core/decide.ts";
import { openRun } from "../../src/core/decide-run.ts";
import type { RunStatus } from "../../src/core/run.ts";
import { toolRules } from "../../src/core/tool-rules.ts";
import {
  draft,
  journalOf,
  LIMITS,
  letters,
  mailOf,
  memberPlan,
  NOON,
  opened,
  permission,
  runPlan,
  Story,
  send,
  stepped,
} from "./decide-builders.ts";

describe("opening a run", () => {
  test("commits everything that is planned, and asks for one session a member and the lead's tools", () => {
    const decision = openRun(
      runPlan(["ada", "bo"], { label: "maps", tasks: [draft("map it", { owner: "ada" })] }),
      NOON,
    );
    if (decision.kind !== "accepted") throw new Error("refused");
    const { state, effects } = decision;
    expect(state).toMatchObject({
      version: 1,
      revision: 1,
      runId: "run_1",
      label: "maps",
      status: "creating",
      createdAt: NOON,
      messages: 0,
      tasks: 1,
      spent: [],
    });
    expect(state.lead).toEqual({
      sessionId: "ses_lead",
      directory: "/project",
      deniedTools: [],
      toolsPending: false,
      tasks: [],
      gates: [],
      heldByPerson: false,
    });
    expect(state.members["ada"]).toEqual({
      plan: memberPlan("ada"),
      generation: 1,
      status: "starting",
      since: NOON,
      gates: [],
      heldByPerson: false,
      shutdown: { status: "none", changedAt: NOON },
      usage: { turns: 0, tokens: 0, cost: 0 },
      countedTo: NOON,
      tasks: [1],
    });
    expect(effects.map(({ effectId, type }) => `${effectId} ${type}`)).toEqual([
      "run_1/1/0 add_rules",
      "run_1/1/1 open_session",
      "run_1/1/2 open_session",
      "run_1/1/3 write_task",
      "run_1/1/4 append_journal",
      "run_1/1/5 append_journal",
      "run_1/1/6 append_journal",
      "run_1/1/7 append_journal",
    ]);
    expect(state.outbox).toEqual(effects);
    expect(journalOf(effects).map(({ revision, index, event }) => [revision, index, event])).toEqual([
      [1, 0, "run_created"],
      [1, 1, "member_added"],
      [1, 2, "member_added"],
      [1, 3, "task_created"],
    ]);
  });

  test("is refused with more members than the limit has room for, and takes as many as it has", () => {
    const names = ["ada", "bo", "cy"];
    const limits = { ...LIMITS, maxMembers: 2 };
    expect(openRun(runPlan(names, { limits }), NOON)).toMatchObject({
      kind: "refused",
      refusal: {
        code: "too_many_members",
        message: "3 members are more than max_members = 2",
        details: { live: 0, wanted: 3, limit: 2 },
      },
    });
    expect(openRun(runPlan(names.slice(1), { limits }), NOON).kind).toBe("accepted");
  });

  test("is refused whole if one of its tasks is wrong", () => {
    const decision = openRun(runPlan(["ada"], { tasks: [draft("a"), draft(" ")] }), NOON);
    expect(decision).toMatchObject({ kind: "refused", refusal: { code: "argument_invalid" } });
  });

  test("offers the lead's session the team's tools", () => {
    const decision = openRun(runPlan(["ada"]), NOON);
    if (decision.kind !== "accepted") throw new Error("refused");
    expect(decision.effects[0]).toMatchObject({
      type: "add_rules",
      sessionId: "ses_lead",
      rules: toolRules("lead"),
    });
  });
});

describe("the answers of the spawns", () => {
  const NAMES = ["ada", "bo", "cy"];
  const orders = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
  ].map((order) => order.map((at) => NAMES[at] as string));

  for (const order of orders) {
    for (let fates = 0; fates < 8; fates++) {
      const failing = NAMES.filter((_, at) => (fates >> at) % 2 === 1);
      test(`in the order ${order.join(", ")} with ${failing.join(", ") || "none"} failing`, () => {
        const story = new Story(runPlan(NAMES));
        for (const [at, name] of order.entries()) {
          if (failing.includes(name)) story.spawnFailed(name, `no ${name}`);
          else story.open(name);
          expect(story.state.status === "creating").toBe(at < 2);
        }
        const lives = NAMES.filter((name) => !failing.includes(name));
        expect(story.state.status).toBe(lives.length > 0 ? "active" : "failed");
        for (const name of NAMES) {
          expect(story.member(name)).toMatchObject(
            failing.includes(name)
              ? { status: "failed", reason: `no ${name}` }
              : { status: "waiting", sessionId: `ses_${name}_1`, directory: "/project" },
          );
        }
        // Each that lives has its brief, and the lead reads of failures in the answer of its call.
        expect(letters(story.mail).toSorted()).toEqual(lives.map((name) => `brief system>${name}`));
        const deeds = story.state.outbox.map(({ type }) => type);
        expect(deeds.filter((type) => type === "open_session")).toEqual([]);
        expect(deeds.filter((type) => type === "archive_run")).toHaveLength(lives.length > 0 ? 0 : 1);
      });
    }
  }

  test("that come twice change nothing", () => {
    const story = new Story(runPlan(["ada", "bo"]));
    story.open("ada");
    story.spawnFailed("bo", "no agent");
    const again = { type: "note_spawn_failed", generation: 1, reason: "late", book: story.book } as const;
    expect(story.decide(opened("ada"))).toEqual({ kind: "unchanged" });
    expect(story.decide(opened("bo"))).toEqual({ kind: "unchanged" });
    expect(story.decide({ ...again, member: "ada" })).toEqual({ kind: "unchanged" });
    expect(story.decide({ ...again, member: "bo" })).toEqual({ kind: "unchanged" });
    expect(story.decide(opened("nobody"))).toEqual({ kind: "unchanged" });
  });

  test("give the lead back an ordinary session's tools if nobody is left", () => {
    const story = new Story(runPlan(["ada"]));
    const { effects, journal } = story.spawnFailed("ada", "no agent");
    expect(effects.map(({ type }) => type)).toEqual([
      "show_toast",
      "add_rules",
      "archive_run",
      "append_journal",
      "append_journal",
    ]);
    expect(journal.map(({ event }) => event)).toEqual(["member_failed", "run_failed"]);
  });

  test("return the tasks of a member that could not start", () => {
    const story = new Story(runPlan(["ada", "bo"], { tasks: [draft("map it", { owner: "ada" })] }));
    story.spawnFailed("ada", "no agent");
    expect(story.book.get(1)).toMatchObject({ status: "pending", revision: 2 });
    expect(story.book.get(1)).not.toHaveProperty("owner");
    expect(story.member("ada").tasks).toEqual([]);
  });
});

describe("a brief", () => {
  test("is the first mail of a generation, from the system, under an id that the generation gives", () => {
    const story = new Story(
      runPlan(["ada", "bo"], {
        members: [memberPlan("ada", { prompt: "Map the code." }), memberPlan("bo")],
        tasks: [draft("map it", { owner: "ada" })],
      }),
    );
    const { mail } = story.open("ada");
    expect(mail).toHaveLength(1);
    expect(mail[0]).toMatchObject({
      version: 1,
      runId: "run_1",
      messageId: "brief_ada_1",
      from: "system",
      to: "ada",
      kind: "brief",
      seq: 1,
      createdAt: story.now,
    });
    const body = mail[0]?.body ?? "";
    expect(body).toContain('You are ada, a member of the team "explorers".');
    expect(body).toContain("Your assignment:\nMap the code.");
    expect(body).toContain("Tasks assigned to you: #1.");
  });

  test("keeps who else is there, and only those", () => {
    const story = new Story(runPlan(["ada", "bo", "cy"]));
    story.spawnFailed("bo", "no agent");
    story.open("ada");
    expect(story.member("ada").peers).toEqual(["cy (general)"]);
  });
});

describe("adding members", () => {
  const add = (...names: string[]) =>
    ({ type: "add_members", by: "lead", plans: names.map((name) => memberPlan(name)) }) as const;

  test("asks for a session each, and leaves the others as they are", () => {
    const story = Story.active(["ada"]);
    const before = story.member("ada");
    const { effects } = story.accept(add("bo", "cy"));
    expect(effects.filter(({ type }) => type === "open_session")).toHaveLength(2);
    expect(story.member("ada")).toEqual(before);
    expect(story.state.status).toBe("active");
    expect(letters(story.open("bo").mail)).toEqual(["brief system>bo"]);
  });

  test("tells the lead of one that cannot start, since its call may have returned", () => {
    const story = Story.active(["ada"]);
    story.accept(add("bo"));
    const { mail, state } = story.spawnFailed("bo", "no agent");
    expect(letters(mail)).toEqual(["member_error system>lead"]);
    expect(mail[0]?.body).toBe("Member bo could not be started: no agent");
    expect(state.status).toBe("active");
  });

  test("refuses a name that lives, saying how it stands", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    expect(story.refuse(add("bo", "ada"))).toEqual({
      code: "member_exists",
      message: 'member "ada" is in the run and working',
      hint: "Choose another name, or shut that member down first.",
      details: { member: "ada" },
    });
  });

  test("refuses more than the limit, with the figures, counting the live ones", () => {
    const story = Story.active(["ada", "bo"], { limits: { ...LIMITS, maxMembers: 3 } });
    expect(story.refuse(add("cy", "di"))).toMatchObject({
      code: "too_many_members",
      details: { live: 2, wanted: 4, limit: 3 },
    });
    story.accept(story.deleted("ses_bo_1"));
    expect(story.decide(add("cy", "di")).kind).toBe("accepted");
  });

  test("of a name that has ended begins its next generation, fresh but for the tokens and the cost of its name", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    story.accept(stepped("ada", story.now + 1, { tokens: 10, cost: 0.5 }));
    story.settle("ada");
    story.accept({ type: "request_shutdown", by: "lead", member: "ada" });
    story.approve("lead", "ada");
    story.accept(add("ada"));
    expect(story.member("ada")).toEqual({
      plan: memberPlan("ada"),
      generation: 2,
      status: "starting",
      since: story.now,
      gates: [],
      heldByPerson: false,
      shutdown: { status: "none", changedAt: story.now },
      usage: { turns: 0, tokens: 10, cost: 0.5 },
      countedTo: story.now,
      tasks: [],
    });
    expect(story.open("ada").mail[0]?.messageId).toBe("brief_ada_2");
  });

  test("and facts of the generation before, told late, change nothing", () => {
    const story = Story.active(["ada"]);
    story.accept(story.deleted("ses_ada_1"));
    story.accept(add("ada"));
    const late = { member: "ada", generation: 1 } as const;
    expect(story.decide(opened("ada", 1))).toEqual({ kind: "unchanged" });
    expect(story.decide({ type: "note_spawn_failed", ...late, reason: "late", book: story.book })).toEqual({
      kind: "unchanged",
    });
    expect(story.decide(story.deleted("ses_ada_1"))).toEqual({ kind: "unchanged" });
    story.open("ada");
    expect(story.member("ada").sessionId).toBe("ses_ada_2");
    expect(story.decide(story.deleted("ses_ada_1"))).toEqual({ kind: "unchanged" });
  });

  test("and what its former session did is not the doing of the one that has the name now", () => {
    const story = Story.active(["ada"]);
    story.accept(story.deleted("ses_ada_1"));
    story.accept(add("ada"));
    story.open("ada");
    const of = { participant: "ada", generation: 1 } as const;
    const told = [
      { type: "note_turn_started", ...of, cause: "lead" },
      { type: "note_prompted", ...of },
      { type: "note_gate_opened", ...of, gate: permission("per_2") },
      { ...stepped("ada", story.now + 1, { tokens: 5, cost: 1 }), ...of },
      { type: "note_gate_closed", ...of },
      story.settled("ada", { ...of, outcome: "aborted" }),
    ] as const;
    story.start("ada");
    story.accept({ type: "note_gate_opened", participant: "ada", gate: permission("per_1") });
    for (const command of told) {
      expect(story.decide(command)).toEqual({ kind: "unchanged" });
      expect(story.decide({ ...command, generation: 2 }).kind).toBe(
        command.type === "note_turn_started" || command.type === "note_prompted" ? "unchanged" : "accepted",
      );
    }
    expect(story.decide({ ...story.settled("lead"), generation: 1 }).kind).toBe("unchanged");
  });

  test("gives the tasks that a name left to the one that comes back, and not what somebody has taken since", () => {
    const mine = (subject: string) => draft(subject, { owner: "ada" });
    const story = Story.active(["ada", "bo"], {
      tasks: [mine("begun"), mine("assigned"), mine("taken"), mine("done"), draft("nobody's")],
    });
    story.update("ada", 1, { status: "in_progress" });
    for (const status of ["in_progress", "completed"] as const) story.update("ada", 4, { status });
    story.accept(story.deleted("ses_ada_1"));
    story.update("bo", 3, { status: "in_progress" });
    expect(story.member("ada").tasks).toEqual([]);

    const { mail, journal } = story.accept({ ...add("ada"), book: story.book });
    expect(story.member("ada").tasks).toEqual([1, 2]);
    expect([1, 2, 3, 4, 5].map((taskId) => story.book.get(taskId)?.owner)).toEqual([
      "ada",
      "ada",
      "bo",
      "ada",
      undefined,
    ]);
    expect(story.book.get(1)).toMatchObject({ status: "pending", generation: 1 });
    expect(journal.filter(({ event }) => event === "task_assigned")).toMatchObject([
      { taskId: 1, by: "lead", owner: "ada" },
      { taskId: 2, by: "lead", owner: "ada" },
    ]);
    expect(mail).toEqual([]);
    const brief = story.open("ada").mail[0]?.body;
    expect(brief).toContain("You follow an earlier ada, which has ended.");
    expect(brief).toContain("Tasks assigned to you: #1, #2.");
    // Lost again before it has done anything, it leaves the same.
    story.accept(story.deleted("ses_ada_2"));
    story.accept({ ...add("ada"), book: story.book });
    expect(story.member("ada").tasks).toEqual([1, 2]);
  });

  test("makes the tasks of the call in the same commit, or adds nobody", () => {
    const story = Story.active(["ada"]);
    const refusal = story.refuse({ ...add("bo"), drafts: [draft("x", { owner: "nobody" })] });
    expect(refusal.code).toBe("member_unknown");
    story.accept({ ...add("bo"), drafts: [draft("x", { owner: "bo" })] });
    expect(story.member("bo").tasks).toEqual([1]);
    expect(story.open("bo").mail[0]?.body).toContain("Tasks assigned to you: #1.");
  });
});

describe("closing a run", () => {
  const close = (force: boolean, unread: Record<string, number> = {}) =>
    ({ type: "close_run", force, reason: "done with it", unread }) as const;

  test("gracefully ends members that wait and have nothing to read, and stops their sessions", () => {
    const story = Story.active(["ada", "bo"]);
    const { effects, journal, mail } = story.accept(close(false, { ada: 0, bo: 0 }));
    expect(story.state).toMatchObject({ status: "closing", reason: "done with it" });
    for (const name of ["ada", "bo"]) {
      expect(story.member(name)).toMatchObject({ status: "done", reason: "run closed" });
    }
    expect(effects.filter((effect) => effect.type === "abort_session")).toMatchObject([
      { sessionId: "ses_ada_1", directory: "/project" },
      { sessionId: "ses_bo_1", directory: "/project" },
    ]);
    expect(effects.filter(({ type }) => type === "add_rules")).toHaveLength(1);
    expect(journal.map(({ event }) => event)).toEqual(["run_closing", "member_done", "member_done"]);
    expect(mail).toEqual([]);
  });

  test("gracefully is refused while anybody has anything left, saying who and what", () => {
    const story = Story.active(["ada", "bo", "cy", "di"]);
    story.start("ada");
    story.start("bo");
    story.settle("bo", { outcome: "aborted" });
    const refusal = story.refuse(close(false, { cy: 2 }));
    expect(refusal.code).toBe("run_busy");
    expect(refusal.message).toBe(
      "run run_1 cannot be closed gracefully: ada is working; bo is interrupted (stopped by a person); cy is waiting with 2 unread",
    );
    expect(refusal.details).toEqual({ busy: ["ada", "bo", "cy"] });
  });

  test("gracefully is refused with what would help, for each that is not done", () => {
    const story = Story.active(["ada", "bo", "cy", "di", "eve", "flo"]);
    for (const name of ["ada", "bo", "cy", "eve"]) story.start(name);
    story.accept({ type: "note_gate_opened", participant: "bo", gate: permission("per_1") });
    story.settle("cy", { outcome: "aborted" });
    for (const member of ["di", "eve"]) story.accept({ type: "request_shutdown", by: "lead", member });
    story.approve("eve", "eve");
    const { message, hint } = story.refuse(close(false, { di: 1 }));
    expect(message).toEndWith(
      "ada is working; bo is needs_approval (permission bash (rm -r build)); cy is interrupted (stopped by a person); di is waiting with 1 unread, asked to shut down and not answered yet; eve is working, and ends with this turn",
    );
    expect(hint).toBe(
      "Shut ada down with team_shutdown_request, or wait with team_status (waitFor: idle). The person has to answer bo: `flotilla answer`, or OpenCode's own dialog. cy goes on when you write to it; or end it with team_shutdown_request and team_approve_shutdown. Wait for di, eve with team_status (waitFor: idle). Or call team_delete with force: true, which stops members in the middle of their work.",
    );
  });

  test("gracefully does not wait for members that have ended, whatever lies in their inboxes", () => {
    const story = Story.active(["ada", "bo"]);
    story.accept(story.deleted("ses_ada_1"));
    story.accept({ type: "request_shutdown", by: "lead", member: "bo" });
    story.approve("lead", "bo");
    const { effects } = story.accept(close(false, { ada: 5, bo: 1 }));
    expect(effects.filter(({ type }) => type === "abort_session")).toEqual([]);
  });

  test("gracefully is refused while the run is being created", () => {
    const story = new Story(runPlan(["ada"]));
    expect(story.refuse(close(false))).toMatchObject({ code: "run_busy", details: { busy: ["ada"] } });
    story.set({ members: {} });
    expect(story.refuse(close(false)).message).toEndWith("it is still being created");
  });

  test("by force does not open a session any more that was still to be opened", () => {
    const story = new Story(runPlan(["ada", "bo"]));
    story.open("ada");
    story.accept(close(true));
    expect(story.member("bo").status).toBe("done");
    expect(story.state.outbox.filter(({ type }) => type === "open_session")).toEqual([]);
    expect(story.decide(opened("bo"))).toEqual({ kind: "unchanged" });
    expect(story.state.status).toBe("closing");
  });

  test("makes late whatever its sessions still do", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    story.accept(close(true));
    expect(story.decide(story.settled("ada", { text: "my report" }))).toEqual({ kind: "unchanged" });
    expect(story.decide({ type: "note_turn_started", participant: "ada", cause: "lead" })).toEqual({
      kind: "unchanged",
    });
  });

  test("finishes once, and archives the folder", () => {
    const story = Story.active(["ada"]);
    expect(story.decide({ type: "finish_run" })).toEqual({ kind: "unchanged" });
    story.accept(close(true));
    expect(story.decide(close(true))).toEqual({ kind: "unchanged" });
    const { effects, journal } = story.accept({ type: "finish_run" });
    expect(story.state.status).toBe("closed");
    expect(effects.map(({ type }) => type)).toEqual(["show_toast", "archive_run", "append_journal"]);
    expect(journal[0]?.event).toBe("run_closed");
    expect(story.decide({ type: "finish_run" })).toEqual({ kind: "unchanged" });
  });

  const FORCED: Record<RunStatus, RunStatus> = {
    creating: "closing",
    active: "closing",
    orphaned: "closing",
    closing: "closing",
    closed: "closed",
    failed: "failed",
  };
  for (const [from, to] of Object.entries(FORCED)) {
    test(`by force leads from ${from} to ${to}`, () => {
      const story = Story.active(["ada"]);
      story.set({ status: from as RunStatus });
      const decision = story.decide(close(true));
      if (from === to) expect(decision).toEqual({ kind: "unchanged" });
      else expect(decision).toMatchObject({ kind: "accepted", state: { status: to } });
    });
  }

  test("that is over, a run takes no note of its lead or of its members any more", () => {
    for (const status of ["closed", "failed"] as const) {
      const story = Story.active(["ada"]);
      story.set({ status });
      expect(story.decide({ type: "note_turn_started", participant: "lead", cause: "foreign" })).toEqual({
        kind: "unchanged",
      });
      expect(story.decide(stepped("ada", story.now + 1, { tokens: 5 }))).toEqual({ kind: "unchanged" });
    }
  });
});

describe("a run that is not open for business", () => {
  const CASES: readonly (readonly [RunStatus, string])[] = [
    ["creating", "Wait until team_create has answered."],
    ["closing", "Nothing more can be done in it. The lead may create a new team with team_create."],
    ["closed", "Nothing more can be done in it. The lead may create a new team with team_create."],
    ["failed", "Nothing more can be done in it. The lead may create a new team with team_create."],
  ];
  for (const [status, hint] of CASES) {
    test(`because it is ${status} says so to whoever asks something of it`, () => {
      const story = Story.active(["ada"]);
      story.set({ status });
      expect(story.refuse(send("lead", "ada"))).toEqual({
        code: "run_not_live",
        message: `run run_1 is ${status}`,
        hint,
        details: { runId: "run_1", status },
      });
    });
  }

  test("is not one that has lost its owner: that one only waits for the next", () => {
    const story = Story.active(["ada"]);
    story.set({ status: "orphaned" });
    expect(letters(story.accept(send("lead", "ada")).mail)).toEqual(["message lead>ada"]);
  });
});

describe("a commit", () => {
  test("raises the revision by one and keeps what of earlier ones is not confirmed", () => {
    const story = Story.active(["ada"]);
    const before = story.state;
    const { state, effects } = story.accept(send("lead", "ada"));
    expect(state.revision).toBe(before.revision + 1);
    expect(state.outbox).toEqual([...before.outbox, ...effects]);
  });

  test("numbers its effects: mail first, then deeds, then the lines that tell of them", () => {
    const story = Story.active(["ada"]);
    story.start("ada");
    const gate = { kind: "question", requestId: "q1", subject: "?", detail: "which?", openedAt: 1 } as const;
    const { effects } = story.accept({ type: "note_gate_opened", participant: "ada", gate });
    const { revision } = story.state;
    expect(effects.map(({ effectId, type }) => [effectId, type])).toEqual([
      [`run_1/${revision}/0`, "show_toast"],
      [`run_1/${revision}/1`, "append_journal"],
      [`run_1/${revision}/2`, "append_journal"],
    ]);
  });

  test("gives messages their seq in order, from where the run stands", () => {
    const story = Story.active(["ada", "bo"]);
    const decision = decide(story.state, send("lead", "*"), story.now);
    if (decision.kind !== "accepted") throw new Error("not accepted");
    expect(mailOf(decision.effects).map(({ to, seq }) => [to, seq])).toEqual([
      ["ada", 3],
      ["bo", 4],
    ]);
    expect(decision.state.messages).toBe(4);
  });
});
