import { execFile } from "node:child_process";
import { access, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Site, Worktree } from "../../src/core/worktree.ts";
import { openWorktrees } from "../../src/git/worktrees.ts";
import { amended, isHostsOwn } from "../../src/opencode/traces.ts";
import type { WorktreeOrder, Worktrees } from "../../src/ports.ts";
import { type Scratch, scratch } from "../support/scratch.ts";

/** A repository with one commit, a base folder beside it, and the adapter on them. */
export interface GitGround extends AsyncDisposable {
  readonly folder: Scratch;
  /** The main checkout, where the lead works. */
  readonly work: string;
  readonly worktrees: Worktrees;
  /** Git as a person uses it; in the main checkout if nothing else is said. */
  git(args: readonly string[], directory?: string): Promise<string>;
  write(path: string, text?: string): Promise<void>;
  /** Plans what a member `ada` of `run_1` asks for. */
  plan(order?: Partial<WorktreeOrder>): Promise<Site>;
  /** Plans and makes it. */
  made(order?: Partial<WorktreeOrder>): Promise<Worktree>;
}

/** @param inherited what else the adapter finds in its environment. */
export async function gitGround(inherited: Readonly<Record<string, string>> = {}): Promise<GitGround> {
  const folder = await scratch("git");
  const work = folder.at("a project");
  const home = folder.at("home");
  const env = { PATH: process.env["PATH"], HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
  const worktrees = openWorktrees({
    baseDir: folder.at("base"),
    env: { ...env, ...inherited },
    traces: { isHostsOwn, amended },
  });
  const git = async (args: readonly string[], directory = work): Promise<string> => {
    const { stdout } = await promisify(execFile)("git", args, { cwd: directory, env });
    return stdout.trim();
  };
  const write = async (path: string, text = "text\n"): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  };
  const plan = (order: Partial<WorktreeOrder> = {}): Promise<Site> =>
    worktrees.plan({ runId: "run_1", member: "ada", directory: work, branch: "team/crew/ada", ...order });
  await write(
    join(home, ".gitconfig"),
    '[user]\n name = A\n email = a@example.invalid\n[init]\n defaultBranch = main\n[protocol "file"]\n allow = always\n',
  );
  await mkdir(work, { recursive: true });
  await git(["init", "--quiet"]);
  await write(join(work, "file.txt"));
  await write(join(work, ".gitignore"), "*.log\nnode_modules/\n");
  await git(["add", "--all"]);
  await git(["commit", "--quiet", "--message", "Start"]);
  return {
    folder,
    work,
    worktrees,
    git,
    write,
    plan,
    async made(order) {
      const site = await plan(order);
      const worktree = { ...site, made: false };
      await worktrees.make(worktree);
      return { ...site, made: true };
    },
    [Symbol.asyncDispose]: folder.remove,
  };
}

export function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
