import { type Described, describe, type Line } from "./describe.ts";
import type { Fact } from "./facts.ts";
import { type Terminal, type Tone, wrap } from "./terminal.ts";

/** Prints facts as they come, in the order in which they happened. */
export interface Timeline {
  add(facts: readonly Fact[]): void;
  /** Something that the demo itself did or saw. */
  say(line: Line): void;
  /** Prints what is old enough that nothing older can still come. */
  flush(): void;
  /** Prints everything that is left. */
  end(): void;
  readonly lines: number;
}

/**
 * Files are looked at every few ten milliseconds and the host's events arrive at once: for so long a fact is held back, so
 * that one which happened before it still finds its place.
 */
const HOLD_MS = 350;

/** Participants in the order in which they appear; the lead, the person and the plugin have colours of their own. */
const COLOURS: readonly Tone[] = ["cyan", "yellow", "green", "blue", "red"];

const TIME_WIDTH = 6;
const WHO_WIDTH = 7;

export function openTimeline(terminal: Terminal, known: Described, startedAt: number): Timeline {
  const held: Fact[] = [];
  const colours = new Map<string, Tone>([
    ["lead", "magenta"],
    ["person", "bold"],
    ["system", "dim"],
    ["host", "red"],
  ]);
  let lines = 0;

  function colourOf(who: string): Tone {
    const known = colours.get(who);
    if (known) return known;
    const colour = COLOURS[(colours.size - 4) % COLOURS.length] ?? "plain";
    colours.set(who, colour);
    return colour;
  }

  function print(at: number, { who, mark, text, tone = "plain" }: Line): void {
    const indent = TIME_WIDTH + 2 + WHO_WIDTH + 2;
    const [first = "", ...rest] = wrap(text, terminal.width - indent - 1);
    const time = ((at - startedAt) / 1000).toFixed(2).padStart(TIME_WIDTH);
    const head = `${terminal.paint("dim", time)}  ${terminal.paint(colourOf(who), who.padEnd(WHO_WIDTH))}`;
    terminal.print(`${head}${terminal.paint(tone, `${mark} ${first}`)}`);
    for (const row of rest) terminal.print(`${" ".repeat(indent)}${terminal.paint(tone, row)}`);
    lines += 1;
  }

  function flushUntil(until: number): void {
    held.sort((one, other) => one.at - other.at || rank(one) - rank(other));
    while (held[0] !== undefined && held[0].at <= until) {
      const fact = held.shift();
      const line = fact && describe(fact, known);
      if (fact && line) print(fact.at, line);
    }
  }

  return {
    add: (facts) => {
      held.push(...facts);
    },
    say: (line) => print(Date.now(), line),
    flush: () => flushUntil(Date.now() - HOLD_MS),
    end: () => flushUntil(Number.POSITIVE_INFINITY),
    get lines() {
      return lines;
    },
  };
}

/** Within one instant: what was asked, what was written down about it, the mail it caused. */
function rank(fact: Fact): number {
  if (fact.kind === "journal") return 1 + fact.entry.revision / 1e6 + fact.entry.index / 1e9;
  return fact.kind === "mail" ? 2 : 0;
}
