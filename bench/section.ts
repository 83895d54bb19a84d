import { type Interval, interval, median, p95 } from "./statistics.ts";

/** One measurement's part of the README. */
export interface Section {
  readonly title: string;
  /** What exactly is compared, from which moment to which. */
  readonly method: string;
  readonly header: readonly string[];
  readonly lines: readonly (readonly string[])[];
  /** What the table does not say and this run found. */
  readonly notes: readonly string[];
}

/** What the project wants a comparison to show; `undefined` where a number is only reported. */
export type Aim = { readonly atMostMore: number } | { readonly atMostRatio: number };

export interface Comparison {
  readonly what: string;
  readonly unit: "ms" | "MB";
  readonly bare: readonly number[];
  readonly ours: readonly number[];
  readonly aim?: Aim;
}

export const COMPARISON_HEADER: readonly string[] = [
  "",
  "n",
  "bare: median (p95)",
  "with flotilla: median (p95)",
  "difference (95 %)",
  "ratio (95 %)",
  "aim",
];

export function comparisonLine({ what, unit, bare, ours, aim }: Comparison): readonly string[] {
  const difference = median(ours) - median(bare);
  const ratio = median(ours) / median(bare);
  const ratios = interval(ours, bare, (one, other) => one / other);
  const differences = interval(ours, bare, (one, other) => one - other);
  return [
    what,
    bare.length === ours.length ? String(ours.length) : `${bare.length} and ${ours.length}`,
    `${number(median(bare))} ${unit} (${number(p95(bare))})`,
    `${number(median(ours))} ${unit} (${number(p95(ours))})`,
    `${signed(difference)} ${unit} (${signed(differences.low)} to ${signed(differences.high)})`,
    `${ratio.toFixed(3)} (${ratios.low.toFixed(3)} to ${ratios.high.toFixed(3)})`,
    aim === undefined ? "" : aimCell(aim),
  ];

  function aimCell(wanted: Aim): string {
    return "atMostMore" in wanted
      ? `at most +${wanted.atMostMore} ${unit}: ${verdict(wanted.atMostMore, difference, differences)}`
      : `at most ${wanted.atMostRatio}: ${verdict(wanted.atMostRatio, ratio, ratios)}`;
  }
}

/** A number whose interval reaches across the aim is not told apart from one on the other side of it. */
function verdict(limit: number, found: number, { low, high }: Interval): string {
  if (found <= limit) return high <= limit ? "met" : "met, within chance";
  return low <= limit ? "beyond, within chance" : "**missed**";
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${number(Math.abs(value))}`;
}

/** Three digits are more than the samples carry. */
export function number(value: number): string {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toFixed(Math.abs(value) >= 10 ? 1 : 2);
}
