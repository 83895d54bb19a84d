import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Scratch, scratch } from "./scratch.ts";

const run = promisify(execFile);

/** The root of this project, wherever the suite is started from. */
export const PROJECT_ROOT: string = fileURLToPath(new URL("../../", import.meta.url)).replace(/\/$/, "");

/** The program itself, not npm's wrapper: so that the pid a test kills is OpenCode's own. */
export const OPENCODE: string = join(PROJECT_ROOT, "node_modules", "opencode-ai", "bin", "opencode.exe");

export type PluginSpec = string | readonly [spec: string, options: unknown];
export type Json = Readonly<Record<string, unknown>>;

export interface GroundOptions {
  /** The `/v1` address of the scripted model. */
  readonly modelUrl: string;
  readonly plugins?: readonly PluginSpec[];
  /** Merged into opencode.json, deeply, over what the bench writes. Keys the host does not know are kept. */
  readonly config?: Json;
  /** Merged into the user's own `~/.config/opencode/opencode.jsonc`. */
  readonly userConfig?: Json;
  /** `false`: the work tree is no git repository. */
  readonly git?: boolean;
  /** The host's file snapshots. Off, because they cost about 0.3 s a turn. */
  readonly snapshot?: boolean;
  /** More files for the work tree, committed with it; keys are relative paths. */
  readonly files?: Readonly<Record<string, string>>;
  /** More variables for every process started here. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Where a host lives: a home and a work tree of its own, under one scratch directory. It outlives the host, so that
 * a second process can be started on it, next to the first or after it was killed.
 */
export interface Ground {
  /** The scratch directory that holds all of it. */
  readonly path: string;
  readonly home: string;
  readonly work: string;
  /** Complete: nothing of the developer's own environment but `PATH`, language and shell. */
  readonly env: Readonly<Record<string, string>>;
  /** The host's log files, oldest first, joined. */
  log(): Promise<string>;
  remove(): Promise<void>;
}

/** A variable every process on a ground inherits, its own children included: how the bench finds them again. */
export const GROUND_VARIABLE = "FLOTILLA_BENCH_GROUND";

export async function prepareGround(options: GroundOptions): Promise<Ground> {
  const folder = await scratch("host");
  try {
    return await furnish(folder, options);
  } catch (failure) {
    await folder.remove();
    throw failure;
  }
}

async function furnish(folder: Scratch, options: GroundOptions): Promise<Ground> {
  const home = folder.at("home");
  const work = folder.at("work");
  const tmp = folder.at("tmp");
  await Promise.all([home, work, tmp].map((path) => mkdir(path, { recursive: true })));
  const env = { ...environment({ home, work, tmp }), [GROUND_VARIABLE]: folder.path, ...options.env };
  await Promise.all([
    writeTree(home, {
      ".gitconfig":
        "[user]\n  name = Bench\n  email = bench@example.invalid\n[init]\n  defaultBranch = main\n",
      ".config/opencode/opencode.jsonc": JSON.stringify(options.userConfig ?? {}, undefined, 2),
      "models.json": "{}",
      // Whatever still asks npm for something finds out at once that there is no internet here.
      ".npmrc": "registry=http://127.0.0.1:9/\nfetch-retries=0\naudit=false\nfund=false\n",
    }),
    writeTree(work, {
      "README.md": "# A small project\n",
      "opencode.json": JSON.stringify(projectConfig(options), undefined, 2),
      ...options.files,
    }),
  ]);
  const dotOpencode = Object.keys(options.files ?? {}).some((path) => path.startsWith(".opencode/"));
  await Promise.all([
    seedDependencies(join(home, ".config", "opencode")),
    ...(dotOpencode ? [seedDependencies(join(work, ".opencode"))] : []),
  ]);
  if (options.git !== false) await commitEverything(work, env);
  return { path: folder.path, home, work, env, log: () => readLogs(home), remove: folder.remove };
}

/**
 * The start of a host, made short. Measured on two cores, from spawn to the first answered turn:
 *
 * - `OPENCODE_MODELS_PATH` names an empty catalogue. Without it the first turn of a process spends over a second on
 *   the catalogue inside the binary (1.6 s instead of 0.5 s). The mock provider is declared in opencode.json.
 * - `OPENCODE_DISABLE_MODELS_FETCH`, `…_AUTOUPDATE`, `…_LSP_DOWNLOAD`: nothing is asked of the internet.
 * - The other switches of the host (default plugins, file watcher, skills) gave nothing, so the host keeps them.
 */
function environment(at: {
  readonly home: string;
  readonly work: string;
  readonly tmp: string;
}): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    LANG: process.env["LANG"] ?? "C.UTF-8",
    SHELL: "/bin/bash",
    HOME: at.home,
    // `opencode run` takes its directory from here, not from the working directory.
    PWD: at.work,
    TMPDIR: at.tmp,
    GIT_CONFIG_NOSYSTEM: "1",
    OPENCODE_MODELS_PATH: join(at.home, "models.json"),
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
  };
}

/**
 * Spares a host the installation of `@opencode-ai/plugin` into a configuration directory.
 *
 * With a plugin configured, a start waits until npm has put that package there: 14 s on a fresh home, 71 s without
 * internet. The host skips it when `node_modules` exists and the root entry of `package-lock.json` names the package
 * (read in the binary: `Npm.install`, "checkNodeModules" and "checkDirty"). So a lock file and a link to the copy in
 * this project replace the installation; nothing is downloaded, and what the host would have installed is there.
 */
async function seedDependencies(configDirectory: string): Promise<void> {
  const source = join(PROJECT_ROOT, "node_modules", "@opencode-ai", "plugin");
  const { version } = JSON.parse(await readFile(join(source, "package.json"), "utf8")) as { version: string };
  const dependencies = { "@opencode-ai/plugin": version };
  await writeTree(configDirectory, {
    "package.json": JSON.stringify({ dependencies }),
    "package-lock.json": JSON.stringify({ lockfileVersion: 3, packages: { "": { dependencies } } }),
    // Without this file the host writes one that ignores all of the above; committed, it reaches a worktree too.
    ".gitignore": "# nothing\n",
  });
  const scope = join(configDirectory, "node_modules", "@opencode-ai");
  await mkdir(scope, { recursive: true });
  await symlink(source, join(scope, "plugin"));
}

/** The provider every test talks to; its two models differ only in name, so that a pinned model can be told apart. */
function projectConfig(options: GroundOptions): Json {
  const model = {
    tool_call: true,
    limit: { context: 200_000, output: 8_192 },
    cost: { input: 1, output: 2, cache_read: 0.1, cache_write: 0 },
    variants: { high: { reasoningEffort: "high" }, low: { reasoningEffort: "low" } },
  };
  const base: Json = {
    // The host adds this line by itself when it is missing, and the work tree would no longer be clean.
    $schema: "https://opencode.ai/config.json",
    model: "mock/m",
    small_model: "mock/m",
    autoupdate: false,
    share: "disabled",
    snapshot: options.snapshot ?? false,
    provider: {
      mock: {
        npm: "@ai-sdk/openai-compatible",
        options: { baseURL: options.modelUrl, apiKey: "k" },
        models: { m: { name: "M", ...model }, n: { name: "N", ...model } },
      },
    },
    ...(options.plugins === undefined ? {} : { plugin: options.plugins }),
  };
  return merged(base, options.config ?? {});
}

/** `over` wins, objects are merged key by key, lists are replaced. */
function merged(base: Json, over: Json): Json {
  const result: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isObject(below) && isObject(value) ? merged(below, value) : value;
  }
  return result;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function writeTree(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  await Promise.all(
    Object.entries(files).map(async ([path, content]) => {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await writeFile(join(root, path), content);
    }),
  );
}

async function commitEverything(work: string, env: Readonly<Record<string, string>>): Promise<void> {
  for (const args of [
    ["init", "--quiet"],
    ["add", "--all"],
    ["commit", "--quiet", "--message", "Start"],
  ]) {
    await run("git", args, { cwd: work, env });
  }
}

async function readLogs(home: string): Promise<string> {
  const folder = join(home, ".local", "share", "opencode", "log");
  const names = (await readdir(folder).catch(noneYet)).toSorted();
  return (await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")))).join("");
}

/** A host that never ran has no log folder. */
function noneYet(failure: unknown): string[] {
  if (failure instanceof Error && "code" in failure && failure.code === "ENOENT") return [];
  throw failure;
}
