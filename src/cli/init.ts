import {
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, sep } from "node:path";
import { FlotillaError } from "../errors.ts";
import { agreed, YES_OPTION } from "./agree.ts";
import { type Command, command } from "./command.ts";
import { editConfig, type Lack } from "./edit-config.ts";
import { orNothing, textOf } from "./files.ts";
import { lineDiff } from "./line-diff.ts";
import { type Paint, paint } from "./paint.ts";
import { pluginEntries } from "./plugin-entries.ts";
import { readSetup } from "./setup.ts";
import { plain } from "./table.ts";
import type { Screen, World } from "./world.ts";

/** Switches flotilla on, in the configuration file of the host where a person would have written it. */
export const init: Command = command({
  name: "init",
  does: "switches flotilla on in opencode.jsonc",
  about: [
    "Adds the plugin and team_mode to the project's opencode.jsonc or opencode.json, or to the one in ~/.config/opencode. Comments, order and formatting stay as they are; what is there already is left alone. A file that does not exist is made.",
    "It shows what it will change and asks first.",
  ],
  words: [],
  options: {
    global: { short: "g", does: "for all projects, in ~/.config/opencode" },
    ...YES_OPTION,
  },
  examples: [
    { line: "flotilla init", does: "for this project" },
    { line: "flotilla init --global --yes", does: "for all of yours, without a question" },
  ],
  exitCodes: {
    0: "flotilla is on, now or already",
    1: "nothing was changed, or something else still switches it off",
    2: "the configuration is broken; standard error says where",
  },
  async start(world, { options, screen, terminal }) {
    checkWhole(world);
    const path = options.global ? globalFile(world) : projectFile(world);
    const before = readWhole(world, path);
    const lack = options.global ? lackingIn(world, before) : lackingHere(world);
    if (!lack.plugin && !lack.teamMode)
      return { text: `Nothing to do: ${sayOn(world, options.global)}`, code: 0 };
    const after = edited(world, path, before ?? "", lack);
    terminal.print(`${sayDiff(path, before, after, screen)}\n`);
    if (!(await agreed(terminal, options, `${before === undefined ? "Make" : "Change"} ${path}?`))) {
      return { code: 1 };
    }
    if (readWhole(world, path) !== before) throw changedMeanwhile(path);
    replace(path, after);
    const { config } = readSetup(world);
    if (config.options?.enabled === true) {
      return { text: `Wrote ${path}.\nRestart OpenCode; flotilla doctor shows what holds.`, code: 0 };
    }
    const { place } = config.settings.find(({ key }) => key === "enabled") ?? {};
    return { text: `Wrote ${path}, but team_mode is still off: see ${place ?? "flotilla doctor"}.`, code: 1 };
  },
});

/** Nobody can say what is on while something of ours is wrong. */
function checkWhole(world: World): void {
  const { problems } = readSetup(world).config;
  if (problems.length === 0) return;
  throw new FlotillaError({
    code: "config_invalid",
    message: `the configuration cannot be used as it is:\n${problems.join("\n")}`,
    hint: "Correct it, then call again. Nothing was written.",
  });
}

/** The one that switches it off, else the one that the host reads last, else a new one. */
function projectFile({ project, readConfig, sources }: World): string {
  const inProject = sources.map(({ source }) => source).filter((path) => path.startsWith(`${project}${sep}`));
  const place = readConfig().settings.find(({ key }) => key === "enabled")?.place;
  const origin = inProject.find((path) => place?.startsWith(`${path}:`));
  return origin ?? firstOf([project, join(project, ".opencode")]) ?? join(project, "opencode.jsonc");
}

function globalFile({ userFolder }: World): string {
  const named = [...NAMES, "config.json"].map((name) => join(userFolder, name));
  return named.find((path) => existsSync(path)) ?? join(userFolder, "opencode.jsonc");
}

/** In a folder that has both the host reads opencode.jsonc last. */
const NAMES = ["opencode.jsonc", "opencode.json"];

function firstOf(folders: readonly string[]): string | undefined {
  return folders
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** undefined: there is no such file. */
function readWhole({ readJsonc }: World, path: string): string | undefined {
  const text = textOf(path);
  if (text === undefined) {
    // A link that leads nowhere is there, and is not ours to replace.
    if (!orNothing(() => lstatSync(path))) return undefined;
    throw broken(path, "it cannot be read");
  }
  const [fault] = text.trim() === "" ? [] : readJsonc(text).faults;
  if (fault) throw broken(`${path}:${fault.at.line}:${fault.at.column}`, fault.message);
  return text;
}

function broken(place: string, fault: string): FlotillaError {
  return new FlotillaError({
    code: "config_invalid",
    message: `${place}: ${fault}`,
    hint: "Correct it, then call again. Nothing was written.",
  });
}

/** All that holds here counts, wherever it stands. */
function lackingHere(world: World): Lack {
  const { entries, config } = readSetup(world);
  return { plugin: entries.length === 0, teamMode: config.options?.enabled !== true };
}

/** Only the user's own folder holds for all projects. */
function lackingIn(world: World, text: string | undefined): Lack {
  const { sources, pluginHomes, userFolder } = world;
  const own = {
    ...world,
    sources: sources.filter(({ folder }) => folder === userFolder),
    pluginHomes: pluginHomes.filter((home) => home === userFolder),
  };
  const { team_mode: section } = (text === undefined ? {} : (world.readJsonc(text).value ?? {})) as {
    readonly team_mode?: { readonly enabled?: unknown };
  };
  return { plugin: pluginEntries(own).length === 0, teamMode: section?.enabled !== true };
}

function edited({ readJsonc }: World, path: string, before: string, lack: Lack): string {
  const result = editConfig(before, lack);
  if (result.kind === "edited") return result.text;
  const { line, column } = readJsonc(before).positionOf(result.offset);
  throw broken(`${path}:${line}:${column}`, result.fault);
}

const MARKS: Readonly<Record<" " | "-" | "+", Paint>> = { " ": "dim", "-": "red", "+": "green" };

function sayDiff(path: string, before: string | undefined, after: string, screen: Screen): string {
  const lines = lineDiff(before ?? "", after);
  return [
    paint(screen, "bold", `${path}${before === undefined ? "  (new)" : ""}`),
    ...lines.map(({ mark, text }) => paint(screen, MARKS[mark], `${mark} ${plain(text)}`.trimEnd())),
  ].join("\n");
}

function sayOn(world: World, isGlobal: boolean): string {
  if (isGlobal) return `${world.userFolder} loads the plugin and switches team_mode on.`;
  const { entries, config } = readSetup(world);
  const { place } = config.settings.find(({ key }) => key === "enabled") ?? {};
  return `the plugin is loaded (${entries.at(-1)?.place}) and team_mode is on (${place}).`;
}

function changedMeanwhile(path: string): FlotillaError {
  return new FlotillaError({
    code: "config_invalid",
    message: `${path} was changed while you were asked`,
    hint: "Call again to see what is to be done now. Nothing was written.",
  });
}

/** Under a temporary name first, so that it is never half written; a link stays one, and so do its modes. */
function replace(path: string, text: string): void {
  let temp: string | undefined;
  try {
    mkdirSync(dirname(path), { recursive: true });
    const file = existsSync(path) ? realpathSync(path) : path;
    const mode = existsSync(file) ? statSync(file).mode & 0o777 : 0o644;
    temp = `${file}.flotilla-${process.pid}`;
    writeFileSync(temp, text, { mode });
    renameSync(temp, file);
  } catch (cause) {
    if (temp !== undefined) rmSync(temp, { force: true });
    throw notWritten(path, cause);
  }
}

function notWritten(path: string, cause: unknown): FlotillaError {
  return new FlotillaError({
    code: "storage_failed",
    message: `${path} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: "Nothing was changed. Make it writable, or put in by hand what is shown above.",
    cause,
  });
}
