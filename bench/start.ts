import type { Bench } from "../test/support/bench.ts";
import { COMPARISON_HEADER, comparisonLine, type Section } from "./section.ts";
import { inTurn, openSide, type Side } from "./sides.ts";

const ROUNDS = 8;
const SIDES: readonly Side[] = ["bare", "empty", "off", "on"];

/** The aim: nobody notices 50 ms. */
const AIM = { atMostMore: 50 };

interface Sample {
  readonly totalMs: number;
  readonly sessionMs: number;
}

export async function measureStart(): Promise<Section> {
  const samples = new Map<Side, Sample[]>(SIDES.map((side) => [side, []]));
  const benches = new Map<Side, Bench>();
  try {
    for (const side of SIDES) benches.set(side, await openSide(side, false));
    // Round -1 makes the data base of each home and warms the disk's cache; it does not count.
    for (let round = -1; round < ROUNDS; round += 1) {
      for (const side of inTurn(SIDES, Math.abs(round))) {
        const sample = await start(benches.get(side)!);
        if (round >= 0) samples.get(side)?.push(sample);
      }
    }
  } finally {
    for (const bench of benches.values()) await bench.dispose();
  }
  const of = (side: Side, part: keyof Sample): number[] => (samples.get(side) ?? []).map((one) => one[part]);
  const line = (what: string, side: Side, part: keyof Sample): readonly string[] =>
    comparisonLine({
      what,
      unit: "ms",
      bare: of("bare", part),
      ours: of(side, part),
      ...(side === "empty" ? {} : { aim: AIM }),
    });
  return {
    title: "Start",
    method:
      "From the spawn of `opencode serve` to the answer of the first `POST /session` (which makes the instance and loads the plugins), in one go; and that first request alone. Bare: no plugin is configured. Empty: a plugin of one line that does nothing, which shows what any plugin costs. Every start is a new process on a used home; the sides take turns.",
    header: COMPARISON_HEADER,
    lines: [
      line("empty plugin: start to first session", "empty", "totalMs"),
      line("configured, not enabled: start to first session", "off", "totalMs"),
      line("enabled: start to first session", "on", "totalMs"),
      line("empty plugin: first session alone", "empty", "sessionMs"),
      line("configured, not enabled: first session alone", "off", "sessionMs"),
      line("enabled: first session alone", "on", "sessionMs"),
    ],
    notes: [],
  };
}

async function start({ host }: Bench): Promise<Sample> {
  const spawnedAt = performance.now();
  await host.start();
  const readyAt = performance.now();
  await host.session();
  const doneAt = performance.now();
  await host.kill9();
  return { totalMs: doneAt - spawnedAt, sessionMs: doneAt - readyAt };
}
