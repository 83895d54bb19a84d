import { describe, expect, test } from "bun:test";
import { type Commit, Transactor } from "../../src/app/transact.ts";
import type { World } from "../../src/app/world.ts";
import { openRun } from "../../src/core/decide-run.ts";
import type { Effect } from "../../src/core/effects.ts";
import { isRecord } from "../../src/core/effects.ts";
import type { Message } from "../../src/core/message.ts";
import type { Mailbox } from "../../src/ports.ts";
import { MemoryDisk } from "../../src/storage/memory.ts";
import type { Storage } from "../../src/storage/open.ts";
import { draft, NOON, opened, runPlan, send } from "../core/decide-builders.ts";

const RUN = "run_1";

/** A process at a base folder: storage that keeps its contract, and the transactor above it. */
function process(disk: MemoryDisk, change: (storage: Storage) => Partial<Storage> = () => ({})) {
  const commits: Commit[] = [];
  const storage = disk.process();
  const parts = { ...storage, ...change(storage), clock: { now: () => NOON + 1 } };
  // Nobody else of the world is asked by a transaction.
  const transactor = new Transactor(parts as unknown as World, (commit) => commits.push(commit));
  return { ...storage, transactor, commits };
}

/** A run of ada and bo that is live. */
async function live(disk: MemoryDisk): Promise<ReturnType<typeof process>> {
  const first = process(disk);
  const decision = openRun(runPlan(["ada", "bo"], { tasks: [draft("map it")] }), NOON);
  if (decision.kind !== "accepted") throw new Error("refused");
  await first.transactor.create(decision, async () => undefined);
  for (const name of ["ada", "bo"]) await first.transactor.transact(RUN, () => opened(name));
  return first;
}

function records(effects: readonly Effect[]): number {
  return effects.filter(isRecord).length;
}

/** A process that is killed when it is about to write a message of that id. */
function killedAt(disk: MemoryDisk, messageId: string): ReturnType<typeof process> {
  return process(disk, ({ mailbox }) => ({
    mailbox: Object.assign(Object.create(mailbox) as Mailbox, {
      put: (message: Message) =>
        message.messageId === messageId ? Promise.reject(new Error("killed")) : mailbox.put(message),
    }),
  }));
}

describe("a transaction", () => {
  test("has written every record when it answers, and tells of itself once", async () => {
    const disk = new MemoryDisk();
    const one = await live(disk);
    const before = one.commits.length;
    const result = await one.transactor.transact(RUN, () => send("lead", "*", { messageId: "mail_x" }));
    expect(result.kind).toBe("committed");
    for (const name of ["ada", "bo"]) expect(await one.mailbox.find(RUN, name, "mail_x")).toBe("ready");
    expect(disk.journal(RUN).at(-1)).toMatchObject({
      event: "message_sent",
      revision: result.state.revision,
    });
    expect((await one.tasks.read(RUN, 1))?.subject).toBe("map it");
    expect(one.commits.slice(before).map(({ state }) => state.revision)).toEqual([result.state.revision]);
  });

  test("that is refused rejects with the reason, and changes nothing", async () => {
    const one = await live(new MemoryDisk());
    const before = await one.runs.read(RUN);
    const told = one.commits.length;
    await expect(one.transactor.transact(RUN, () => send("lead", "eve"))).rejects.toMatchObject({
      code: "member_unknown",
      hint: "Call team_status to see who is there.",
    });
    expect(await one.runs.read(RUN)).toEqual(before);
    expect(one.commits.length).toBe(told);
  });

  test("about what is known already commits nothing", async () => {
    const one = await live(new MemoryDisk());
    const before = await one.runs.read(RUN);
    const told = one.commits.length;
    expect((await one.transactor.transact(RUN, () => opened("ada"))).kind).toBe("unchanged");
    expect(await one.runs.read(RUN)).toEqual(before);
    expect(one.commits.length).toBe(told);
  });

  test("decides on what is so under the lock, whoever else commits at the same time", async () => {
    const disk = new MemoryDisk();
    const one = await live(disk);
    const other = process(disk);
    const { revision } = (await one.runs.read(RUN)) ?? { revision: 0 };
    const seen: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        (at % 2 === 0 ? one : other).transactor.transact(RUN, async (state) => {
          seen.push(state.revision);
          await Promise.resolve();
          return send("lead", "ada");
        }),
      ),
    );
    expect(seen).toEqual(Array.from({ length: 20 }, (_, at) => revision + at));
    const seqs = (await one.mailbox.ready(RUN, "ada")).map(({ seq }) => seq);
    expect(new Set(seqs).size).toBe(21);
  });

  test("whose records were cut off by a crash is completed by the next one, in its order", async () => {
    const disk = new MemoryDisk();
    await live(disk);
    const crashed = killedAt(disk, "mail_lost");
    const lost = send("lead", "ada", { messageId: "mail_lost" });
    await expect(crashed.transactor.transact(RUN, () => lost)).rejects.toThrow("killed");
    expect(await crashed.mailbox.find(RUN, "ada", "mail_lost")).toBeUndefined();

    const next = process(disk);
    await next.transactor.transact(RUN, async () => {
      // Already there when the next command is built.
      expect(await next.mailbox.find(RUN, "ada", "mail_lost")).toBe("ready");
      return send("lead", "ada", { messageId: "mail_next" });
    });
    const ready = await next.mailbox.ready(RUN, "ada");
    expect(ready.slice(-2).map(({ messageId }) => messageId)).toEqual(["mail_lost", "mail_next"]);
    const sent = disk.journal(RUN).filter(({ event }) => event === "message_sent");
    expect(sent.map((entry) => entry["messageId"])).toEqual(["mail_lost", "mail_next"]);
  });

  test("that was cut off is told of by nobody", async () => {
    const disk = new MemoryDisk();
    await live(disk);
    const crashed = killedAt(disk, "mail_lost");
    const lost = send("lead", "ada", { messageId: "mail_lost" });
    await expect(crashed.transactor.transact(RUN, () => lost)).rejects.toThrow("killed");
    expect(crashed.commits).toEqual([]);
  });
});

describe("the outbox", () => {
  test("loses what is written with the next commit", async () => {
    const one = await live(new MemoryDisk());
    await one.transactor.transact(RUN, () => send("lead", "ada"));
    const after = await one.transactor.transact(RUN, () => send("lead", "ada", { messageId: "mail_2" }));
    expect(after.state.outbox.filter(isRecord).map(({ effectId }) => effectId)).toEqual([
      `run_1/${after.state.revision}/0`,
      `run_1/${after.state.revision}/1`,
    ]);
  });

  test("keeps a deed until somebody has confirmed it, and settles without any news", async () => {
    const disk = new MemoryDisk();
    const one = await live(disk);
    const state = (await one.runs.read(RUN)) ?? expect.unreachable();
    const [rules] = one.transactor.pendingDeeds(state);
    expect(rules?.type).toBe("add_rules");
    await one.transactor.settleOutbox(RUN);
    expect((await one.runs.read(RUN))?.outbox.map(({ type }) => type)).toEqual(["add_rules"]);

    if (rules) one.transactor.confirm(RUN, rules);
    expect(one.transactor.pendingDeeds(state)).toEqual([]);
    // What is confirmed in one process is open in another until it is on disk.
    expect(process(disk).transactor.pendingDeeds(state)).toHaveLength(1);
    const { revision } = (await one.runs.read(RUN)) ?? state;
    await one.transactor.settleOutbox(RUN);
    const settled = await one.runs.read(RUN);
    expect(settled).toMatchObject({ outbox: [], revision: revision + 1 });
    await one.transactor.settleOutbox(RUN);
    expect(await one.runs.read(RUN)).toEqual(settled);
  });

  test("of a run that was just created has its records on disk", async () => {
    const disk = new MemoryDisk();
    const one = process(disk);
    const decision = openRun(runPlan(["ada"], { tasks: [draft("map it")] }), NOON);
    if (decision.kind !== "accepted") throw new Error("refused");
    const order: string[] = [];
    const { effects } = await one.transactor.create(decision, async () => {
      order.push((await one.runs.read(RUN))?.status ?? "not there", `${one.commits.length} told`);
    });
    expect(order).toEqual(["creating", "0 told"]);
    expect(records(effects)).toBe(4);
    expect((await one.tasks.read(RUN, 1))?.subject).toBe("map it");
    expect(disk.journal(RUN)).toHaveLength(3);
    expect(one.commits).toHaveLength(1);
  });

  test("a run that may not be opened is not there", async () => {
    const one = process(new MemoryDisk());
    const decision = openRun(runPlan(["ada"], { tasks: [draft("")] }), NOON);
    await expect(one.transactor.create(decision, async () => undefined)).rejects.toMatchObject({
      code: "argument_invalid",
    });
    expect(await one.runs.list()).toEqual([]);
  });
});
