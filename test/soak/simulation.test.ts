import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeMachine } from "../../bench/machine.ts";
import { liveThrough, type Outcome, smallestFailure } from "../simulation/history.ts";
import { ROOT } from "../support/checkout.ts";

const MESSAGES = 100_000;
/** Short enough that a failing seed can be read, long enough for everything to go wrong in one history. */
const MESSAGES_A_HISTORY = 300;
/** One long history: what a step of it costs must not grow with what lies behind it. */
const LONG_HISTORY = 5_000;

const TIMEOUT_MS = 2 * 60 * 60_000;

/** Drawn anew every time: what it finds is printed with it, and can be had again. */
const NEW_SEED = Date.now() % 2 ** 31;
const NEW_HISTORIES = 30;

describe("in simulated weather", () => {
  test(
    "100,000 messages are read once and in order, and nothing is left",
    async () => {
      const outcomes: Outcome[] = [];
      const startedAt = performance.now();
      for (let seed = 1; promisedIn(outcomes) < MESSAGES; seed += 1) {
        const messages = seed === 1 ? LONG_HISTORY : MESSAGES_A_HISTORY;
        const story = { seed, members: 3 + (seed % 6), messages };
        const outcome = await liveThrough(story);
        if (outcome.violations.length > 0) throw new Error(await smallestFailure(story));
        outcomes.push(outcome);
      }
      writeFileSync(
        join(ROOT, "docs", "results", "simulation.md"),
        page(outcomes, (performance.now() - startedAt) / 1_000),
      );
      expect(promisedIn(outcomes)).toBeGreaterThanOrEqual(MESSAGES);
    },
    TIMEOUT_MS,
  );

  test(
    "histories that nobody has lived through yet keep the promise too",
    async () => {
      for (let seed = NEW_SEED; seed < NEW_SEED + NEW_HISTORIES; seed += 1) {
        const story = { seed, members: 6, messages: MESSAGES_A_HISTORY };
        expect(await smallestFailure(story)).toBeUndefined();
      }
    },
    TIMEOUT_MS,
  );
});

function promisedIn(outcomes: readonly Outcome[]): number {
  return sum(outcomes, ({ promised }) => promised);
}

function sum(outcomes: readonly Outcome[], count: (outcome: Outcome) => number): number {
  return outcomes.reduce((total, outcome) => total + count(outcome), 0);
}

function page(outcomes: readonly Outcome[], seconds: number): string {
  const number = (value: number): string => Math.round(value).toLocaleString("en-US");
  const hours = sum(outcomes, ({ simulatedMs }) => simulatedMs) / 3_600_000;
  const rows = [
    ["histories, each in the weather of its seed", outcomes.length],
    [
      "of them with a second process at the same run",
      outcomes.filter(({ weather }) => weather.paired).length,
    ],
    ["messages that somebody sent, one an inbox", promisedIn(outcomes)],
    ["with those of the plugin itself", sum(outcomes, ({ written }) => written)],
    ["model calls", sum(outcomes, ({ steps }) => steps)],
    ["processes that died at some call of a port", sum(outcomes, ({ crashes }) => crashes)],
    ["simulated hours", hours],
    ["seconds it took", seconds],
    ["lost, doubled, out of order, unread, given up too early, silently stuck, left behind", 0],
  ] as const;
  return `${[
    "# Mail in simulated weather",
    "Written by `npm run soak` (`test/soak/simulation.test.ts`); changes by hand are lost. The same core, shell and memory storage as in the tests, on a turned clock, against a simulated OpenCode that keeps the contract of `test/contract/host.ts` (the real one keeps it too: `test/e2e/host-contract.test.ts`). Posts are lost before and after they were taken, rows are read before their parts, turns fail and are stopped, events come late, twice, never and falsely, histories are compacted, permissions and undo hold sessions, processes die and are taken over. Every seed gives the same history again.",
    `${new Date().toISOString().slice(0, 10)}. ${describeMachine()}.`,
    ["| | |", "|---|---:|", ...rows.map(([what, value]) => `| ${what} | ${number(value)} |`)].join("\n"),
  ].join("\n\n")}\n`;
}
