import { Fleet } from "../src/app/fleet.ts";
import { ToolOffers } from "../src/app/offer-tools.ts";
import { teamVerbs } from "../src/app/team-verbs.ts";
import type { Call, Verbs } from "../src/app/verbs.ts";
import { LEAD } from "../src/core/ids.ts";
import { openWorktrees } from "../src/git/worktrees.ts";
import { amended, isHostsOwn } from "../src/opencode/traces.ts";
import { teamModeSchema, toLimits } from "../src/options.ts";
import type { Settings } from "../src/ports.ts";
import { openStorage } from "../src/storage/open.ts";
import { systemClock } from "../src/system/clock.ts";
import { systemIds } from "../src/system/ids.ts";
import { readProcesses } from "../src/system/process-identity.ts";
import { silentHost } from "../test/support/silent-host.ts";

/** A run of storage, core and app in this process, without a host. */
export interface TeamOnDisk extends AsyncDisposable {
  readonly verbs: Verbs;
  /** Files and folders synced so far. */
  syncs(): number;
}

export async function openTeamOnDisk(baseDir: string, members: readonly string[]): Promise<TeamOnDisk> {
  let syncs = 0;
  const storage = openStorage({
    baseDir,
    liveness: await readProcesses(),
    step: (step) => {
      if (step.startsWith("after sync")) syncs += 1;
    },
  });
  const traces = { isHostsOwn, amended };
  const worktrees = openWorktrees({ baseDir, env: process.env, traces });
  const fleet = new Fleet({ clock: systemClock, ids: systemIds, host: silentHost, worktrees, ...storage });
  const limits = toLimits(teamModeSchema.parse({}));
  const settings: Settings = { limits, offerTools: "always", categories: {}, agentEligibility: {} };
  const verbs = teamVerbs({
    fleet,
    offers: new ToolOffers(fleet.world, fleet.index),
    teams: {
      parse: () => {
        throw new Error("this team is made without a spec");
      },
      list: async () => [],
    },
    settingsOf: () => settings,
  });
  await fleet.openRun({
    runId: systemIds.fresh("run"),
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
    verbs,
    syncs: () => syncs,
    [Symbol.asyncDispose]: async () => {
      await fleet.drained();
      await fleet.close();
    },
  };
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
