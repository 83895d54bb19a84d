import { describe, expect, test } from "bun:test";
import type { MemberReport, StatusReport, TaskRow } from "../../src/app/verbs.ts";
import type { ToolName } from "../../src/core/tool-names.ts";
import { teamTools } from "../../src/tools/index.ts";
import { CALL, NOW, type Outcomes, REPORTS, recordingVerbs, taskPage } from "./recording-verbs.ts";

type Written = Readonly<Record<string, unknown>>;
type Said = Readonly<Record<string, unknown>> & { readonly next: string };

/** What the model reads. */
async function said(tool: ToolName, args: Written, outcomes: Outcomes = {}): Promise<Said> {
  const { verbs } = recordingVerbs(outcomes);
  return JSON.parse(await teamTools(verbs, () => NOW)[tool].execute(args, CALL)) as Said;
}

const SPEC = { teamName: "explorers" };
const minutes = (count: number): number => NOW - count * 60_000;

function taskRow(taskId: number, more: Partial<TaskRow> = {}): TaskRow {
  return { taskId, subject: `task ${taskId}`, status: "pending", blockedBy: [], ready: false, ...more };
}

describe("team_create", () => {
  test("a lead that has its tools is told what to do and how to stop", async () => {
    expect(await said("team_create", SPEC)).toEqual({
      runId: "run_1",
      status: "active",
      members: [{ name: "ada", agent: "general", status: "waiting", sessionId: "ses_ada" }],
      next: "Add work with team_task_create or team_send_message, then end your turn: mail wakes you. At the end: team_delete.",
    });
  });

  test("a lead whose tools come later is told to end its turn", async () => {
    const createTeam = { ...REPORTS.createTeam, toolsNextTurn: true };
    expect((await said("team_create", SPEC, { createTeam })).next).toBe(
      "Your other team tools come with your next turn, which starts by itself: end this turn now.",
    );
  });

  test("failed members, notes and the wait are told", async () => {
    const createTeam = {
      ...REPORTS.createTeam,
      members: [
        ...REPORTS.createTeam.members,
        { name: "bo", agent: "plan", status: "failed", error: "plan denies edit" } as const,
      ],
      notes: ["Bo is called bo."],
      waited: { waitFor: "idle", ended: "message", waitedMs: 12_000 } as const,
    };
    const answer = await said("team_create", SPEC, { createTeam });
    expect(answer["notes"]).toEqual(["Bo is called bo."]);
    expect(answer["waited"]).toEqual({ waitFor: "idle", ended: "message", after: "12 s" });
    expect(answer["members"]).toContainEqual({
      name: "bo",
      agent: "plan",
      status: "failed",
      error: "plan denies edit",
    });
    expect(answer.next).toStartWith(
      "bo did not start, see error; team_create with a corrected inline_spec adds a member. ",
    );
  });
});

describe("team_delete and shutdowns", () => {
  test("what was left undone is told, and nothing if there is nothing", async () => {
    expect(await said("team_delete", {})).toEqual({
      runId: "run_1",
      status: "closed",
      members: [{ name: "ada", was: "waiting", sessionId: "ses_ada" }],
      next: "The run is over. Tell the person the outcome.",
    });
    const deleteTeam = { ...REPORTS.deleteTeam, unfinishedTasks: [taskRow(2)], unreadMessages: 3 };
    expect(await said("team_delete", { force: true }, { deleteTeam })).toMatchObject({
      unfinishedTasks: [{ taskId: 2, subject: "task 2", status: "pending" }],
      unreadMessages: 3,
    });
  });

  test("each step of the handshake says what comes next", async () => {
    const stands = { member: "ada", memberStatus: "waiting" };
    expect(await said("team_shutdown_request", { member: "ada" })).toEqual({
      ...stands,
      shutdown: "requested",
      next: "The answer comes by mail; there is no need to wait for it.",
    });
    expect((await said("team_approve_shutdown", { member: "ada" })).next).toStartWith("The member ends when");
    expect((await said("team_reject_shutdown", { member: "ada", reason: "busy" })).next).toStartWith(
      "The other side has been told",
    );
  });

  test("a repeat that changed nothing says so", async () => {
    const requestShutdown = { ...REPORTS.requestShutdown, changed: false };
    expect(await said("team_shutdown_request", { member: "ada" }, { requestShutdown })).toMatchObject({
      changed: false,
    });
  });

  test("who asks for what the other has asked for already is sent to its answer, not left to wait for one", async () => {
    const before = { ...REPORTS.requestShutdown, changed: false };
    const asked = async (requestedBy: string): Promise<unknown> =>
      (
        await said(
          "team_shutdown_request",
          { member: "ada" },
          { requestShutdown: { ...before, requestedBy } },
        )
      ).next;
    expect(await asked("ada")).toBe(
      "ada has asked for this before. The answer is the lead's: team_approve_shutdown or team_reject_shutdown.",
    );
    expect(await asked("lead")).toStartWith(
      "lead has asked for this before. The answer is ada's, or the lead's",
    );
  });
});

describe("team_send_message", () => {
  test("every recipient has a line, without what only the plugin can use", async () => {
    expect(await said("team_send_message", { to: "ada", body: "hi" })).toEqual({
      messageId: "mail_1",
      delivered: [{ to: "ada", state: "written" }],
      next: "Answers come by mail and wake you: do not poll, end your turn when nothing else is left.",
    });
  });
});

describe("tasks", () => {
  const { task } = REPORTS.createTask;

  test("a ready task names who takes it and how", async () => {
    const args = { subject: "s", description: "d" };
    expect(await said("team_task_create", args)).toEqual({
      taskId: 3,
      subject: "Map the code",
      status: "pending",
      ready: true,
      next: "It is ready: anyone takes it with team_task_update, taskId 3, status in_progress.",
    });
    const createTask = { ...REPORTS.createTask, task: { ...task, owner: "ada" } };
    expect((await said("team_task_create", args, { createTask })).next).toStartWith("It is ready: ada takes");
  });

  test("a blocked task names what it waits for, and only that", async () => {
    const createTask = {
      ...REPORTS.createTask,
      ready: false,
      blockers: [taskRow(1, { status: "completed" }), taskRow(2)],
    };
    const answer = await said("team_task_create", { subject: "s", description: "d" }, { createTask });
    expect(answer["waitsFor"]).toEqual([{ taskId: 2, subject: "task 2", status: "pending" }]);
    expect(answer.next).toBe("It becomes ready after #2; then its owner or the lead is told.");
  });

  test("the list has short rows and names what is free", async () => {
    const listTasks = [
      taskRow(1, { status: "in_progress", owner: "ada" }),
      taskRow(2, { ready: true }),
      taskRow(3, { ready: true, owner: "cy" }),
      taskRow(4, { blockedBy: [1] }),
    ];
    expect(await said("team_task_list", {}, { listTasks: taskPage(...listTasks) })).toEqual({
      tasks: [
        { taskId: 1, subject: "task 1", status: "in_progress", owner: "ada" },
        { taskId: 2, subject: "task 2", status: "pending", ready: true },
        { taskId: 3, subject: "task 3", status: "pending", owner: "cy", ready: true },
        { taskId: 4, subject: "task 4", status: "pending", blockedBy: [1] },
      ],
      next: "Free to take: #2. team_task_update, status in_progress, claims and starts one.",
    });
    const next = async (rows: readonly TaskRow[]): Promise<string> =>
      (await said("team_task_list", {}, { listTasks: taskPage(...rows) })).next;
    expect(await next(listTasks.filter((row) => row.owner === "cy"))).toBe("Ready for their owners: #3.");
    expect(await next([taskRow(4)])).toBe("None of these can be taken now.");
    expect(await next([])).toBe("No task matches.");
  });

  test("a list that goes on says how much is left, how all tasks stand, and how to come to the rest", async () => {
    const page = taskPage(taskRow(7, { ready: true }), taskRow(9, { status: "completed" }));
    const counts = { ...page.counts, pending: 9_000, completed: 1_000 };
    const answer = await said("team_task_list", {}, { listTasks: { ...page, left: 9_998, counts } });
    expect(answer).toMatchObject({
      left: 9_998,
      byStatus: { pending: 9_000, completed: 1_000 },
      tasks: [{ taskId: 7 }, { taskId: 9 }],
    });
    expect(answer.next).toStartWith("Free to take: #7. ");
    expect(answer.next).toEndWith(
      " 9998 more match: narrow with status, owner or ready, or call again with after: 9.",
    );
  });

  test("long lists in an answer are cut, and what is left out is counted", async () => {
    const blockedBy = Array.from({ length: 100 }, (_, at) => at + 1);
    const listTasks = taskPage(taskRow(101, { blockedBy }));
    const listed = (await said("team_task_list", {}, { listTasks }))["tasks"];
    expect(listed).toEqual([
      {
        taskId: 101,
        subject: "task 101",
        status: "pending",
        blockedBy: blockedBy.slice(0, 20),
        blockedByMore: 80,
      },
    ]);
    const createTask = {
      ...REPORTS.createTask,
      ready: false,
      blockers: blockedBy.map((one) => taskRow(one)),
    };
    const created = await said("team_task_create", { subject: "s", description: "d" }, { createTask });
    expect(created["waitsFor"]).toHaveLength(20);
    expect(created["waitsForMore"]).toBe(80);
    expect(created.next).toContain("#20 and 80 more; then");
  });

  test("each status of an updated task says what to do", async () => {
    const next = async (status: "claimed" | "in_progress" | "completed" | "deleted"): Promise<string> => {
      const updateTask = { ...REPORTS.updateTask, task: { ...task, status }, ready: false };
      return (await said("team_task_update", { taskId: 3 }, { updateTask })).next;
    };
    expect(await next("claimed")).toContain("starts it with status in_progress");
    expect(await next("in_progress")).toContain("status completed and a result");
    expect(await next("completed")).toContain("what can be taken next");
    expect(await next("deleted")).toContain("off the list");
  });

  test("a completed task names what it made ready", async () => {
    const updateTask = {
      ...REPORTS.updateTask,
      task: { ...task, status: "completed" as const },
      ready: false,
      unblocks: [taskRow(4, { ready: true }), taskRow(5)],
      changed: false,
    };
    expect(await said("team_task_update", { taskId: 3 }, { updateTask })).toEqual({
      taskId: 3,
      subject: "Map the code",
      status: "completed",
      nowReady: [{ taskId: 4, subject: "task 4", status: "pending", ready: true }],
      changed: false,
      next: "Ready now: #4. Whoever it concerns is told.",
    });
  });

  test("one task is shown in full, with ages and without the record's own fields", async () => {
    const readTask = {
      ...REPORTS.readTask,
      ready: false,
      task: {
        ...task,
        status: "completed" as const,
        owner: "ada",
        result: { text: "done", artifacts: ["a.md"] },
      },
      blockers: [taskRow(1, { status: "completed" })],
      unblocks: [taskRow(4)],
    };
    expect(await said("team_task_get", { taskId: 3 }, { readTask })).toEqual({
      taskId: 3,
      subject: "Map the code",
      description: "All of src.",
      status: "completed",
      owner: "ada",
      createdBy: "lead",
      created: "10 min ago",
      changed: "3 min ago",
      blockedBy: [{ taskId: 1, subject: "task 1", status: "completed" }],
      unblocks: [{ taskId: 4, subject: "task 4", status: "pending" }],
      result: { text: "done", artifacts: ["a.md"] },
    } as unknown as Said);
  });

  test("an open task says what it takes to move it", async () => {
    const next = async (more: Written): Promise<string> => {
      const readTask = { ...REPORTS.readTask, ...more };
      return (await said("team_task_get", { taskId: 3 }, { readTask })).next;
    };
    expect(await next({})).toBe("Free to take: team_task_update, status in_progress.");
    expect(await next({ task: { ...task, owner: "ada" } })).toStartWith("Assigned to ada:");
    expect(await next({ ready: false, blockers: [taskRow(1), taskRow(2, { status: "deleted" })] })).toBe(
      "It waits for #1.",
    );
    expect(await next({ ready: false, task: { ...task, status: "claimed", owner: "cy" } })).toBe(
      "cy has it.",
    );
  });
});

describe("team_status", () => {
  const [ada] = REPORTS.reportStatus.members as readonly [MemberReport];

  async function status(more: Partial<StatusReport> = {}): Promise<Said> {
    return said("team_status", {}, { reportStatus: { ...REPORTS.reportStatus, ...more } });
  }

  test("a quiet run fits in a few lines", async () => {
    expect(await status()).toEqual({
      runId: "run_1",
      team: "explorers",
      status: "active",
      activity: "working",
      you: "lead",
      lead: { unread: 0 },
      members: [
        {
          name: "ada",
          status: "working",
          agent: "general",
          unread: 0,
          turns: 2,
          tokens: 1200,
          tasks: [3],
          since: "3 min",
          session: "ses_ada",
          cost: 0.0123,
        },
      ],
      tasks: { pending: 1, in_progress: 1, ready: [4] },
      budgets: { messages: { used: 4, limit: 10_000, left: 9_996 } },
      next: "Members are at work. End your turn, mail wakes you; or call again with waitFor.",
    });
  });

  test("everything that is out of the ordinary is there", async () => {
    const answer = await status({
      label: "night",
      attention: ["ada"],
      lead: { sessionId: "ses_caller", unread: 2, hold: "the person's Esc" },
      members: [
        {
          ...ada,
          status: "interrupted",
          reason: "rate limit",
          model: "p/m",
          worktree: "/trees/ada",
          unread: 1,
          hold: "back-off",
          shutdown: "requested",
          cost: 0,
        },
      ],
      spent: ["tokens"],
      shutdowns: [{ member: "ada", status: "requested", requestedBy: "lead" }],
      waited: { waitFor: "idle", ended: "timeout", waitedMs: 60_000 },
      stuck: "ada has 1 unread, held by back-off",
    });
    expect(answer).toMatchObject({
      label: "night",
      attention: ["ada"],
      lead: { unread: 2, hold: "the person's Esc" },
      spent: ["tokens"],
      shutdowns: [{ member: "ada", status: "requested", requestedBy: "lead" }],
      waited: { waitFor: "idle", ended: "timeout", after: "1 min" },
      stuck: "ada has 1 unread, held by back-off",
      next: "Nothing moves by itself any more, see stuck.",
    });
    expect(answer["members"]).toEqual([
      expect.objectContaining({
        reason: "rate limit",
        model: "p/m",
        worktree: "/trees/ada",
        hold: "back-off",
        shutdown: "requested",
      }),
    ]);
    expect(JSON.stringify(answer)).not.toContain("cost");
  });

  test("the next step is the most urgent one", async () => {
    const atRest = { ...ada, status: "waiting" as const };
    const { tasks } = REPORTS.reportStatus;
    const done = { ...tasks, pending: 0, in_progress: 0, completed: 2, ready: [] };
    const waited = { waitFor: "idle", ended: "message", waitedMs: 10 } as const;
    const next = async (more: Partial<StatusReport>): Promise<string> => (await status(more)).next;

    expect(await next({ waited, stuck: "x" })).toStartWith("You have mail");
    expect(await next({ members: [{ ...ada, status: "needs_approval" }] })).toBe(
      "ada waits for the person's approval: tell the person, who can answer with `flotilla answer ada once|always|reject`.",
    );
    expect(await next({ members: [atRest] })).toBe(
      "Nobody works and 2 tasks are open: wake members with team_send_message.",
    );
    expect(await next({ members: [atRest], tasks: done })).toContain("team_delete");
    expect(await next({ you: "cy" })).toStartWith("Ready tasks: #4.");
    expect(await next({ you: "cy", tasks: done })).toStartWith("Go on with your assignment");
  });
});

describe("team_list", () => {
  test("teams, broken files and runs are rows, and the next step names a team that can be used", async () => {
    const listTeams = {
      teams: [
        { name: "bad", source: "project", path: "/p/bad.jsonc", error: "bad.jsonc:3:1: members is missing" },
        { name: "explorers", source: "user", path: "/u/explorers.jsonc", members: ["ada"] },
      ],
      runs: [{ runId: "run_2", team: "docs", status: "active", createdAt: minutes(125), members: ["cy"] }],
    } as const;
    expect(await said("team_list", {}, { listTeams })).toEqual({
      teams: [
        {
          name: "bad",
          source: "project",
          error: "bad.jsonc:3:1: members is missing",
          path: "/p/bad.jsonc",
        },
        { name: "explorers", source: "user", members: ["ada"] },
      ],
      runs: [{ runId: "run_2", team: "docs", status: "active", members: ["cy"], age: "2 h 5 min" }],
      next: 'Start one with team_create, e.g. teamName "explorers", or describe another with inline_spec.',
    });
  });

  test("nothing at all is an answer too, and a participant is sent to its own run", async () => {
    expect(await said("team_list", {})).toEqual({
      teams: [],
      runs: [],
      next: "No declared team can be used: describe one with team_create, inline_spec.",
    });
    const run = {
      runId: "run_1",
      team: "docs",
      status: "active",
      createdAt: minutes(5_000),
      members: [],
    } as const;
    const listTeams = { teams: [], runs: [{ ...run, you: "lead" }] };
    const answer = await said("team_list", {}, { listTeams });
    expect(answer["runs"]).toEqual([
      { runId: "run_1", team: "docs", status: "active", you: "lead", age: "3 d" },
    ]);
    expect(answer.next).toStartWith("You are in a run already");
  });
});
