import { LEAD, PERSON, SYSTEM } from "../ids.ts";
import {
  BAR_KINDS,
  type Bar,
  type BarKind,
  type Lane,
  type Letter,
  type Seat,
  type Totals,
} from "./report.ts";
import { shown } from "./shown.ts";

/** Who has a lane, in the order in which they came. The lead is first, whoever is outside of the team last. */
export class Seats {
  readonly #team: string[] = [LEAD];
  readonly #outside: string[] = [];

  add(name: string): void {
    const seats = isOutside(name) ? this.#outside : this.#team;
    if (!seats.includes(name)) seats.push(name);
  }

  names(): readonly string[] {
    return [...this.#team, ...this.#outside];
  }
}

export function lanesOf(
  names: readonly string[],
  bars: readonly Bar[],
  letters: readonly Letter[],
): readonly Lane[] {
  const tallies = names.map(() => new Tally());
  for (const bar of bars) tallies[bar.lane]?.bar(bar);
  for (const { from, to } of letters) {
    tallies[from]?.add("sent", 1);
    tallies[to]?.add("received", 1);
  }
  return names.map((name, index) => {
    const tally = tallies[index] ?? new Tally();
    return { name: shown(name), seat: seatOf(name), rows: tally.rows, totals: tally.totals };
  });
}

export function summed(lanes: readonly Lane[]): Totals {
  const all = new Tally();
  for (const { totals } of lanes) for (const key of KEYS) all.add(key, totals[key]);
  return all.totals;
}

const KEYS = [
  "turns",
  "calls",
  "tools",
  "failures",
  "inputTokens",
  "outputTokens",
  "cost",
  "waitedMs",
  "sent",
  "received",
] as const satisfies readonly (keyof Totals)[];

const COUNTED: Readonly<Partial<Record<BarKind, keyof Totals>>> = {
  turn: "turns",
  call: "calls",
  tool: "tools",
};

class Tally {
  readonly rows: Record<BarKind, number> = record(BAR_KINDS);
  readonly totals: Record<keyof Totals, number> = record(KEYS);

  add(key: keyof Totals, amount: number): void {
    this.totals[key] += amount;
  }

  bar({ kind, row, from, to, error, facts }: Bar): void {
    this.rows[kind] = Math.max(this.rows[kind], row + 1);
    const counted = COUNTED[kind];
    if (counted !== undefined) this.add(counted, 1);
    if (kind === "wait") this.add("waitedMs", to - from);
    // A turn sums up its calls.
    if (kind === "turn") return;
    if (error !== undefined) this.add("failures", 1);
    this.add("inputTokens", amountOf(facts["input tokens"]));
    this.add("outputTokens", amountOf(facts["output tokens"]));
    this.add("cost", amountOf(facts["cost"]));
  }
}

function record<const Key extends string>(keys: readonly Key[]): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<Key, number>;
}

function amountOf(fact: string | number | undefined): number {
  return typeof fact === "number" ? fact : 0;
}

function seatOf(name: string): Seat {
  if (isOutside(name)) return "outside";
  return name === LEAD ? "lead" : "member";
}

function isOutside(name: string): boolean {
  return name === SYSTEM || name === PERSON;
}
