import { type TraceRow, traceRows } from "../app/read-trace.ts";
import { type Command, command, JSON_OPTION, RUN_WORD } from "./command.ts";
import { anyRun, baseDirOf } from "./live-runs.ts";
import { paint } from "./paint.ts";
import { plain } from "./table.ts";
import type { Screen } from "./world.ts";

/** The run as one tree, from its journal alone: no collector is needed, and none is asked. */
export const trace: Command = command({
  name: "trace",
  does: "who did what when in a run, as a tree with times, tokens and cost",
  about: [
    "Shows a run as the spans that telemetry would export: the run, below it each turn of a participant, below that model calls and tools. It reads the run's journal, so it works without any collector, also for a run that is over.",
    "What is still going on has no end yet and is marked.",
  ],
  words: [RUN_WORD],
  options: {
    depth: { value: "N", does: "only so many levels: 1 is the run, 2 its turns" },
    ...JSON_OPTION,
  },
  examples: [
    { line: "flotilla trace", does: "the run that is led from here, or the last one that was" },
    { line: "flotilla trace nightly --depth 2", does: "its turns" },
  ],
  async start(world, { words: [wanted], options, screen }) {
    const baseDir = baseDirOf(world);
    const runId = await anyRun(world, baseDir, wanted);
    const { journal } = await world.openRuns(baseDir).readHistory(runId);
    const rows = traceRows(journal, world.traced(runId));
    if (options.json) return { text: JSON.stringify(rows.flatMap(spansIn), null, 2), code: 0 };
    const depth = options.depth === undefined ? Number.POSITIVE_INFINITY : Number(options.depth);
    const lines = rows.flatMap((row) => drawn(row, screen, depth, "", ""));
    return { text: lines.length === 0 ? "Nothing has happened in this run yet." : lines.join("\n"), code: 0 };
  },
});

/** In the order of the tree. */
function spansIn({ span, below }: TraceRow): readonly TraceRow["span"][] {
  return [span, ...below.flatMap(spansIn)];
}

function drawn(
  row: TraceRow,
  screen: Screen,
  depth: number,
  before: string,
  after: string,
): readonly string[] {
  const { below } = row;
  const line = `${before}${said(row, screen)}`;
  if (depth <= 1) return [line];
  const last = below.length - 1;
  return [
    line,
    ...below.flatMap((branch, at) =>
      drawn(
        branch,
        screen,
        depth - 1,
        `${after}${at === last ? "└ " : "├ "}`,
        `${after}${at === last ? "  " : "│ "}`,
      ),
    ),
  ];
}

function said(
  { span, turn, inputTokens = 0, outputTokens = 0, cost, waitedMs }: TraceRow,
  screen: Screen,
): string {
  const { error, open } = span;
  const name = `${plain(span.name)}${turn === undefined ? "" : ` #${turn}`}`;
  const tokens = [inputTokens, outputTokens].map((count) => count.toLocaleString("en-US")).join(" + ");
  const parts = [
    open ? "goes on" : length(span.endedAt - span.startedAt),
    ...(inputTokens + outputTokens > 0 ? [`${tokens} tokens`] : []),
    ...(cost === undefined ? [] : [`cost ${Number(cost.toFixed(4))}`]),
    ...(waitedMs === undefined ? [] : [`${length(waitedMs)} for an approval`]),
  ];
  const line = `${paint(screen, "bold", name)}  ${parts.join(", ")}`;
  return error === undefined ? line : `${line}  ${paint(screen, "red", plain(error))}`;
}

/** Short times in their own unit: a tool takes milliseconds, a turn minutes. */
function length(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  return seconds < 3_600
    ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
    : `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}
