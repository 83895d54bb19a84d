import { hooks } from "../src/hooks/hooks.ts";
import { surfaceOf } from "../src/hooks/surface.ts";
import { eventDecoder } from "../src/opencode/events.ts";
import type { Bench } from "../test/support/bench.ts";
import { sayAtLength } from "../test/support/model-replies.ts";
import { peakMemoryMb, processorMs } from "./process-cost.ts";
import { COMPARISON_HEADER, comparisonLine, number, type Section } from "./section.ts";
import { inTurn, openSide } from "./sides.ts";
import { median } from "./statistics.ts";

const DELTAS = 20_000;
const SIDES = ["bare", "on"] as const;
type Side = (typeof SIDES)[number];

/** The aim for the share of a stream that flotilla may cost. */
const AIM = { atMostRatio: 1.02 };

/** Processes differ by luck (heap, compiled code) more than turns of one process do: so several of each. */
const PROCESSES = 3;
const LONG_TURNS = 4;

/** A long turn meets a collection of the host's large heap or does not, so few of them tell little; many short ones do. */
const SHORT_DELTAS = 2_000;
const SHORT_TURNS = 15;

const HOOK_ROUNDS = 9;

interface Sample {
  readonly wallMs: number;
  readonly processorMs: number;
}

export async function measureDeltas(): Promise<Section> {
  const long = bothSides<Sample>();
  const short = bothSides<Sample>();
  const peaks = bothSides<number>();
  for (let process = 0; process < PROCESSES; process += 1) {
    const benches = new Map<Side, Bench>();
    try {
      for (const side of inTurn(SIDES, process)) benches.set(side, await warmed(side));
      for (const [deltas, turns, samples] of [
        [DELTAS, LONG_TURNS, long],
        [SHORT_DELTAS, SHORT_TURNS, short],
      ] as const) {
        for (let turn = 0; turn < turns; turn += 1) {
          for (const side of inTurn(SIDES, turn))
            samples[side].push(await stream(benches.get(side)!, deltas));
        }
      }
      for (const side of SIDES) peaks[side].push(peakMemoryMb(benches.get(side)!.host.pid));
    } finally {
      for (const bench of benches.values()) await bench.dispose();
    }
  }
  const line = (what: string, samples: Record<Side, Sample[]>, part: keyof Sample): readonly string[] =>
    comparisonLine({
      what,
      unit: "ms",
      bare: samples.bare.map((one) => one[part]),
      ours: samples.on.map((one) => one[part]),
      aim: AIM,
    });
  const hookMs = await hookCost();
  const share = (100 * hookMs) / median(long.bare.map((one) => one.processorMs));
  return {
    title: "Streaming and memory",
    method: `A turn in which the model streams text deltas as fast as the host takes them, in a new session of no team, plugin enabled; one client reads the host's events, as a screen does. Wall time is from the prompt to the finished turn, processor time that of the host's process (user and system, all threads). ${PROCESSES} processes a side, each after a first long turn that does not count. Peak memory is the most that such a process had at once (VmHWM).`,
    header: COMPARISON_HEADER,
    lines: [
      line(`${amount(DELTAS)} deltas, processor time`, long, "processorMs"),
      line(`${amount(DELTAS)} deltas, wall time`, long, "wallMs"),
      line(`${amount(SHORT_DELTAS)} deltas, processor time`, short, "processorMs"),
      line(`${amount(SHORT_DELTAS)} deltas, wall time`, short, "wallMs"),
      comparisonLine({ what: "peak memory", unit: "MB", bare: peaks.bare, ours: peaks.on }),
    ],
    notes: [
      `Flotilla's own code in such a turn is its event hook. Called ${amount(DELTAS)} times with a delta in this process, without a host, it takes ${number(hookMs)} ms: ${share.toFixed(2)} % of the bare host's processor time for as many.`,
    ],
  };
}

function bothSides<T>(): Record<Side, T[]> {
  return { bare: [], on: [] };
}

function amount(deltas: number): string {
  return deltas.toLocaleString("en-US");
}

/** The event hook by itself, in milliseconds for all deltas; the median of some rounds, the first of which compiles it. */
async function hookCost(): Promise<number> {
  const decoder = eventDecoder(Date.now);
  const decode = {
    event: (event: unknown) => decoder.decode(event),
    prompt: nothing,
    news: nothing,
    shown: nothing,
    compacting: nothing,
    isAside: () => false,
    tasks: nothing,
  };
  const desk = {
    observe: nothing,
    prompted: async () => {},
    textCompleted: async () => {},
    section: async () => undefined,
    beginsTask: async () => undefined,
    configure: nothing,
    dispose: async () => {},
  };
  const { event } = hooks(decode, desk, surfaceOf(nothing), surfaceOf(nothing));
  const times: number[] = [];
  for (let round = 0; round < HOOK_ROUNDS; round += 1) {
    const startedAt = performance.now();
    for (let at = 0; at < DELTAS; at += 1) await event?.({ event: deltaEvent(at) as never });
    times.push(performance.now() - startedAt);
  }
  return median(times);
}

function deltaEvent(at: number): unknown {
  const properties = {
    sessionID: "ses_1",
    messageID: "msg_1",
    partID: "prt_1",
    field: "text",
    delta: "word ",
  };
  return { id: `evt_${at}`, type: "message.part.delta", properties };
}

function nothing(): undefined {}

/** The first long turn compiles what the later ones use and costs half as much again. */
async function warmed(side: Side): Promise<Bench> {
  const bench = await openSide(side);
  bench.model.script(({ lastUserText }) => sayAtLength(Number(lastUserText)));
  await stream(bench, DELTAS);
  return bench;
}

/** In a new session, because a history is sent again with every turn. */
async function stream({ host }: Bench, deltas: number): Promise<Sample> {
  const session = await host.session();
  const before = processorMs(host.pid);
  const startedAt = performance.now();
  await host.prompt(session.id, String(deltas));
  const wallMs = performance.now() - startedAt;
  return { wallMs, processorMs: processorMs(host.pid) - before };
}
