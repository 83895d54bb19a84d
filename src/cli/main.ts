#!/usr/bin/env node
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve, sep } from "node:path";
import { answerGate } from "../app/answer-gate.ts";
import { ARCHIVE_KEPT_MS } from "../app/archive-time.ts";
import { changeLimits } from "../app/change-limits.ts";
import { tellParticipants } from "../app/tell-participants.ts";
import type { Books } from "../app/transact.ts";
import { type ConfigReading, readConfig } from "../config/config.ts";
import { readJsonc } from "../config/jsonc.ts";
import { configFiles, directoriesUp, type Standpoint, userFolder } from "../config/places.ts";
import { type Origin, sayConfigProblem, sayOrigin } from "../config/problem.ts";
import { readText } from "../config/read-text.ts";
import { resolveReferences } from "../config/references.ts";
import { readRunLimits } from "../config/run-limits.ts";
import { surveyFromOutside } from "../core/outside-survey.ts";
import { statusLine } from "../core/status-line.ts";
import { type Standing, waitsOf } from "../core/waits.ts";
import { duration } from "../core/wording.ts";
import { FlotillaError } from "../errors.ts";
import { openWorktrees } from "../git/worktrees.ts";
import { openRuns, readSubagents } from "../index.ts";
import { amended, isHostsOwn } from "../opencode/traces.ts";
import { parseClaim } from "../records/claim.ts";
import { parseExportNote } from "../records/export-note.ts";
import { nearest } from "../records/nearest.ts";
import { sayPath, sayValue, valueAt } from "../records/problem.ts";
import { parseTeamStatus } from "../records/status.ts";
import { watchFolder } from "../storage/folder-watch.ts";
import { Leftovers } from "../storage/leftovers.ts";
import { openStorage } from "../storage/open.ts";
import { systemClock } from "../system/clock.ts";
import { systemIds } from "../system/ids.ts";
import { readProcesses } from "../system/process-identity.ts";
import { unsentHeaders } from "../telemetry/load.ts";
import { understand } from "./arguments.ts";
import { COMMANDS } from "./commands.ts";
import { helpOf, overview } from "./help.ts";
import { plainLines } from "./table.ts";
import { openTerminal } from "./terminal.ts";
import type { ConfigSource, ConfigView, Outcome, Runs, RunView, Setting, World } from "./world.ts";

/** The command's door: understands the line, opens what the commands look at, prints what they return. */

const MISUSED = 2;

const PACKAGE = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
  readonly engines: { readonly node: string; readonly opencode: string };
};

async function run(args: readonly string[]): Promise<Outcome> {
  const wanted = understand(args, COMMANDS, nearest);
  const terminal = openTerminal();
  const screen = terminal.screen();
  if (wanted.kind === "version") return { text: PACKAGE.version, code: 0 };
  if (wanted.kind === "help") {
    const text = wanted.of ? helpOf(wanted.of, screen) : overview(COMMANDS, screen);
    return { text, code: 0 };
  }
  const { command, words, options } = wanted;
  return command.start(openWorld(), { words, options, screen, terminal });
}

function openWorld(): World {
  const { env } = process;
  const directory = process.cwd();
  const at: Standpoint = { directory, worktree: workTreeOf(directory), env };
  const opened = new Map<string, Runs>();
  return {
    version: PACKAGE.version,
    nodeRange: PACKAGE.engines.node,
    hostRange: PACKAGE.engines.opencode,
    env,
    get now() {
      return systemClock.now();
    },
    age: (since) => duration(since, systemClock.now()),
    sources: sourcesOf(at),
    pluginHomes: pluginHomesOf(at),
    readConfig: (beside) => viewOf(readConfig(at, beside?.options), beside?.place),
    userFolder: userFolder(env),
    readJsonc,
    project: at.worktree === sep ? directory : at.worktree,
    openRuns(baseDir) {
      const runs = opened.get(baseDir) ?? openRuns(baseDir);
      opened.set(baseDir, runs);
      return runs;
    },
    readExportNote(text) {
      const reading = parseExportNote(text);
      return reading.ok ? reading.value : undefined;
    },
    unsentHeaders: (headers) => unsentHeaders(headers, process.env),
    traced: (runId) => ({ runId, pluginVersion: PACKAGE.version, digest: systemIds.digest }),
    readSubagents,
    surveyOf: ({ state, shown, unread }) => surveyFromOutside(state, shown, unread),
    sayLine: statusLine,
    waitsOf: (view, mail) => waitsOf({ ...view, owner: ownerIn(view), mail }, systemClock.now()),
    watch: watchFolder,
    readLimits: readRunLimits,
    changeLimits: async (baseDir, runId, limits) => changeLimits(await openBooks(baseDir), runId, limits),
    tell: async (baseDir, runId, letter) =>
      tellParticipants(await openBooks(baseDir), runId, { messageId: systemIds.fresh("mail"), ...letter }),
    answerGate: async (baseDir, runId, given) => answerGate(await openBooks(baseDir), runId, given),
    leftovers: (baseDir) => {
      const before = systemClock.now() - ARCHIVE_KEPT_MS;
      const open = async (): Promise<Leftovers> =>
        new Leftovers({ baseDir, liveness: await readProcesses() });
      return {
        list: async () => (await open()).list(before),
        remove: async (leftover) => (await open()).remove(leftover, before),
      };
    },
    worktrees: (baseDir) => openWorktrees({ baseDir, env, traces: { isHostsOwn, amended } }),
    async readClaim(text) {
      const reading = parseClaim(text);
      if (!reading.ok) return undefined;
      const { pid, takenAt } = reading.value;
      return { pid, takenAt, alive: await (await readProcesses()).isAlive(reading.value) };
    },
    async readStatus(text) {
      const reading = parseTeamStatus(text);
      if (!reading.ok) return undefined;
      return { survey: reading.value, alive: await (await readProcesses()).isAlive(reading.value) };
    },
  };
}

async function openBooks(baseDir: string): Promise<Books> {
  return { clock: systemClock, ...openStorage({ baseDir, liveness: await readProcesses() }) };
}

function ownerIn({ owner }: RunView): Standing["owner"] {
  if (!owner) return "none";
  return owner.alive ? "alive" : "dead";
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

function fail(fault: unknown): void {
  process.exitCode = MISUSED;
  process.stderr.write(`flotilla: ${plainLines(sayFault(fault)).join("\n")}\n`);
}

function sayFault(fault: unknown): string {
  if (fault instanceof FlotillaError) return `${fault.message}\n${fault.hint}`;
  if (!(fault instanceof Error)) return String(fault);
  // The system has said no, and says why; anything else is a fault of ours, and whoever reports it has the place.
  return "syscall" in fault ? fault.message : (fault.stack ?? fault.message);
}

// `flotilla status | head` closes the pipe before all is written; that is no fault.
process.stdout.on("error", (fault: NodeJS.ErrnoException) => {
  if (fault.code !== "EPIPE") fail(fault);
});

try {
  const { text, code } = await run(process.argv.slice(2));
  if (text !== undefined) process.stdout.write(`${text}\n`);
  process.exitCode = code;
} catch (fault) {
  fail(fault);
}
