import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatRun } from "../src/records/run.ts";
import { openStorage } from "../src/storage/open.ts";
import { readProcesses } from "../src/system/process-identity.ts";
import { batch, line as journalLine, message, RUN, runState, task } from "../test/contract/samples.ts";
import type { Bench } from "../test/support/bench.ts";
import { scratch } from "../test/support/scratch.ts";
import { deliver, quiet, type Road, teamRoad } from "./roads.ts";
import { number, type Section } from "./section.ts";
import { inTurn, openSide } from "./sides.ts";
import { interval, median, p95 } from "./statistics.ts";

const COUNTS = [1, 10, 100, 1_000] as const;
type Count = (typeof COUNTS)[number];

const STARTS = 6;
const DELIVERIES = 8;
const MESSAGES = 20;

export async function measureFinishedRuns(): Promise<Section> {
  await using folder = await scratch("finished");
  const template = await finishedRun(folder.at("template"));
  const starts = samplesOf();
  const deliveries = samplesOf();
  const sweeps = samplesOf();
  for (const count of COUNTS) {
    const baseDir = folder.at(`runs-${count}`);
    plant(template, join(baseDir, "archive"), count);
    sweeps.get(count)?.push(...(await sweepTimes(baseDir)));
  }

  const benches = new Map<Count, Bench>();
  try {
    for (const count of COUNTS) {
      const teamMode = { enabled: true, base_dir: folder.at(`runs-${count}`) };
      benches.set(count, await openSide("on", false, teamMode));
    }
    for (let round = -1; round < STARTS; round += 1) {
      for (const count of inTurn(COUNTS, Math.abs(round))) {
        const { host } = benches.get(count)!;
        await host.start();
        const startedAt = performance.now();
        await host.session();
        if (round >= 0) starts.get(count)?.push(performance.now() - startedAt);
        if (round < STARTS - 1) await host.kill9();
      }
    }
    const roads = new Map<Count, Road>();
    for (const count of COUNTS) roads.set(count, await teamRoad(benches.get(count)!));
    for (let round = -2; round < DELIVERIES; round += 1) {
      for (const count of inTurn(COUNTS, Math.abs(round))) {
        const road = roads.get(count)!;
        await quiet(road.bench);
        const { sentAt, requestedAt } = await deliver(road, `note ${round + 2} idle.`);
        if (round >= 0) deliveries.get(count)?.push(requestedAt - sentAt);
      }
    }
  } finally {
    for (const bench of benches.values()) await bench.dispose();
  }

  const cell = (samples: readonly number[]): string =>
    `${number(median(samples))} ms (${number(p95(samples))})`;
  const row = (what: string, samples: ReadonlyMap<Count, readonly number[]>): readonly string[] => {
    const least = samples.get(1) ?? [];
    const most = samples.get(1_000) ?? [];
    const { low, high } = interval(most, least, (one, other) => one / other);
    return [
      what,
      String(least.length),
      ...COUNTS.map((count) => cell(samples.get(count) ?? [])),
      `${(median(most) / median(least)).toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`,
    ];
  };
  return {
    title: "With finished runs on disk",
    method: `So many finished runs lie in the archive, each with ${MESSAGES} messages, tasks and a journal; none is old enough to be removed. Medians, with the 95th percentile in brackets. The last column shows whether the cost is flat, as a start and a delivery must be: it is, where 1.00 lies in the brackets. The sweep alone looks at every folder: it looks for runs that are older than seven days; it runs beside, some seconds after a start and when a run ends, in this Bun here.`,
    header: ["", "n", ...COUNTS.map((count) => count.toLocaleString("en-US")), "1,000 against 1 (95 %)"],
    lines: [
      row("enabled: first session alone", starts),
      row("idle recipient, from the tool's result to the request", deliveries),
      row("sweep of the archive", sweeps),
    ],
    notes: [],
  };
}

function samplesOf(): ReadonlyMap<Count, number[]> {
  return new Map(COUNTS.map((count) => [count, []]));
}

/** The folder of a run that has been worked in and is over. */
async function finishedRun(baseDir: string): Promise<string> {
  const { runs, mailbox, tasks } = openStorage({ baseDir, liveness: await readProcesses() });
  await runs.create(runState());
  const seqs = Array.from({ length: MESSAGES }, (_, at) => at + 1);
  for (const seq of seqs) await mailbox.put(message(seq));
  const read = batch(seqs.map((seq) => message(seq).messageId));
  await mailbox.reserve(read);
  await mailbox.ack(read);
  for (const at of [1, 2, 3]) await tasks.write(RUN, task(at));
  await runs.exclusively(RUN, (run) => run.appendJournal(seqs.map((seq) => journalLine(seq))));
  await runs.archive(RUN);
  return join(baseDir, "archive", RUN);
}

function plant(template: string, archive: string, count: number): void {
  mkdirSync(archive, { recursive: true });
  for (let at = 1; at <= count; at += 1) {
    const runId = `run_${at}`;
    cpSync(template, join(archive, runId), { recursive: true });
    writeFileSync(join(archive, runId, "state.json"), formatRun(runState({ runId, status: "closed" })));
  }
}

async function sweepTimes(baseDir: string): Promise<readonly number[]> {
  const { runs } = openStorage({ baseDir, liveness: await readProcesses() });
  const times: number[] = [];
  for (let round = 0; round < STARTS; round += 1) {
    const startedAt = performance.now();
    const swept = await runs.sweepArchive(Date.now() - 3_600_000);
    times.push(performance.now() - startedAt);
    if (swept.length > 0) throw new Error("the sweep removed a young run");
  }
  return times;
}
