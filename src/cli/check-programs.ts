import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { orNothing, textOf } from "./files.ts";
import { error, type Finding, fine, warning } from "./finding.ts";
import type { Setup } from "./setup.ts";
import { isWithin } from "./versions.ts";
import type { World } from "./world.ts";

/** The runtime, the host, and the programs that some features need. None is started. */
export function checkPrograms(world: World, { config }: Setup): readonly Finding[] {
  const { env } = world;
  return [
    checkRuntime(world),
    checkHost(world),
    checkProgram(env, "git", true, "members with a worktree of their own"),
    checkProgram(env, "tmux", config.options?.tmux_visualization === true, "panes (tmux_visualization)"),
  ];
}

function checkRuntime({ nodeRange }: World): Finding {
  const { bun, node } = process.versions;
  if (bun !== undefined) return fine("programs", `Bun ${bun} runs this command`);
  if (isWithin(node, nodeRange)) return fine("programs", `Node ${node} runs this command`);
  return warning("programs", `Node ${node} is older than ${nodeRange}`, "Run flotilla under a newer Node.");
}

/**
 * The version is read from the package that the program belongs to. `opencode --version` would say it for every way of
 * installing, but creates the host's folders in the home directory (measured with 1.18.33), and this command creates
 * nothing.
 */
function checkHost({ env, hostRange }: World): Finding {
  const path = find(env, "opencode");
  if (path === undefined) {
    const todo = `Install OpenCode ${hostRange}, or add its folder to PATH.`;
    return warning("programs", "opencode is not on PATH", todo);
  }
  const version = packageVersion(realpathSync(path));
  if (version === undefined) {
    const text = `opencode is ${path}; which version, only starting it would tell (opencode --version)`;
    return fine("programs", `${text}. Supported: ${hostRange}`);
  }
  if (isWithin(version, hostRange)) return fine("programs", `OpenCode ${version} (${path})`);
  const todo = `Install a version of OpenCode in the range ${hostRange}.`;
  return error("programs", `OpenCode ${version} (${path}) is not supported`, todo);
}

/** npm and its like install the program as `bin/opencode…` of the package `opencode-ai`. */
function packageVersion(program: string): string | undefined {
  const text = textOf(join(dirname(dirname(program)), "package.json"));
  if (text === undefined || !/"name"\s*:\s*"opencode/.test(text)) return undefined;
  return /"version"\s*:\s*"([^"]+)"/.exec(text)?.[1];
}

function checkProgram(env: World["env"], name: string, needed: boolean, purpose: string): Finding {
  const path = find(env, name);
  if (path !== undefined) return fine("programs", `${name} (${path})`);
  const text = `${name} is not on PATH: it is needed for ${purpose}`;
  return needed ? warning("programs", text, `Install ${name}, or do without.`) : fine("programs", text);
}

function find(env: World["env"], name: string): string | undefined {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const names = process.platform === "win32" ? [`${name}.exe`, `${name}.cmd`] : [name];
  return folders.flatMap((folder) => names.map((file) => join(folder, file))).find(isProgram);
}

function isProgram(path: string): boolean {
  return (
    orNothing(() => {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    }) ?? false
  );
}
