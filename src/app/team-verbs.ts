import type { SessionId } from "../core/ids.ts";
import type { NamedSubagent } from "../core/subagents.ts";
import type { Settings, Teams } from "../ports.ts";
import { createTask, updateTask } from "./change-tasks.ts";
import { createTeam } from "./create-team.ts";
import { deleteTeam } from "./delete-team.ts";
import type { Fleet } from "./fleet.ts";
import { listTeams } from "./list-teams.ts";
import type { ToolOffers } from "./offer-tools.ts";
import { listTasks, showTask } from "./read-tasks.ts";
import { reportStatus } from "./report-status.ts";
import { sendMessage } from "./send-message.ts";
import { approveShutdown, rejectShutdown, requestShutdown } from "./shut-down.ts";
import type { Verbs } from "./verbs.ts";

/** What the verbs share. */
export interface VerbContext {
  readonly fleet: Fleet;
  readonly teams: Teams;
  readonly offers: ToolOffers;
  /** The session's own subagents that were interrupted. */
  subagentsOf(sessionId: SessionId): Promise<readonly NamedSubagent[]>;
  /** The configuration of the plugin instance that serves the directory. */
  settingsOf(directory: string): Settings;
}

/** The verbs, each from its own file. */
export function teamVerbs(context: VerbContext): Verbs {
  return {
    createTeam: (call, input) => createTeam(context, call, input),
    deleteTeam: (call, input) => deleteTeam(context, call, input),
    requestShutdown: (call, input) => requestShutdown(context, call, input),
    approveShutdown: (call, input) => approveShutdown(context, call, input),
    rejectShutdown: (call, input) => rejectShutdown(context, call, input),
    sendMessage: (call, input) => sendMessage(context, call, input),
    createTask: (call, input) => createTask(context, call, input),
    listTasks: (call, input) => listTasks(context, call, input),
    updateTask: (call, input) => updateTask(context, call, input),
    readTask: (call, input) => showTask(context, call, input),
    reportStatus: (call, input) => reportStatus(context, call, input),
    listTeams: (call, input) => listTeams(context, call, input),
  };
}
