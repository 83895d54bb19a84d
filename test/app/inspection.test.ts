import { describe, expect, test } from "bun:test";
import { Fleet } from "../../src/app/fleet.ts";
import type { TranscriptEntry } from "../../src/core/verdict.ts";
import { FlotillaError } from "../../src/errors.ts";
import type { Host, Prompt } from "../../src/ports.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import { systemIds } from "../../src/system/ids.ts";
import { NOON, runPlan } from "../core/decide-builders.ts";
import { rest, TurnedClock } from "../simulation/turned-clock.ts";
import { noWorktrees } from "../support/no-worktrees.ts";
import { silentHost } from "../support/silent-host.ts";

const RUN = "run_1";
const MINUTE_MS = 60_000;

/** A run of ada, whose brief the host has taken; it tells nothing of it, and answers questions as a test wants. */
async function posted() {
  const clock = new TurnedClock(NOON);
  const posts: Prompt[] = [];
  const host: { -readonly [name in keyof Host]: Host[name] } = {
    ...silentHost,
    post: async (prompt) => {
      if (prompt.sessionId === "ses_ada") posts.push(prompt);
      return { kind: "accepted" };
    },
  };
  const storage = new MemoryDisk().process();
  const fleet = new Fleet({ clock, ids: systemIds, host, worktrees: noWorktrees, ...storage });
  await fleet.openRun(runPlan(["ada"]));
  await rest();
  const [brief] = posts;
  if (!brief) throw new Error("the brief was not posted");
  return {
    host,
    posts,
    brief,
    hold: () => fleet.courier(RUN)?.standing.report("ada").hold,
    dead: () => storage.mailbox.deadCount(RUN, "ada"),
    async time(ms: number): Promise<void> {
      const end = clock.now() + ms;
      while (clock.now() < end) expect(await clock.turn()).toBe(true);
    },
  };
}

function entry(
  parts: Pick<TranscriptEntry, "hostMessageId" | "role"> & Partial<TranscriptEntry>,
): TranscriptEntry {
  return { createdAt: NOON, failed: false, summary: false, boundary: false, marked: [], ...parts };
}

const silence = () =>
  Promise.reject(new FlotillaError({ code: "host_unreachable", message: "no answer", hint: "" }));

describe("mail that nobody tells of", () => {
  test("is pointed at once a step that missed it has ended its turn, and not while the next one may show it", async () => {
    const { host, posts, brief, time } = await posted();
    const { hostMessageId, mark, text } = brief;
    host.transcript = async () => [
      entry({ hostMessageId, role: "user", marked: [{ mark, text }] }),
      entry({ hostMessageId: "msg_step", role: "assistant", parentId: hostMessageId, finish: "tool-calls" }),
    ];
    host.lastTurn = async () => ({ activity: "busy" });
    await time(10 * MINUTE_MS);
    expect(posts).toEqual([brief]);

    host.lastTurn = async () => ({ activity: "idle" });
    await time(MINUTE_MS);
    expect(posts[1]?.mark).toEqual({ ...mark, reminder: true });
  });

  test("waits under an undo that was staged last, however long the host cannot be asked whether it still is", async () => {
    const { host, posts, hold, dead, time } = await posted();
    host.session = async (sessionId) => ({ sessionId, directory: "", rules: [], undoStaged: true });
    await time(MINUTE_MS);
    expect(hold()).toBe("undo_staged");
    const before = posts.length;
    Object.assign(host, { session: silence, transcript: silence, lastTurn: silence });
    await time(60 * MINUTE_MS);
    expect([hold(), await dead(), posts.length]).toEqual(["undo_staged", 0, before]);

    Object.assign(host, silentHost);
    await time(MINUTE_MS);
    expect(hold()).toBeUndefined();
  });
});
