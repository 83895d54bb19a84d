import { expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import type { MessagePlace } from "../../src/ports.ts";
import { batch, message, NOON, RUN, runState } from "./samples.ts";
import type { OpenWorld, World } from "./worlds.ts";

/** What every `Mailbox` promises. */
export function mailboxContract(open: OpenWorld): void {
  test("what was put is ready, in order of seq, for its recipient alone", async () => {
    await using world = await withMail(open, 0);
    for (const seq of [2, 3, 1]) await world.one.mailbox.put(message(seq));
    await world.one.mailbox.put(message(4, { to: "bo" }));
    expect(await world.other.mailbox.ready(RUN, "ada")).toEqual([message(1), message(2), message(3)]);
    expect(await world.other.mailbox.ready(RUN, "bo")).toEqual([message(4, { to: "bo" })]);
    expect(await world.other.mailbox.ready(RUN, "lead")).toEqual([]);
  });

  test("a broadcast has one id and a place of its own in every inbox", async () => {
    await using world = await withMail(open, 0);
    for (const to of ["ada", "bo"]) await world.one.mailbox.put(message(1, { to }));
    await world.one.mailbox.bury(RUN, "bo", ["mail_1"], "gone");
    expect(await places(world, "mail_1")).toEqual("ready");
    expect(await world.one.mailbox.find(RUN, "bo", "mail_1")).toBe("dead");
  });

  test("a message for a run that is not there is refused", async () => {
    await using world = await open();
    await expect(world.one.mailbox.put(message(1))).rejects.toMatchObject({ code: "run_not_found" });
    expect(await world.one.mailbox.ready(RUN, "ada")).toEqual([]);
    expect(await world.one.mailbox.unreadCount(RUN, "ada")).toBe(0);
    expect(await world.one.mailbox.batches(RUN, "ada")).toEqual([]);
    expect(await world.one.mailbox.find(RUN, "ada", "mail_1")).toBeUndefined();
  });

  test("a message is put once, in whichever place it is by now", async () => {
    await using world = await withMail(open, 4);
    await world.one.mailbox.reserve(batch(["mail_2"]));
    await world.one.mailbox.reserve(batch(["mail_3"], { batchId: "batch_3" }));
    await world.one.mailbox.ack(batch(["mail_3"], { batchId: "batch_3" }));
    await world.one.mailbox.bury(RUN, "ada", ["mail_4"], "no answer");
    for (const seq of [1, 2, 3, 4]) await world.other.mailbox.put(message(seq, { body: "again" }));
    expect(await places(world, "mail_1", "mail_2", "mail_3", "mail_4")).toEqual(
      "ready reserved processed dead",
    );
    expect(await world.other.mailbox.ready(RUN, "ada")).toEqual([message(1)]);
  });

  test("two who put the same message at the same time put it once", async () => {
    await using world = await withMail(open, 0);
    await Promise.all([
      ...Array.from({ length: 5 }, () => world.one.mailbox.put(message(1))),
      ...Array.from({ length: 5 }, () => world.other.mailbox.put(message(1))),
    ]);
    expect(await world.one.mailbox.ready(RUN, "ada")).toEqual([message(1)]);
  });

  test("unread mail is what is ready or reserved, in UTF-8 bytes of the bodies", async () => {
    await using world = await withMail(open, 0);
    await world.one.mailbox.put(message(1, { body: "héé" }));
    await world.one.mailbox.put(message(2, { body: "four" }));
    await world.one.mailbox.put(message(3, { body: "12345678" }));
    expect(await world.other.mailbox.unreadBytes(RUN, "ada")).toBe(17);
    await world.other.mailbox.reserve(batch(["mail_1", "mail_2"]));
    for (const process of [world.one, world.other]) {
      expect(await process.mailbox.unreadBytes(RUN, "ada")).toBe(17);
      expect(await process.mailbox.unreadCount(RUN, "ada")).toBe(3);
    }
    await world.one.mailbox.ack(batch(["mail_1", "mail_2"]));
    await world.other.mailbox.put(message(4, { body: "!" }));
    for (const process of [world.one, world.other]) {
      expect(await process.mailbox.unreadBytes(RUN, "ada")).toBe(9);
      expect(await process.mailbox.unreadCount(RUN, "ada")).toBe(2);
    }
  });

  test("a reserved message is not ready any more and its batch is known to everybody", async () => {
    await using world = await withMail(open, 3);
    const first = batch(["mail_2", "mail_1"]);
    await world.one.mailbox.reserve(first);
    expect(await world.other.mailbox.ready(RUN, "ada")).toEqual([message(3)]);
    expect(await world.other.mailbox.batches(RUN, "ada")).toEqual([first]);
    expect(await world.other.mailbox.messagesOf(first)).toEqual([message(2), message(1)]);
    expect(await places(world, "mail_1", "mail_2", "mail_3")).toBe("reserved reserved ready");
  });

  test("a message travels in one batch", async () => {
    await using world = await withMail(open, 2);
    await world.one.mailbox.reserve(batch(["mail_1"]));
    const second = batch(["mail_2", "mail_1"], { batchId: "batch_2" });
    await expect(world.other.mailbox.reserve(second)).rejects.toMatchObject({ code: "internal" });
    expect(await world.one.mailbox.batches(RUN, "ada")).toEqual([batch(["mail_1"])]);
    expect(await places(world, "mail_1", "mail_2")).toBe("reserved ready");
  });

  test("batches come oldest first, as they were saved last", async () => {
    await using world = await withMail(open, 3);
    const young = batch(["mail_2"], { batchId: "batch_a", reservedAt: NOON + 5 });
    const old = batch(["mail_1"], { batchId: "batch_b", reservedAt: NOON });
    await world.one.mailbox.reserve(young);
    await world.one.mailbox.reserve(old);
    const saved = { ...old, phase: "witnessed", attempts: 2, stored: true } as const;
    await world.one.mailbox.saveBatch(saved);
    expect(await world.other.mailbox.batches(RUN, "ada")).toEqual([saved, young]);
  });

  test("a batch that is over is not brought back by a late save", async () => {
    await using world = await withMail(open, 1);
    await world.one.mailbox.reserve(batch(["mail_1"]));
    await world.one.mailbox.release(batch(["mail_1"]));
    await world.other.mailbox.saveBatch(batch(["mail_1"], { phase: "posted" }));
    expect(await world.other.mailbox.batches(RUN, "ada")).toEqual([]);
    expect(await places(world, "mail_1")).toBe("ready");
  });

  test("an acked message is processed, and acking again changes nothing", async () => {
    await using world = await withMail(open, 2);
    const both = batch(["mail_1", "mail_2"]);
    await world.one.mailbox.reserve(both);
    await world.one.mailbox.ack(both);
    await world.other.mailbox.ack(both);
    expect(await places(world, "mail_1", "mail_2")).toBe("processed processed");
    expect(await world.other.mailbox.batches(RUN, "ada")).toEqual([]);
    expect(await world.other.mailbox.messagesOf(both)).toEqual([message(1), message(2)]);
  });

  test("released messages are ready again, in order, and can travel in another batch", async () => {
    await using world = await withMail(open, 3);
    await world.one.mailbox.reserve(batch(["mail_1", "mail_2"]));
    await world.one.mailbox.release(batch(["mail_1", "mail_2"]));
    await world.one.mailbox.release(batch(["mail_1", "mail_2"]));
    expect(await world.other.mailbox.ready(RUN, "ada")).toEqual([message(1), message(2), message(3)]);
    await world.other.mailbox.reserve(batch(["mail_1"], { batchId: "batch_2" }));
    expect(await places(world, "mail_1", "mail_2")).toBe("reserved ready");
  });

  test("a buried message is dead with its reason, wherever it waited", async () => {
    await using world = await withMail(open, 3);
    await world.one.mailbox.reserve(batch(["mail_2", "mail_3"]));
    await world.one.mailbox.bury(RUN, "ada", ["mail_1", "mail_2"], "8 attempts");
    await world.other.mailbox.bury(RUN, "ada", ["mail_1", "mail_2"], "another reason");
    expect(await places(world, "mail_1", "mail_2", "mail_3")).toBe("dead dead reserved");
    expect(await world.deadReason(RUN, "ada", "mail_1")).toBe("8 attempts");
    expect(await world.deadReason(RUN, "ada", "mail_2")).toBe("8 attempts");
    expect(await world.other.mailbox.deadCount(RUN, "ada")).toBe(2);
    expect(await world.other.mailbox.deadCount(RUN, "bo")).toBe(0);
  });

  test("a batch shrinks by what is buried, and goes with the last of it", async () => {
    await using world = await withMail(open, 2);
    await world.one.mailbox.reserve(batch(["mail_1", "mail_2"]));
    await world.one.mailbox.bury(RUN, "ada", ["mail_1"], "no");
    expect(await world.other.mailbox.batches(RUN, "ada")).toEqual([batch(["mail_2"])]);
    await world.one.mailbox.bury(RUN, "ada", ["mail_2"], "no");
    expect(await world.other.mailbox.batches(RUN, "ada")).toEqual([]);
  });

  test("an acked message cannot be buried", async () => {
    await using world = await withMail(open, 1);
    await world.one.mailbox.reserve(batch(["mail_1"]));
    await world.one.mailbox.ack(batch(["mail_1"]));
    await world.one.mailbox.bury(RUN, "ada", ["mail_1"], "too late");
    expect(await places(world, "mail_1")).toBe("processed");
  });

  const ENDS = { acked: "processed", returned: "ready", dead: "dead" } as const;
  for (const [phase, place] of Object.entries(ENDS)) {
    test(`a batch that was saved as ${phase} and left there is over for a reader, and finished by who mends`, async () => {
      await using world = await withMail(open, 2);
      await world.one.mailbox.reserve(batch(["mail_1", "mail_2"]));
      await world.one.mailbox.saveBatch(
        batch(["mail_1", "mail_2"], { phase: phase as keyof typeof ENDS, lastError: "no answer" }),
      );
      expect(await world.other.mailbox.batches(RUN, "ada")).toEqual([]);
      expect(await places(world, "mail_1", "mail_2")).toBe("reserved reserved");
      expect(await world.other.mailbox.mend(RUN, "ada")).toEqual([]);
      expect(await places(world, "mail_1", "mail_2")).toBe(`${place} ${place}`);
    });
  }

  test("who mends a whole inbox gets the batches that everybody sees, and changes nothing", async () => {
    await using world = await withMail(open, 3);
    const first = batch(["mail_1", "mail_2"]);
    await world.one.mailbox.reserve(first);
    expect(await world.other.mailbox.mend(RUN, "ada")).toEqual([first]);
    expect(await world.one.mailbox.batches(RUN, "ada")).toEqual([first]);
    expect(await places(world, "mail_1", "mail_2", "mail_3")).toBe("reserved reserved ready");
  });

  test("readers who look all the time undo nothing of what the carrier does", async () => {
    await using world = await withMail(open, 3);
    const ids = ["mail_1", "mail_2", "mail_3"];
    let carrying = true;
    const reader = (async () => {
      while (carrying) {
        await world.other.mailbox.batches(RUN, "ada");
        // A look gives way to nobody, and the carrier waits for the disk.
        await setImmediate();
      }
    })();
    for (let turn = 1; turn <= 20; turn++) {
      const one = batch(ids, { batchId: `batch_${turn}` });
      await world.one.mailbox.reserve(one);
      expect(await places(world, ...ids)).toBe("reserved reserved reserved");
      await world.one.mailbox.release(one);
      expect(await places(world, ...ids)).toBe("ready ready ready");
    }
    carrying = false;
    await reader;
  });

  test("a burst of 200 messages is ready whole and in order", async () => {
    await using world = await withMail(open, 0);
    const burst = Array.from({ length: 200 }, (_, at) => message(at + 1));
    await Promise.all(burst.map((one) => world.one.mailbox.put(one)));
    expect(await world.other.mailbox.ready(RUN, "ada")).toEqual(burst);
  });
}

async function withMail(open: OpenWorld, count: number): Promise<World> {
  const world = await open();
  await world.one.runs.create(runState());
  for (let seq = 1; seq <= count; seq++) await world.one.mailbox.put(message(seq));
  return world;
}

async function places(world: World, ...messageIds: readonly string[]): Promise<string> {
  const found: (MessagePlace | undefined)[] = [];
  for (const messageId of messageIds) found.push(await world.other.mailbox.find(RUN, "ada", messageId));
  return found.join(" ");
}
