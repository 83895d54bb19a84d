import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../support/checkout.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { commit, Nursery, type Verdict } from "./mutants.ts";

/** As many as this project's machines have cores; the tests of storage wait for the disk more than for the processor. */
const AT_ONCE = 2;
/** A defect waits for its turn while others are tried. */
const WAIT_MS = 30 * 60_000;

const nurseries = Array.from({ length: AT_ONCE }, () => new Nursery());
const verdicts = new Map<Fault, Promise<Verdict>>();

/** Hands each piece of work to whichever nursery is free first, in the order given. */
function shareOut<Item>(
  items: readonly Item[],
  work: (nursery: Nursery, item: Item) => Promise<Verdict>,
): Map<Item, Promise<Verdict>> {
  const outcomes = new Map(items.map((item) => [item, Promise.withResolvers<Verdict>()] as const));
  const open = [...outcomes];
  for (const nursery of nurseries) {
    void (async () => {
      for (let next = open.shift(); next !== undefined; next = open.shift()) {
        const [item, { resolve, reject }] = next;
        await work(nursery, item).then(resolve, reject);
      }
    })();
  }
  return new Map([...outcomes].map(([item, { promise }]) => [item, promise]));
}

describe("without any defect", () => {
  const suites = [...new Set(FAULTS.flatMap(({ suite }) => suite))].toSorted();
  test(
    "all tests that are to find one are green",
    async () => {
      const sound = shareOut(suites, (nursery, file) => nursery.run([file]));
      for (const [file, verdict] of sound) {
        const { green, firstRed } = await verdict;
        expect({ file, green, firstRed }).toEqual({ file, green: true, firstRed: undefined });
      }
      for (const [fault, verdict] of shareOut(FAULTS, (nursery, one) => nursery.try(one))) {
        verdict.catch(() => undefined);
        verdicts.set(fault, verdict);
      }
    },
    WAIT_MS,
  );
});

describe("a test goes red where", () => {
  for (const fault of FAULTS) {
    test(
      fault.name,
      async () => {
        const verdict = await verdicts.get(fault);
        if (!verdict) throw new Error("not tried, since the tests are not green without it");
        if (verdict.green || !verdict.firstRed) console.error(verdict.output.slice(-2_000));
        expect({ green: verdict.green, red: verdict.firstRed !== undefined }).toEqual({
          green: false,
          red: true,
        });
      },
      WAIT_MS,
    );
  }
});

afterAll(async () => {
  // Of a run of some tests, or of one that was not green to begin with, the page would say that every defect lives.
  if (verdicts.size === FAULTS.length) await writePage();
  for (const nursery of nurseries) await nursery[Symbol.asyncDispose]();
}, WAIT_MS);

async function writePage(): Promise<void> {
  const rows = await Promise.all(
    FAULTS.map(async (fault) => {
      const verdict = await verdicts.get(fault)?.catch(() => undefined);
      const { firstRed } = verdict ?? {};
      return [fault.name, `src/${fault.file}`, firstRed?.file ?? "nobody", firstRed?.title ?? "it lives"];
    }),
  );
  const table = rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
  const killed = rows.filter(([, , file]) => file !== "nobody").length;
  mkdirSync(join(ROOT, "docs", "results"), { recursive: true });
  writeFileSync(
    join(ROOT, "docs", "results", "faults.md"),
    [
      "# Planted defects, and the tests that find them",
      "",
      "Written by `npm run faults`. Each defect of `test/faults/faults.ts` is planted in a copy of the project, alone, and",
      "the tests named with it are run: one of them has to fail. Without a defect all of them pass.",
      "",
      `Commit: ${commit()}. Found: ${killed} of ${rows.length}.`,
      "",
      "| defect | in | found by | first test that fails |",
      "|---|---|---|---|",
      ...table,
      "",
    ].join("\n"),
  );
}
