import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fleet } from "../../src/app/fleet.ts";
import { ToolOffers } from "../../src/app/offer-tools.ts";
import { teamVerbs } from "../../src/app/team-verbs.ts";
import type { Call, Verbs } from "../../src/app/verbs.ts";
import { LEAD, type RunId, type TaskId } from "../../src/core/ids.ts";
import { NO_TASKS, type Task } from "../../src/core/task.ts";
import { openWorktrees } from "../../src/git/worktrees.ts";
import { amended, isHostsOwn } from "../../src/opencode/traces.ts";
import { teamModeSchema, toLimits } from "../../src/options.ts";
import type { Clock, Settings, TaskStore } from "../../src/ports.ts";
import { openStorage } from "../../src/storage/open.ts";
import { systemClock } from "../../src/system/clock.ts";
import { systemIds } from "../../src/system/ids.ts";
import { readProcesses } from "../../src/system/process-identity.ts";
import { silentHost } from "./silent-host.ts";

/** A run of storage, core and app in this process, without a host. */
export interface TeamOnDisk extends AsyncDisposable {
  readonly runId: RunId;
  readonly verbs: Verbs;
  cost(): Cost;
  /** Gives a list without any so many tasks that are nobody's and wait for nothing. */
  fill(tasks: number): Promise<void>;
}

/** What storage has been asked to do so far. */
export interface Cost {
  /** Files and folders synced. */
  readonly syncs: number;
  /** Tasks looked up one by one. */
  readonly read: number;
  /** Times that all tasks were looked at. */
  readonly listed: number;
}

/** @param clock left out, the machine's; one that never rings keeps away what goes on beside the calls. */
export async function openTeamOnDisk(
  baseDir: string,
  members: readonly string[],
  clock: Clock = systemClock,
): Promise<TeamOnDisk> {
  let [syncs, read, listed] = [0, 0, 0];
  const storage = openStorage({
    baseDir,
    liveness: await readProcesses(),
    step: (step) => {
      if (step.startsWith("after sync")) syncs += 1;
    },
  });
  const tasks: TaskStore = {
    write: (runId, task) => storage.tasks.write(runId, task),
    read: (runId, taskId) => {
      read += 1;
      return storage.tasks.read(runId, taskId);
    },
    list: (runId) => {
      listed += 1;
      return storage.tasks.list(runId);
    },
  };
  const traces = { isHostsOwn, amended };
  const worktrees = openWorktrees({ baseDir, env: process.env, traces });
  const fleet = new Fleet({
    clock,
    ids: systemIds,
    host: silentHost,
    worktrees,
    ...storage,
    tasks,
  });
  const limits = toLimits(teamModeSchema.parse({}));
  const settings: Settings = {
    limits,
    offerTools: "always",
    taskRecovery: true,
    categories: {},
    agentEligibility: {},
    panes: false,
  };
  const verbs = teamVerbs({
    fleet,
    subagentsOf: async () => [],
    offers: new ToolOffers(fleet.world, fleet.index),
    teams: {
      parse: () => {
        throw new Error("this team is made without a spec");
      },
      list: async () => [],
    },
    settingsOf: () => settings,
  });
  const runId = systemIds.fresh("run");
  await fleet.openRun({
    runId,
    team: { name: "bench", source: "inline", allowMemberBroadcast: false },
    limits,
    lead: { sessionId: sessionOf(LEAD), directory: baseDir, toolsPending: false, deniedTools: [] },
    members: members.map((name) => ({
      name,
      kind: "subagent_type",
      agent: "general",
      worktree: false,
      rules: [],
    })),
    tasks: [],
  });
  await fleet.drained();
  return {
    runId,
    verbs,
    cost: () => ({ syncs, read, listed }),
    // Not by the verbs, one durable commit each: how a list has come about is not what is measured on it.
    fill: (count) =>
      storage.runs.exclusively(runId, async (run) => {
        for (let taskId = 1; taskId <= count; taskId += 1) {
          writeFileSync(join(baseDir, "runs", runId, "tasks", `${taskId}.json`), taskText(taskId));
        }
        const state = await run.load();
        await run.commit({
          ...state,
          revision: state.revision + 1,
          tasks: count,
          taskCounts: { ...NO_TASKS, pending: count },
        });
      }),
    [Symbol.asyncDispose]: async () => {
      await fleet.drained();
      await fleet.close();
    },
  };
}

function taskText(taskId: TaskId): string {
  const subject = `Task ${taskId}`;
  const nothing = { blockedBy: [], unblocks: [], generation: 0, createdAt: 1, changedAt: 1, revision: 1 };
  const task: Task = {
    version: 1,
    taskId,
    subject,
    description: "Look.",
    status: "pending",
    createdBy: LEAD,
    ...nothing,
  };
  return JSON.stringify(task);
}

/** A tool call of a participant of such a run. */
export function callOf(participant: string): Call {
  return {
    sessionId: sessionOf(participant),
    messageId: systemIds.fresh("msg"),
    callId: systemIds.fresh("call"),
    directory: "/",
    worktree: "/",
    signal: new AbortController().signal,
  };
}

/** As {@link silentHost} names the session of a member. */
function sessionOf(participant: string): string {
  return `ses_${participant}`;
}
