import type { Batch } from "../src/core/delivery.ts";
import type { Message } from "../src/core/message.ts";
import { openStorage, type Storage } from "../src/storage/open.ts";
import { readProcesses } from "../src/system/process-identity.ts";
import { batch, message, RUN, runState } from "../test/contract/samples.ts";
import { scratch } from "../test/support/scratch.ts";
import { durableWrites } from "./durable-write.ts";
import { number, type Section } from "./section.ts";
import { median, p95 } from "./statistics.ts";

const ROUNDS = 10;
/** Of each round. */
const MESSAGES = 40;
const BURST = 100;

/** Milliseconds a message. */
interface Samples {
  readonly raw: number[];
  readonly put: number[];
  readonly through: number[];
  readonly burst: number[];
}

export async function measureMail(): Promise<Section> {
  await using folder = await scratch("mail");
  let syncs = 0;
  const storage = openStorage({
    baseDir: folder.at("data"),
    liveness: await readProcesses(),
    step: (step) => {
      if (step.startsWith("after sync")) syncs += 1;
    },
  });
  await storage.runs.create(runState());
  const samples: Samples = { raw: [], put: [], through: [], burst: [] };
  const letters = lettersFrom(1);
  const untilMail = syncs;
  // The disk's mood changes within seconds, so every round measures everything.
  for (let round = 0; round < ROUNDS; round += 1) {
    samples.raw.push(...(await durableWrites(folder, MESSAGES)));
    for (let at = 0; at < MESSAGES; at += 1) await one(storage, letters(), samples);
    samples.burst.push(await burst(storage, letters));
  }
  const raw = median(samples.raw);
  const line = (what: string, times: readonly number[]): readonly string[] => [
    what,
    String(times.length),
    `${number(median(times))} ms (${number(p95(times))})`,
    number(1000 / median(times)),
    (median(times) / raw).toFixed(2),
  ];
  return {
    title: "Mail on disk",
    method: `Messages through the mailbox alone: written to an inbox, reserved under a batch, acked; storage in this process (this Bun, no host), on a real disk with every sync. The measure is one durable write of a small file on the same disk: write, sync, rename, sync the folder. Everything is measured in each of ${ROUNDS} rounds.`,
    header: ["", "n", "a message: median (p95)", "messages a second", "ratio to a durable write"],
    lines: [
      line("bare: one durable write of a small file", samples.raw),
      line("write a message", samples.put),
      line("write, reserve and ack a message alone", samples.through),
      line(`write ${BURST} at once, reserve and ack them as one batch`, samples.burst),
    ],
    notes: [
      `Files and folders synced: ${number((syncs - untilMail) / (ROUNDS * (MESSAGES + BURST)))} a message on average, 2 for a durable write.`,
    ],
  };
}

async function one({ mailbox }: Storage, letter: Message, { put, through }: Samples): Promise<void> {
  const startedAt = performance.now();
  await mailbox.put(letter);
  put.push(performance.now() - startedAt);
  const own = batchOf([letter]);
  await mailbox.reserve(own);
  await mailbox.ack(own);
  through.push(performance.now() - startedAt);
}

async function burst({ mailbox }: Storage, letters: () => Message): Promise<number> {
  const all = Array.from({ length: BURST }, letters);
  const startedAt = performance.now();
  await Promise.all(all.map((letter) => mailbox.put(letter)));
  const own = batchOf(all);
  await mailbox.reserve(own);
  await mailbox.ack(own);
  return (performance.now() - startedAt) / BURST;
}

/** Messages of 500 characters, each under a number of its own. */
function lettersFrom(first: number): () => Message {
  let seq = first;
  return () => message(seq++, { body: "x".repeat(500) });
}

function batchOf(letters: readonly Message[]): Batch {
  const messageIds = letters.map((letter) => letter.messageId);
  return batch(messageIds, { runId: RUN, batchId: `batch_${messageIds[0]}` });
}
