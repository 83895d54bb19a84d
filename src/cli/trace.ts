import { GEN_AI, TEAM } from "../core/trace/conventions.ts";
import type { Span } from "../core/trace/span.ts";
import { type Branch, treeOf } from "../core/trace/tree.ts";
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
    const spans = world.spansOf(runId, journal);
    if (options.json) return { text: JSON.stringify(spans, null, 2), code: 0 };
    const depth = options.depth === undefined ? Number.POSITIVE_INFINITY : Number(options.depth);
    const lines = treeOf(spans).flatMap((branch) => drawn(branch, screen, depth, "", ""));
    return { text: lines.length === 0 ? "Nothing has happened in this run yet." : lines.join("\n"), code: 0 };
  },
});

function drawn(
  { span, below }: Branch,
  screen: Screen,
  depth: number,
  before: string,
  after: string,
): readonly string[] {
  const line = `${before}${said(span, screen)}`;
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

function said(span: Span, screen: Screen): string {
  const { attributes, error, open } = span;
  const turn = attributes[TEAM.activation];
  const name = `${plain(span.name)}${turn === undefined ? "" : ` #${turn}`}`;
  const parts = [
    open ? "goes on" : length(span.endedAt - span.startedAt),
    ...tokens(attributes),
    ...waited(attributes[TEAM.approvalWaitMs]),
  ];
  const line = `${paint(screen, "bold", name)}  ${parts.join(", ")}`;
  return error === undefined ? line : `${line}  ${paint(screen, "red", plain(error))}`;
}

function tokens(attributes: Span["attributes"]): readonly string[] {
  const input = attributes[GEN_AI.inputTokens] ?? attributes[TEAM.inputTokens];
  const output = attributes[GEN_AI.outputTokens] ?? attributes[TEAM.outputTokens];
  const cost = attributes[TEAM.cost];
  return [
    ...(typeof input === "number" && typeof output === "number" && input + output > 0
      ? [`${input.toLocaleString("en-US")} + ${output.toLocaleString("en-US")} tokens`]
      : []),
    ...(typeof cost === "number" ? [`cost ${Number(cost.toFixed(4))}`] : []),
  ];
}

function waited(ms: Span["attributes"][string] | undefined): readonly string[] {
  return typeof ms === "number" ? [`${length(ms)} for an approval`] : [];
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
