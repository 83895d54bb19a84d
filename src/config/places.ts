import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";

/** Where a plugin instance, or a person's shell, stands. */
export interface Standpoint {
  /** The working directory. */
  readonly directory: string;
  /** The root of the work tree around it; `/` outside of git, as the host has it. */
  readonly worktree: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Files of one directory, the later one wins: the host merges them in this order. */
const NAMES = ["opencode.json", "opencode.jsonc"];

/**
 * The files that may hold `team_mode`, in the order in which the host merges its own keys from them, later wins. Measured
 * with `opencode debug config` 1.18.33:
 *
 * 1. the user's folder: `config.json`, then `opencode.json`, then `opencode.jsonc`;
 * 2. the file that `OPENCODE_CONFIG` names;
 * 3. `opencode.json`, `opencode.jsonc` of each directory from the work tree's root down to the working directory. Outside
 *    of git the work tree is `/`, so these are all the parents;
 * 4. the same names in the `.opencode` of each of those directories, but from the working directory *up*: the root's
 *    `.opencode` has the last word;
 * 5. `~/.opencode`;
 * 6. the folder that `OPENCODE_CONFIG_DIR` names.
 *
 * `OPENCODE_DISABLE_PROJECT_CONFIG` takes 3 and 4 away. Relative paths in variables start at the process's directory.
 */
export function configFiles(at: Standpoint): readonly string[] {
  const { env } = at;
  const up = isOn(env["OPENCODE_DISABLE_PROJECT_CONFIG"]) ? [] : directoriesUp(at);
  const named = env["OPENCODE_CONFIG"];
  const folder = env["OPENCODE_CONFIG_DIR"];
  const user = userFolder(env);
  const dotFolders = [...up, homeOf(env)].map((directory) => join(directory, ".opencode"));
  return [
    ...new Set([
      join(user, "config.json"),
      ...inFolder(user),
      ...(named ? [resolve(named)] : []),
      ...up.toReversed().flatMap(inFolder),
      ...[...new Set(dotFolders)].flatMap(inFolder),
      ...(folder ? inFolder(resolve(folder)) : []),
    ]),
  ];
}

/** From the working directory up to the work tree's root, both included; to the top if the root is not above it. */
export function directoriesUp({
  directory,
  worktree,
}: Pick<Standpoint, "directory" | "worktree">): readonly string[] {
  const top = resolve(worktree);
  const found: string[] = [];
  for (let at = resolve(directory); ; at = dirname(at)) {
    found.push(at);
    if (at === top || at === dirname(at)) return found;
  }
}

/** The user's own configuration folder, as the host finds it. */
export function userFolder(env: Standpoint["env"]): string {
  return join(env["XDG_CONFIG_HOME"] || join(homeOf(env), ".config"), "opencode");
}

/** Where run data goes if nobody says otherwise. The standard for these variables says that relative ones do not count. */
export function defaultBaseDir(env: Standpoint["env"]): string {
  const share = env["XDG_DATA_HOME"];
  const root = share && isAbsolute(share) ? share : join(homeOf(env), ".local", "share");
  return join(root, "opencode-flotilla");
}

/** A path as a user writes it: `~` is the home directory, relative ones start at `from`. */
export function expandPath(path: string, from: string, env: Standpoint["env"]): string {
  if (path === "~") return homeOf(env);
  if (path.startsWith("~/")) return join(homeOf(env), path.slice(2));
  return resolve(from, path);
}

export function homeOf(env: Standpoint["env"]): string {
  return env["HOME"] || env["USERPROFILE"] || homedir();
}

function inFolder(folder: string): readonly string[] {
  return NAMES.map((name) => join(folder, name));
}

/** The host's own rule for such switches. */
function isOn(value: string | undefined): boolean {
  return value === "1" || value?.toLowerCase() === "true";
}
