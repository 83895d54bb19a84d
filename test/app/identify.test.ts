import { expect, test } from "bun:test";
import { Fleet } from "../../src/app/fleet.ts";
import { authorize } from "../../src/app/identify.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { NOON, runPlan } from "../core/decide-builders.ts";
import { rest, TurnedClock } from "../simulation/turned-clock.ts";
import { noWorktrees } from "../support/no-worktrees.ts";
import { silentHost } from "../support/silent-host.ts";

test.each([1, 30])("a subagent of a member has no voice, %i below it", async (depth) => {
  const host = {
    ...silentHost,
    session: async (sessionId: string) => {
      const below = Number(/^ses_below_(\d+)$/.exec(sessionId)?.[1] ?? 0);
      if (below === 0) return silentHost.session(sessionId);
      const parentId = below === 1 ? "ses_ada" : `ses_below_${below - 1}`;
      return { sessionId, parentId, directory: "/work", rules: [], undoStaged: false };
    },
  };
  const storage = new MemoryDisk().process();
  const clock = new TurnedClock(NOON);
  const fleet = new Fleet({ clock, ids: systemIds, host, worktrees: noWorktrees, ...storage });
  await fleet.openRun(runPlan(["ada"]));
  await rest();
  const call = {
    sessionId: `ses_below_${depth}`,
    messageId: "msg_1",
    callId: "call_1",
    directory: "/work",
    worktree: "/work",
    signal: new AbortController().signal,
  };
  await expect(authorize(fleet, "team_create", call)).rejects.toMatchObject({
    code: "not_allowed",
    details: { of: "ada" },
  });
});
