import { expect, test } from "bun:test";
import { Fleet } from "../../src/app/fleet.ts";
import { approveShutdown } from "../../src/app/shut-down.ts";
import type { VerbContext } from "../../src/app/team-verbs.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { NOON, runPlan } from "../core/decide-builders.ts";
import { rest, TurnedClock } from "../simulation/turned-clock.ts";
import { noWorktrees } from "../support/no-worktrees.ts";
import { silentHost } from "../support/silent-host.ts";

const RUN = "run_1";
const ADA = "ses_ada";

test("a member whose session another process runs is let go by that process: what it has just posted nobody else can see", async () => {
  const disk = new MemoryDisk();
  const clock = new TurnedClock(NOON);
  const fleetOf = (storage = disk.process()): Fleet =>
    new Fleet({ clock, ids: systemIds, host: silentHost, worktrees: noWorktrees, ...storage });
  const owner = fleetOf();
  const { lead } = await owner.openRun(runPlan(["ada"]));
  await rest();
  // Nothing is on its way to her any more.
  const { mailbox } = owner.world;
  const [brief] = await mailbox.batches(RUN, "ada");
  await owner.close();
  await mailbox.bury(RUN, "ada", brief?.messageIds ?? [], "read");
  const [here, elsewhere] = [fleetOf(), fleetOf()];
  await here.adopt(() => true);
  await elsewhere.adopt(() => true);
  await rest();
  await here.transact(RUN, () => ({ type: "request_shutdown", by: "ada", member: "ada" }));
  await here.world.leases.release(RUN, ADA);
  await elsewhere.world.leases.take(RUN, ADA);

  const call = {
    sessionId: lead.sessionId,
    messageId: "msg_1",
    callId: "call_1",
    directory: lead.directory,
    worktree: lead.directory,
    signal: new AbortController().signal,
  };
  const report = await approveShutdown({ fleet: here } as VerbContext, call, { member: "ada" });
  expect(report).toMatchObject({ shutdown: "approved", memberStatus: "waiting" });

  while (elsewhere.index.state(RUN)?.members["ada"]?.status !== "done") expect(await clock.turn()).toBe(true);
  expect(elsewhere.world.leases.holds(RUN, ADA)).toBe(false);
});
