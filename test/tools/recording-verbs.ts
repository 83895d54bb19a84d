import type { Call, ShutdownReport, TaskPage, TaskReport, TaskRow, Verbs } from "../../src/app/verbs.ts";
import type { Task } from "../../src/core/task.ts";

/** What a tool asked for. */
export interface Asked {
  readonly verb: keyof Verbs;
  readonly call: Call;
  readonly input: unknown;
}

/** The twelve verbs, each of which notes what it is asked and answers what the test gave it. */
export interface RecordingVerbs {
  readonly verbs: Verbs;
  readonly asked: readonly Asked[];
}

/** What a verb answers: a value, or a fault to reject with. */
export type Outcomes = { readonly [K in keyof Verbs]?: Reports[K] | Error };

type Reports = { readonly [K in keyof Verbs]: Awaited<ReturnType<Verbs[K]>> };

export function recordingVerbs(outcomes: Outcomes = {}): RecordingVerbs {
  const asked: Asked[] = [];
  const verbs = new Proxy({} as Verbs, {
    get: (_, verb) => async (call: Call, input: unknown) => {
      asked.push({ verb: verb as keyof Verbs, call, input });
      const outcome = { ...REPORTS, ...outcomes }[verb as keyof Verbs];
      if (outcome instanceof Error) throw outcome;
      return outcome;
    },
  });
  return { verbs, asked };
}

export const CALL: Call = {
  sessionId: "ses_caller",
  messageId: "msg_1",
  callId: "call_1",
  directory: "/project",
  worktree: "/project",
  signal: new AbortController().signal,
};

/** The hour at which all of this happens. */
export const NOW: number = 1_767_225_600_000;

/** A list that holds these rows and no more. */
export function taskPage(...rows: readonly TaskRow[]): TaskPage {
  return { rows, left: 0, counts: { pending: 0, claimed: 0, in_progress: 0, completed: 0, deleted: 0 } };
}

const task: Task = {
  version: 1,
  taskId: 3,
  subject: "Map the code",
  description: "All of src.",
  status: "pending",
  createdBy: "lead",
  blockedBy: [],
  unblocks: [],
  generation: 0,
  createdAt: NOW - 600_000,
  changedAt: NOW - 180_000,
  revision: 7,
};

const taskReport: TaskReport = { task, ready: true, blockers: [], unblocks: [], changed: true };
const shutdown: ShutdownReport = {
  member: "ada",
  shutdown: "requested",
  memberStatus: "waiting",
  changed: true,
};

/** A plain, successful answer of every verb; tests put theirs in its place. */
export const REPORTS: Reports = {
  createTeam: {
    runId: "run_1",
    status: "active",
    members: [{ name: "ada", agent: "general", status: "waiting", sessionId: "ses_ada" }],
    tasks: [],
    notes: [],
    toolsNextTurn: false,
  },
  deleteTeam: {
    runId: "run_1",
    status: "closed",
    members: [{ name: "ada", was: "waiting", sessionId: "ses_ada" }],
    worktrees: [],
    unfinishedTasks: [],
    unreadMessages: 0,
  },
  requestShutdown: shutdown,
  approveShutdown: { ...shutdown, shutdown: "approved" },
  rejectShutdown: { ...shutdown, shutdown: "none" },
  sendMessage: { messageId: "mail_1", delivered: [{ to: "ada", seq: 4, state: "written" }] },
  createTask: taskReport,
  listTasks: taskPage(),
  updateTask: taskReport,
  readTask: taskReport,
  reportStatus: {
    runId: "run_1",
    team: "explorers",
    status: "active",
    activity: "working",
    attention: [],
    you: "lead",
    lead: { sessionId: "ses_caller", unread: 0 },
    members: [
      {
        name: "ada",
        status: "working",
        since: NOW - 180_000,
        agent: "general",
        sessionId: "ses_ada",
        unread: 0,
        turns: 2,
        tokens: 1200,
        cost: 0.012_345_6,
        tasks: [3],
      },
    ],
    tasks: { pending: 1, claimed: 0, in_progress: 1, completed: 0, deleted: 0, ready: [4] },
    budgets: { messages: { used: 4, limit: 10_000, left: 9_996 } },
    spent: [],
    shutdowns: [],
    interrupted: [],
    subagents: [],
  },
  listTeams: { teams: [], runs: [] },
};
