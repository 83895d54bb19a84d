import { authorizeParticipant } from "./identify.ts";
import { taskReport } from "./read-tasks.ts";
import { loadBook } from "./task-books.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Call, CreateTask, TaskReport, UpdateTask } from "./verbs.ts";

export async function createTask(context: VerbContext, call: Call, input: CreateTask): Promise<TaskReport> {
  const { fleet } = context;
  const { participant: by, state } = await authorizeParticipant(fleet, "team_task_create", call);
  const draft = { ...input, blockedByDraft: [] };
  const transaction = await fleet.transact(state.runId, async (now) => ({
    type: "create_tasks",
    by,
    drafts: [draft],
    book: await loadBook(fleet.world, now, { type: "create", drafts: [draft] }),
  }));
  return taskReport(fleet.world, transaction.state, transaction.state.tasks, true);
}

export async function updateTask(context: VerbContext, call: Call, input: UpdateTask): Promise<TaskReport> {
  const { fleet } = context;
  const { participant: by, state } = await authorizeParticipant(fleet, "team_task_update", call);
  const { taskId, ...change } = input;
  const transaction = await fleet.transact(state.runId, async (now) => ({
    type: "update_task",
    by,
    taskId,
    change,
    book: await loadBook(fleet.world, now, { type: "update", taskId, change }),
  }));
  return taskReport(fleet.world, transaction.state, taskId, transaction.kind === "committed");
}
