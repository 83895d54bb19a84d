import { mkdir, realpath, rmdir } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Site, Worktree, WorktreeEnd } from "../core/worktree.ts";
import { FlotillaError } from "../errors.ts";
import type { WorktreeOrder, Worktrees } from "../ports.ts";
import { type Git, gitIn, gitOf, reasonIn, said, saidOrNot } from "./git.ts";
import {
  commitOf,
  type HostTraces,
  inFolder,
  merged,
  takeBackAmendments,
  unmergedHead,
  unmergedOn,
} from "./holdings.ts";
import {
  BEING_MADE,
  type Entry,
  entries,
  gitDirectoryOf,
  isTaken,
  isThere,
  lockOf,
  orAbsent,
} from "./listing.ts";

export interface WorktreesOptions {
  /** Absolute. Worktrees without a path of their own lie in `worktrees/<run>/<member>` below it. */
  readonly baseDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly traces: HostTraces;
}

/** Below the deadline of `team_create`; a checkout of 100,000 files takes about 10 s. */
const MAKE_DEADLINE_MS = 45_000;
const REMOVE_DEADLINE_MS = 30_000;

/** How often a worktree that another process is filling is looked at. */
const LOOK_MS = 100;

/**
 * Real git worktrees. The user's hooks run when one is made (`post-checkout`), as they would by hand; whether it was made
 * is not told by an exit code, which is the hook's, but by what is there afterwards.
 *
 * `git worktree prune` is never used: it acts on all worktrees of the repository, ours or not.
 */
export function openWorktrees({ baseDir, env, traces }: WorktreesOptions): Worktrees {
  const own = join(baseDir, "worktrees");
  const queues = new Map<string, Promise<unknown>>();

  /** One thing at a time at one path: a run may be closed while a worktree of it is being made. */
  function inTurn<T>(path: string, work: () => Promise<T>): Promise<T> {
    const turn = translated((queues.get(path) ?? Promise.resolve()).then(work, work));
    const end = turn
      .catch(() => undefined)
      .finally(() => {
        if (queues.get(path) === end) queues.delete(path);
      });
    queues.set(path, end);
    return turn;
  }

  async function make(worktree: Worktree): Promise<void> {
    const { path, branch } = worktree;
    const repository = gitOf(worktree.repository, env);
    const entry = await entryAt(repository, path);
    if (entry && !(await isOurs(repository, worktree, entry))) {
      throw notOurs(`${path} is a worktree already, on ${entry.branch ?? "no branch"}`, path);
    }
    if (await isTaken(path)) {
      if (entry) return whole(path);
      throw notOurs(`${path} exists already`, path);
    }
    // Its folder is gone: what git has on record of it would be in the way.
    if (entry) await said(repository, ["worktree", "remove", path]);
    await makeBranch(repository, worktree);
    // Closed to others, as all that is ours; what is inside has the modes that git gives.
    if (isWithin(path, await realPath(own))) await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const answer = await repository(["worktree", "add", path, branch], { deadlineMs: MAKE_DEADLINE_MS });
    const made = await entryAt(repository, path);
    if (made?.branch === branch && (await isThere(path))) return whole(path);
    throw new FlotillaError({
      code: "worktree_failed",
      message: `git could not make the worktree ${path} on branch ${branch}: ${reasonIn(answer)}`,
      hint: "The reason is git's own. Mend it, or leave worktree out.",
      details: { path, branch },
    });
  }

  /** Git that was started by a process that is dead now goes on without it. */
  async function whole(path: string): Promise<void> {
    const gitDirectory = await gitDirectoryOf(path);
    for (const until = Date.now() + MAKE_DEADLINE_MS; ; await sleep(LOOK_MS)) {
      if (gitDirectory === undefined || (await lockOf(gitDirectory)) !== BEING_MADE) return;
      if (Date.now() < until) continue;
      throw new FlotillaError({
        code: "worktree_failed",
        message: `git was cut off while it made the worktree ${path}, and nobody goes on with it`,
        hint: `Remove it (git worktree remove --force --force ${quoted(path)}) and add the member again.`,
        details: { path },
      });
    }
  }

  async function makeBranch(repository: Git, worktree: Worktree): Promise<void> {
    const { branch, base, mark } = worktree;
    if ((await commitOf(repository, branch)) !== undefined) {
      if (worktree.made || (await isProven(repository, worktree))) return;
      throw notOurs(`branch ${branch} exists already`, branch);
    }
    // The branch and the proof of who made it in one step, which fails if somebody was faster.
    const ref = `refs/heads/${branch}`;
    const nothing = base.replaceAll(/./g, "0");
    await said(repository, ["update-ref", "--create-reflog", "-m", mark, ref, base, nothing]);
  }

  return {
    plan: (order) => translated(plan(order, own, env)),
    make: (worktree) => inTurn(worktree.path, () => make(worktree)),
    holdings: (worktree, directory) => translated(holdings(worktree, directory, env, traces)),
    remove: (worktree, directory) =>
      inTurn(worktree.path, async () => {
        const end = await remove(worktree, directory, env, traces);
        // The run's own folder, and the one of all runs, when they are empty now.
        const top = await realPath(own);
        if (isWithin(worktree.path, top)) await removeEmpty(dirname(worktree.path), top);
        return end;
      }),
  };
}

type Environment = WorktreesOptions["env"];

async function plan(order: WorktreeOrder, own: string, env: Environment): Promise<Site> {
  const { directory, runId, member } = order;
  const lead = gitIn(directory, env);
  const repository = await repositoryOf(lead, directory);
  const base = await saidOrNot(lead, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  if (base === undefined) {
    throw impossible(`the repository of ${directory} has no commit yet`, "Commit something first");
  }
  const path = await realPath(
    order.path === undefined ? join(own, runId, member) : resolve(directory, atHome(order.path)),
  );
  const known = await entries(lead);
  if (known.some((entry) => entry.path === path) || (await isTaken(path))) {
    throw impossible(`${path} exists already`, "Give a path that does not exist yet, or true");
  }
  const head = await saidOrNot(lead, ["symbolic-ref", "--quiet", "--short", "HEAD"]);
  return {
    repository,
    path,
    branch: await freeBranch(lead, order.branch),
    base,
    ...(head === undefined ? {} : { baseBranch: head }),
    mark: `flotilla: ${runId} ${member}`,
  };
}

async function repositoryOf(lead: Git, directory: string): Promise<string> {
  const answer = await lead(["rev-parse", "--git-common-dir"]);
  if (answer.code === 0) return realpath(resolve(directory, answer.out.replace(/\n$/, "")));
  const reason = reasonIn(answer);
  if (!/^not a git repository/.test(reason)) throw impossible(reason, "Mend that");
  throw impossible(`${directory} is in no git repository`, "Run git init and commit something");
}

/** The name as it is wanted, or with the first number that makes it free. */
async function freeBranch(lead: Git, wanted: string): Promise<string> {
  const [first = wanted] = wanted.split("/");
  const list = await said(lead, ["for-each-ref", "--format=%(refname)", `refs/heads/${first}`]);
  const taken = list.split("\n").map((ref) => ref.replace(/^refs\/heads\//, ""));
  // A ref is a file, or a folder of refs.
  const inTheWay = taken.find((name) => wanted.startsWith(`${name}/`));
  if (inTheWay !== undefined) {
    throw impossible(
      `the branch "${inTheWay}" leaves no room for branches below it, such as "${wanted}"`,
      "Rename that branch, or give the run another label",
    );
  }
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!taken.some((other) => other === name || other.startsWith(`${name}/`))) return name;
  }
}

async function holdings(
  worktree: Worktree,
  directory: string,
  env: Environment,
  traces: HostTraces,
): Promise<readonly string[]> {
  const repository = gitOf(worktree.repository, env);
  const known = await merged(repository, gitIn(directory, env), worktree);
  const onBranch = await unmergedOn(repository, worktree, known);
  const { path } = worktree;
  if (!(await isThere(path)) || !isMade(worktree, await entryAt(repository, path))) return onBranch;
  const gitDirectory = await gitDirectoryOf(path);
  if (gitDirectory === undefined || !isWithin(gitDirectory, worktree.repository)) {
    return [...onBranch, "a folder that is no worktree of the repository any more"];
  }
  const here = gitIn(path, env);
  return [...onBranch, ...(await unmergedHead(here, known)), ...(await inFolder(here, gitDirectory, traces))];
}

async function remove(
  worktree: Worktree,
  directory: string,
  env: Environment,
  traces: HostTraces,
): Promise<WorktreeEnd> {
  const { path, branch, made } = worktree;
  const repository = gitOf(worktree.repository, env);
  // What was never confirmed may be somebody else's by that name, and is left alone.
  if (!made && !(await isProven(repository, worktree))) return { outcome: "removed" };
  const tip = await commitOf(repository, branch);
  const held = await holdings(worktree, directory, env, traces);
  if (held.length > 0) return kept(worktree, held.join("; "));
  const entry = await entryAt(repository, path);
  if (entry && isMade(worktree, entry)) {
    if (await isThere(path)) await takeBackAmendments(gitIn(path, env), traces);
    // Without force, so that git looks for itself once more.
    const answer = await repository(["worktree", "remove", path], { deadlineMs: REMOVE_DEADLINE_MS });
    if (answer.code !== 0) return kept(worktree, `git did not remove it: ${reasonIn(answer)}`);
  }
  const elsewhere = (await entries(repository)).some((one) => one.branch === branch);
  if (tip === undefined || elsewhere) return { outcome: "removed" };
  if (!(await isProven(repository, worktree))) {
    return {
      outcome: "removed",
      reason: `its branch ${branch} stays: git does not say that it is the one we made`,
    };
  }
  // At the very commit that was looked at, or not at all.
  const gone = await repository(["update-ref", "-d", `refs/heads/${branch}`, tip]);
  if (gone.code === 0) return { outcome: "removed" };
  return { outcome: "removed", reason: `its branch ${branch} stays: ${reasonIn(gone)}` };
}

async function entryAt(repository: Git, path: string): Promise<Entry | undefined> {
  return (await entries(repository)).find((entry) => entry.path === path);
}

/** Whether what is at its path was made for it. A branch is checked out in one place only. */
function isMade({ made, branch }: Worktree, entry: Entry | undefined): boolean {
  return made || entry?.branch === branch;
}

/** Of an earlier attempt, or of an earlier generation. */
async function isOurs(repository: Git, worktree: Worktree, { branch }: Entry): Promise<boolean> {
  return worktree.made || (branch === worktree.branch && (await isProven(repository, worktree)));
}

/** The oldest line of the branch's reflog is the one with which it was made. */
async function isProven(repository: Git, { branch, mark }: Site): Promise<boolean> {
  const ref = `refs/heads/${branch}`;
  const log = (await saidOrNot(repository, ["reflog", "show", "--format=%gs", ref, "--"])) ?? "";
  return log.split("\n").at(-1) === mark;
}

function kept({ path, branch }: Worktree, reason: string): WorktreeEnd {
  const wayOut = `git -C ${quoted(path)} status; git merge ${branch}; then git worktree remove ${quoted(path)} && git branch -d ${branch}`;
  return { outcome: "kept", reason, wayOut };
}

/** What the file system refuses is told like what git refuses. */
async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw cause instanceof FlotillaError ? cause : byFileSystem(cause);
  }
}

function byFileSystem(cause: unknown): FlotillaError {
  return new FlotillaError({
    code: "worktree_failed",
    message: cause instanceof Error ? cause.message : String(cause),
    hint: "Mend that, or leave worktree out.",
    cause,
  });
}

function notOurs(what: string, name: string): FlotillaError {
  return new FlotillaError({
    code: "worktree_failed",
    message: `${what}, and was not made for this member`,
    hint: "It is left alone. Add the member again, under another name or with another label.",
    details: { name },
  });
}

function impossible(message: string, todo: string): FlotillaError {
  return new FlotillaError({
    code: "worktree_failed",
    message,
    hint: `${todo}; or leave worktree out: the member then works in the lead's directory.`,
  });
}

/** Git and the host know a directory by its real path, which the part of it that exists already has. */
async function realPath(path: string): Promise<string> {
  const real = await orAbsent(realpath(path));
  const up = dirname(path);
  return real ?? (up === path ? path : join(await realPath(up), basename(path)));
}

async function removeEmpty(folder: string, last: string): Promise<void> {
  try {
    await rmdir(folder);
    if (folder !== last) await removeEmpty(dirname(folder), last);
  } catch {
    // Not empty, or not there: as it should be.
  }
}

function isWithin(path: string, folder: string): boolean {
  return path.startsWith(`${folder}${sep}`);
}

function atHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

/** As a word of a shell's command line. */
function quoted(path: string): string {
  return /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
