import { describe, expect, test } from "bun:test";
import { Fleet } from "../../src/app/fleet.ts";
import type { Host, Prompt } from "../../src/ports.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { NOON, runPlan } from "../core/decide-builders.ts";
import { rest, TurnedClock } from "../simulation/turned-clock.ts";
import { noWorktrees } from "../support/no-worktrees.ts";
import { silentHost } from "../support/silent-host.ts";

const RUN = "run_1";
const ADA = "ses_ada";

/** Ada works on her brief, and more mail is being posted to her: the host never answers. */
async function posting() {
  const prompts: Prompt[] = [];
  const host: Host = {
    ...silentHost,
    lastTurn: async () => ({ activity: "busy" }),
    post: async (prompt) => {
      prompts.push(prompt);
      return prompts.length === 1 ? { kind: "accepted" } : new Promise(() => undefined);
    },
  };
  const clock = new TurnedClock(NOON);
  const storage = new MemoryDisk().process();
  const fleet = new Fleet({ clock, ids: systemIds, host, worktrees: noWorktrees, ...storage });
  await fleet.openRun(runPlan(["ada"]));
  await rest();
  const [brief] = prompts;
  if (!brief) throw new Error("no brief was posted");
  const { mark, text } = brief;
  fleet.observe({ type: "session_busy", sessionId: ADA });
  fleet.observe({ type: "list_shown", sessionId: ADA, shown: [{ mark, text }] });
  await rest();
  await fleet.transact(RUN, () => ({
    ...{ type: "send_message", by: "lead", to: "ada", messageId: "msg_more", kind: "message" },
    ...{ body: "And this.", unreadBytes: {} },
  }));
  await rest();
  expect(prompts).toHaveLength(2);
  return { fleet, clock };
}

describe("while mail is being posted to a member", () => {
  test("what its step has used is on record", async () => {
    const { fleet, clock } = await posting();
    const tokens = { input: 7, output: 0, reasoning: 0, cacheRead: 0, cacheWrite: 0 };
    const step = { hostMessageId: "msg_1", finish: "tool-calls", summary: false, tokens, cost: 0 };
    const at = { startedAt: NOON, completedAt: clock.now() + 1 };
    fleet.observe({ type: "step_ended", sessionId: ADA, step: { ...step, ...at } });
    await rest();
    expect(fleet.index.state(RUN)?.members["ada"]?.usage.tokens).toBe(7);
  });

  test("its run is ended by force", async () => {
    const { fleet } = await posting();
    void fleet.closeRun(RUN, true, "deleted by force");
    await rest();
    expect(fleet.index.state(RUN)?.status).toBe("closed");
  });
});
