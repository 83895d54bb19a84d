import type { LimitChange } from "../app/change-limits.ts";
import { FlotillaError } from "../errors.ts";
import { LIMIT_KEYS, type LimitKey, RUN_LIMITS } from "../options.ts";
import { type Command, command, JSON_OPTION, RUN_WORD } from "./command.ts";
import { baseDirOf, readRuns, theRun } from "./live-runs.ts";
import { plain, table } from "./table.ts";
import type { RunView } from "./world.ts";

/**
 * Changes limits of a live run, under the run's lock as everything that changes a run. The process that owns the run sees it
 * within a second and goes by it; without one it holds from the next start on.
 */
export const limit: Command = command({
  name: "limit",
  does: "changes what a live run may use; a run that has come to its limit goes on",
  about: [
    "What a higher limit leaves room for goes on by itself, and the lead is told. A limit below what is used stops nobody in the middle: nothing new begins.",
    `The keys are those of the configuration: ${LIMIT_KEYS.join(", ")}.`,
  ],
  words: [RUN_WORD, { name: "key=value", does: "what a limit is to be", many: true }],
  options: JSON_OPTION,
  examples: [
    { line: "flotilla limit max_messages_per_run=20000", does: "for the only run that is led from here" },
    {
      line: "flotilla limit nightly max_wall_clock_minutes=240 max_cost_per_run=5",
      does: "two limits of the run with that label",
    },
  ],
  async start(world, { words, options, screen: { width } }) {
    const { wanted, settings } = understood(words);
    const reading = world.readLimits(settings);
    if ("problems" in reading) throw misuse(reading.problems.join("\n"));
    const baseDir = baseDirOf(world);
    const view = theRun(world, (await readRuns(world, baseDir)).views, wanted);
    const { state, changes } = await world.changeLimits(baseDir, view.state.runId, reading.limits);
    const rows = changes.map(rowOf);
    if (options.json) {
      const report = { runId: state.runId, team: state.team.name, limits: rows, spent: state.spent };
      return { text: JSON.stringify(report, null, 2), code: 0 };
    }
    const cells = rows.map(({ key, from, to, used }) => [key, from ?? "none", to, used ?? ""].map(String));
    const lines = [
      `${state.team.name}${state.label === undefined ? "" : ` (${state.label})`}  ${state.runId}`,
      ...table(["LIMIT", "WAS", "IS", "USED"], cells, width && width - INDENT.length).map(
        (line) => `${INDENT}${line}`,
      ),
      ...(state.spent.length === 0 ? [] : [`${INDENT}used up: ${state.spent.join(", ")}`]),
      `${INDENT}${sayEffect(view)}`,
    ];
    return { text: lines.map(plain).join("\n"), code: 0 };
  },
});

const INDENT = "  ";

/** Words with `=` are settings; at most one is not, and names the run. */
function understood(words: readonly string[]): {
  readonly wanted: string | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
} {
  const [wanted, surplus] = words.filter((word) => !word.includes("="));
  if (surplus !== undefined) throw misuse(`"${surplus}" is no setting of the form key=value`);
  const pairs = words.filter((word) => word.includes("="));
  if (pairs.length === 0) throw misuse("nothing is said that could be changed");
  return { wanted, settings: Object.fromEntries(pairs.map(pairOf)) };
}

function pairOf(word: string): readonly [key: string, value: number | string] {
  const at = word.indexOf("=");
  const text = word.slice(at + 1).trim();
  const value = text === "" ? Number.NaN : Number(text);
  return [word.slice(0, at), Number.isFinite(value) ? value : text];
}

function misuse(message: string): FlotillaError {
  return new FlotillaError({
    code: "argument_invalid",
    message,
    hint: `Say what is to be, as in \`flotilla limit max_messages_per_run=20000\`. Keys: ${LIMIT_KEYS.join(", ")}.`,
  });
}

interface Row {
  readonly key: LimitKey;
  readonly from?: number;
  readonly to: number;
  readonly used?: number;
}

/** In the units of the configuration. */
function rowOf({ limit, from, to, used }: LimitChange): Row {
  const key = LIMIT_KEYS.find((one) => RUN_LIMITS[one].limit === limit) as LimitKey;
  const { unit } = RUN_LIMITS[key];
  return {
    key,
    ...(from === undefined ? {} : { from: from / unit }),
    to: to / unit,
    // Whole units of what is counted in other ones, and no sum of many small costs with sixteen digits.
    ...(used === undefined ? {} : { used: unit === 1 ? Number(used.toFixed(4)) : Math.floor(used / unit) }),
  };
}

function sayEffect({ owner, state }: RunView): string {
  return owner?.alive
    ? `process ${owner.pid} goes by it from now on`
    : `nobody moves the run now; it goes by this when OpenCode is started in ${state.lead.directory}`;
}
