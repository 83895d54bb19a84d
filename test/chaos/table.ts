import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "../support/host-ground.ts";
import type { Account } from "./ledger.ts";
import { type CrashPoint, POINTS } from "./points.ts";

/** What was found after all kills of one row. */
export interface Row {
  readonly kills: number;
  readonly accounts: readonly Account[];
}

export interface RandomRun extends Row {
  readonly seed: number;
}

const PAGE: string = join(PROJECT_ROOT, "docs", "delivery.md");
const BEGIN = "<!-- Written by npm run chaos. -->";
const END = "<!-- The end of what npm run chaos writes. -->";

const FAILINGS = ["lost", "doubled", "disordered", "reserved", "stuck"] as const;
const HEAD = [
  "killed at",
  "what is so then",
  "kills",
  "lost",
  "doubled",
  "out of order",
  "left reserved",
  "needed a person",
];

/** Puts what was found in the place of what was found last. */
export function writeTable(rows: ReadonlyMap<CrashPoint, Row>, random: RandomRun): void {
  const page = readFileSync(PAGE, "utf8");
  const [before = ""] = page.split(BEGIN);
  const after = page.split(END)[1] ?? "";
  writeFileSync(PAGE, `${before}${BEGIN}\n${tableOf(rows, random)}\n${END}${after}`);
}

/** The rows of the table on the page, as cells. */
export function publishedRows(): readonly (readonly string[])[] {
  const table = readFileSync(PAGE, "utf8").split(BEGIN)[1]?.split(END)[0] ?? "";
  const lines = table.split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function tableOf(rows: ReadonlyMap<CrashPoint, Row>, random: RandomRun): string {
  const messages = Math.max(...random.accounts.map((account) => account.messages));
  const named = POINTS.map((point) => [
    `${point.stage}: ${point.name}`,
    point.meaning,
    ...figures(rows.get(point) ?? { kills: 0, accounts: [] }),
  ]);
  const last = [
    "random times",
    `five busy members and their lead, ${messages} messages; seed ${random.seed}`,
    ...figures(random),
  ];
  return [HEAD, HEAD.map(() => "---"), ...named, last].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function figures({ kills, accounts }: Row): readonly string[] {
  return [
    kills,
    ...FAILINGS.map((failing) => accounts.reduce((sum, account) => sum + account[failing].length, 0)),
  ].map(String);
}
