#!/usr/bin/env node
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { changeLimits } from "../app/change-limits.ts";
import { type ConfigReading, readConfig } from "../config/config.ts";
import { readJsonc } from "../config/jsonc.ts";
import { configFiles, directoriesUp, type Standpoint, userFolder } from "../config/places.ts";
import { type Origin, sayConfigProblem, sayOrigin } from "../config/problem.ts";
import { readText } from "../config/read-text.ts";
import { resolveReferences } from "../config/references.ts";
import { readRunLimits } from "../config/run-limits.ts";
import { duration } from "../core/wording.ts";
import { FlotillaError } from "../errors.ts";
import { openRuns } from "../index.ts";
import { parseClaim } from "../records/claim.ts";
import { sayPath, sayValue, valueAt } from "../records/problem.ts";
import { openStorage } from "../storage/open.ts";
import { systemClock } from "../system/clock.ts";
import { readProcesses } from "../system/process-identity.ts";
import { doctor } from "./doctor.ts";
import { limit } from "./limit.ts";
import { status } from "./status.ts";
import type { ConfigSource, ConfigView, Outcome, Screen, Setting, World } from "./world.ts";

/** The command's door: says what there is, opens what the commands look at, prints what they return. */

interface Command {
  readonly use: string;
  readonly does: string;
  /** How many words may follow its name. */
  readonly words: number;
  start(given: Given): Promise<Outcome>;
}

interface Given {
  readonly words: readonly string[];
  readonly json: boolean;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  doctor: {
    use: "doctor [--json]",
    does: "what is set up here, what is wrong and what to do about it",
    words: 0,
    start: ({ json }) => doctor(openWorld(), screen(), json),
  },
  status: {
    use: "status [run] [--json]",
    does: "the live runs, their members, mail and tasks",
    words: 1,
    start: ({ words: [run], json }) => status(openWorld(), screen(), { run, json }),
  },
  limit: {
    use: "limit [run] key=value... [--json]",
    does: "changes what a live run may use; a run that has come to its limit goes on",
    words: Number.POSITIVE_INFINITY,
    start: ({ words, json }) => limit(openWorld(), screen(), { words, json }),
  },
};

const MISUSED = 2;

const PACKAGE = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
  readonly engines: { readonly node: string; readonly opencode: string };
};

function help(): string {
  const width = Math.max(...Object.values(COMMANDS).map(({ use }) => use.length));
  return [
    "Usage: flotilla <command>",
    "",
    ...Object.values(COMMANDS).map(({ use, does }) => `  ${use.padEnd(width)}  ${does}`),
    "",
    "  -h, --help     this text",
    "  -v, --version  the version of opencode-flotilla",
    "",
    "Commands only read, but for limit. doctor ends with 0 if all is well, 1 with warnings, 2 with errors.",
  ].join("\n");
}

async function run(args: readonly string[]): Promise<Outcome> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: "boolean", short: "h", default: false },
      version: { type: "boolean", short: "v", default: false },
      json: { type: "boolean", default: false },
    },
  });
  if (values.version) return { text: PACKAGE.version, code: 0 };
  const [name, ...words] = positionals;
  if (values.help || (name === undefined && !values.json)) return { text: help(), code: 0 };
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!command) throw misuse(name === undefined ? "no command is given" : `"${name}" is not a command`);
  const [surplus] = words.slice(command.words);
  if (surplus !== undefined) throw misuse(`"${surplus}" is one word too many for ${name}`);
  return command.start({ words, json: values.json });
}

function misuse(message: string, cause?: unknown): FlotillaError {
  const uses = Object.values(COMMANDS).map(({ use }) => `flotilla ${use}`);
  const hint = `There is: ${uses.join("; ")}.`;
  return new FlotillaError({ code: "argument_invalid", message, hint, cause });
}

function openWorld(): World {
  const { env } = process;
  const directory = process.cwd();
  const at: Standpoint = { directory, worktree: workTreeOf(directory), env };
  const now = Date.now();
  return {
    version: PACKAGE.version,
    nodeRange: PACKAGE.engines.node,
    hostRange: PACKAGE.engines.opencode,
    env,
    now,
    age: (since) => duration(since, now),
    sources: sourcesOf(at),
    pluginHomes: pluginHomesOf(at),
    readConfig: (beside) => viewOf(readConfig(at, beside?.options), beside?.place),
    project: at.worktree === sep ? directory : at.worktree,
    openRuns,
    readLimits: readRunLimits,
    async changeLimits(baseDir, runId, limits) {
      const storage = openStorage({ baseDir, liveness: await readProcesses() });
      return changeLimits({ clock: systemClock, ...storage }, runId, limits);
    },
    async readClaim(text) {
      const reading = parseClaim(text);
      if (!reading.ok) return undefined;
      const { pid, takenAt } = reading.value;
      return { pid, takenAt, alive: await (await readProcesses()).isAlive(reading.value) };
    },
  };
}

/** As git has it; `/` outside of git, as the host has it. */
function workTreeOf(directory: string): string {
  const above = directoriesUp({ directory, worktree: "/" });
  return above.find((folder) => existsSync(join(folder, ".git"))) ?? sep;
}

function sourcesOf(at: Standpoint): readonly ConfigSource[] {
  const content = at.env["OPENCODE_CONFIG_CONTENT"];
  return [
    ...configFiles(at).flatMap((path) => {
      const reading = readText(path);
      return reading.kind === "text" ? [sourceOf(at, path, dirname(path), reading.text)] : [];
    }),
    ...(content ? [sourceOf(at, "OPENCODE_CONFIG_CONTENT", at.directory, content)] : []),
  ];
}

function sourceOf({ env }: Standpoint, source: string, folder: string, content: string): ConfigSource {
  const text = readJsonc(content);
  const path = ["plugin"];
  return {
    source,
    folder,
    plugin: resolveReferences(valueAt(text.value, path), { path, folder, env }).value,
    placeOf: (index) => sayOrigin({ source, position: text.valueAt([...path, index]) }),
  };
}

function pluginHomesOf(at: Standpoint): readonly string[] {
  const named = at.env["OPENCODE_CONFIG_DIR"];
  const own = [userFolder(at.env), ...(named ? [resolve(named)] : [])];
  const folders = new Set(configFiles(at).map((path) => dirname(path)));
  return [...folders].filter((folder) => basename(folder) === ".opencode" || own.includes(folder));
}

/** @param place of the plugin's entry: its options are known by no place of their own. */
function viewOf(reading: ConfigReading, place: string | undefined): ConfigView {
  const placed = <T extends Origin>(origin: T): T =>
    origin.source === "plugin options" ? { ...origin, source: `plugin options (${place})` } : origin;
  const settings = settingsOf(reading, (origin) => sayOrigin(placed(origin)));
  if ("options" in reading) return { options: reading.options, problems: [], settings };
  return { problems: reading.problems.map((problem) => sayConfigProblem(placed(problem))), settings };
}

/** Where a value could hold a secret, only its place is shown. */
const VEILED = /^telemetry\.(headers|endpoint)/;

function settingsOf(reading: ConfigReading, sayPlace: (origin: Origin) => string): readonly Setting[] {
  const values = new Map<string, unknown>();
  for (const [key, value] of Object.entries("options" in reading ? reading.options : {})) {
    values.set(sayPath([key]), value);
    if (typeof value !== "object" || value === null) continue;
    for (const [entry, inner] of Object.entries(value)) values.set(sayPath([key, entry]), inner);
  }
  return [...reading.origins].map(([key, origin]) => ({
    key,
    ...(values.has(key) && !VEILED.test(key) ? { value: sayValue(values.get(key)) } : {}),
    place: sayPlace(origin),
  }));
}

/** Colour and width only where somebody looks: what is piped is for a program. */
function screen(): Screen {
  const { isTTY, columns } = process.stdout;
  if (!isTTY) return { colour: false };
  return { colour: !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb", width: columns };
}

function fail(fault: unknown): void {
  process.exitCode = MISUSED;
  if (fault instanceof FlotillaError) {
    process.stderr.write(`flotilla: ${fault.message}\n${fault.hint}\n`);
  } else if (String((fault as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS")) {
    fail(misuse((fault as Error).message, fault));
  } else {
    process.stderr.write(`flotilla: ${fault instanceof Error ? fault.stack : String(fault)}\n`);
  }
}

// `flotilla status | head` closes the pipe before all is written; that is no fault.
process.stdout.on("error", (fault: NodeJS.ErrnoException) => {
  if (fault.code !== "EPIPE") fail(fault);
});

try {
  const { text, code } = await run(process.argv.slice(2));
  process.stdout.write(`${text}\n`);
  process.exitCode = code;
} catch (fault) {
  fail(fault);
}
