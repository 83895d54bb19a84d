import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { configFiles } from "../../src/config/places.ts";
import { OPENCODE } from "../support/host-ground.ts";
import { type Scratch, scratch } from "../support/scratch.ts";

// A start of the host takes four seconds on two free cores.
const HOST_TIMEOUT_MS = 60_000;

/**
 * The order in which OpenCode itself merges configuration files: it joins the lists of `instructions` of all of them. Of
 * the user's folder it keeps only the last list, so there is one file in it here.
 */
function hostOrder(folder: Scratch, directory: string, env: Record<string, string>): unknown {
  const files = [
    "home/.config/opencode/opencode.json",
    "custom.json",
    ...["work", "work/a", "work/a/b"].flatMap((at) => [
      `${at}/opencode.json`,
      `${at}/opencode.jsonc`,
      `${at}/.opencode/opencode.json`,
      `${at}/.opencode/opencode.jsonc`,
    ]),
    "home/.opencode/opencode.json",
    "folder/opencode.json",
    "folder/opencode.jsonc",
  ].map((path) => folder.at(path));
  for (const file of files) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify({ $schema: "https://opencode.ai/config.json", instructions: [file] }));
  }
  writeFileSync(folder.at("models.json"), "{}");
  // The host fetches a package into each of these folders beside its work; here it finds out at once that it cannot.
  writeFileSync(folder.at("home/.npmrc"), "registry=http://127.0.0.1:9/\nfetch-retries=0\n");
  const run = spawnSync(OPENCODE, ["debug", "config"], {
    cwd: directory,
    encoding: "utf8",
    timeout: HOST_TIMEOUT_MS,
    env: {
      ...env,
      PATH: process.env["PATH"] ?? "",
      PWD: directory,
      OPENCODE_MODELS_PATH: folder.at("models.json"),
      OPENCODE_DISABLE_MODELS_FETCH: "1",
      OPENCODE_DISABLE_AUTOUPDATE: "1",
    },
  });
  return (JSON.parse(run.stdout) as { instructions?: unknown }).instructions;
}

test.each([
  { git: true, worktree: "work" },
  { git: false, worktree: "/" },
])(
  "files are read in the order in which OpenCode merges them: %p",
  async ({ git, worktree }) => {
    await using folder = await scratch("order");
    const directory = folder.at("work/a/b");
    mkdirSync(directory, { recursive: true });
    if (git) spawnSync("git", ["init", "--quiet"], { cwd: folder.at("work") });
    const env = {
      HOME: folder.at("home"),
      OPENCODE_CONFIG: folder.at("custom.json"),
      OPENCODE_CONFIG_DIR: folder.at("folder"),
    };
    const host = hostOrder(folder, directory, env);
    const place = { directory, worktree: worktree === "/" ? "/" : folder.at(worktree) };
    const ours = configFiles({ ...place, env }).filter((path) => existsSync(path));
    expect(ours).toEqual(host as string[]);
  },
  HOST_TIMEOUT_MS,
);
