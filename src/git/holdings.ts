import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Worktree } from "../core/worktree.ts";
import { type Git, said, saidOrNot } from "./git.ts";
import { isThere, lockOf } from "./listing.ts";

/**
 * What a worktree holds that would be lost with it. Stricter than git, which removes ignored files without a word and
 * looks at neither the commits nor what is half done.
 */

/** Changes that are nobody's work: the host writes into the directories in which it has an instance. */
export interface HostTraces {
  /** Whether an ignored file, or a folder with `/` at its end, is the host's own. */
  isHostsOwn(path: string): boolean;
  /** What the host makes of a project's file with that text, if it touches it. */
  amended(path: string, text: string): string | undefined;
}

/** Git's note of something that was begun and not finished, and what that is. */
const HALF_DONE: readonly (readonly [file: string, what: string])[] = [
  ["rebase-merge", "a rebase"],
  ["rebase-apply", "a rebase or am"],
  ["MERGE_HEAD", "a merge"],
  ["CHERRY_PICK_HEAD", "a cherry-pick"],
  ["REVERT_HEAD", "a revert"],
  ["sequencer", "a series of picks"],
  ["BISECT_LOG", "a bisection"],
];

/** What lies in the folder, and how it stands. */
export async function inFolder(
  here: Git,
  gitDirectory: string,
  traces: HostTraces,
): Promise<readonly string[]> {
  const lock = await lockOf(gitDirectory);
  const locked = lock === undefined ? [] : [`a lock${lock === "" ? "" : ` (${lock})`}`];
  const begun = await Promise.all(
    HALF_DONE.map(async ([file, what]) => ((await isThere(join(gitDirectory, file))) ? [what] : [])),
  );
  const halfDone = begun.flat();
  return [
    ...locked,
    ...(halfDone.length === 0 ? [] : [`${halfDone.join(" and ")} half done`]),
    ...(await changes(here, traces)),
    ...(await unseen(here)),
  ];
}

/** Changed, new and ignored files; what the host wrote there is none of them. */
async function changes(here: Git, traces: HostTraces): Promise<readonly string[]> {
  const lines = await statusOf(here);
  const amended = new Set(await amendedIn(here, lines, traces));
  const ignored = lines
    .filter(isIgnored)
    .map(pathIn)
    .filter((path) => !traces.isHostsOwn(path));
  const changed = lines
    .filter((line) => !isIgnored(line))
    .map(pathIn)
    .filter((path) => !amended.has(path));
  return [...some("uncommitted", changed), ...some("ignored by git", ignored)];
}

/** Takes back what the host has written into files of the project, or git would call them changed. */
export async function takeBackAmendments(here: Git, traces: HostTraces): Promise<void> {
  const amended = await amendedIn(here, await statusOf(here), traces);
  if (amended.length > 0)
    await said(here, ["checkout", "--", ...amended.map((path) => `:(top,literal)${path}`)]);
}

/** Files that differ from what is committed by the host's hand alone. */
async function amendedIn(
  here: Git,
  lines: readonly string[],
  traces: HostTraces,
): Promise<readonly string[]> {
  const root = await rootOf(here);
  const found: string[] = [];
  for (const path of lines.filter((line) => line.startsWith(" M ")).map(pathIn)) {
    if (traces.amended(path, "{}") === undefined) continue;
    const committed = (await here(["show", `:${path}`])).out;
    const present = await readFile(join(root, path), "utf8");
    if (traces.amended(path, committed) === present) found.push(path);
  }
  return found;
}

async function statusOf(here: Git): Promise<readonly string[]> {
  const status = await said(here, [
    "status",
    "--porcelain=v1",
    "-z",
    "--no-renames",
    "--untracked-files=normal",
    "--ignored=traditional",
    "--ignore-submodules=none",
  ]);
  return status.split("\0").filter((line) => line !== "");
}

function rootOf(here: Git): Promise<string> {
  return said(here, ["rev-parse", "--show-toplevel"]);
}

function isIgnored(line: string): boolean {
  return line.startsWith("!!");
}

function pathIn(line: string): string {
  return line.slice(3);
}

/**
 * Files that git was told not to look at (`assume-unchanged`, `skip-worktree`) and that are there all the same, and
 * submodules, whose commits are their own.
 */
async function unseen(here: Git): Promise<readonly string[]> {
  const root = await rootOf(here);
  const files = (await said(here, ["ls-files", "-v", "--stage", "-z"])).split("\0");
  const submodules = files.filter((line) => line.slice(2).startsWith("160000 ")).map(nameIn);
  const hidden: string[] = [];
  for (const line of files) {
    if (/^[a-zS] /.test(line) && (await isThere(join(root, nameIn(line))))) hidden.push(nameIn(line));
  }
  return [...some("submodules", submodules), ...some("hidden from git status", hidden)];
}

/** `H 100644 <blob> 0<tab>name` */
function nameIn(line: string): string {
  return line.slice(line.indexOf("\t") + 1);
}

/** `3 uncommitted: a.txt, b.txt, c.txt` */
function some(what: string, paths: readonly string[]): readonly string[] {
  if (paths.length === 0) return [];
  const more = paths.length > SHOWN ? ` and ${paths.length - SHOWN} more` : "";
  return [`${what}: ${paths.slice(0, SHOWN).join(", ")}${more}`];
}
/** Enough to see what it is about. */
const SHOWN = 3;

/** What is merged: the lead's checkout, the branch that the worktree started from, the commit itself. */
export async function merged(repository: Git, lead: Git, worktree: Worktree): Promise<readonly string[]> {
  const found = await Promise.all([
    saidOrNot(lead, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]),
    worktree.baseBranch === undefined ? undefined : commitOf(repository, worktree.baseBranch),
  ]);
  return [worktree.base, ...found.filter((commit) => commit !== undefined)];
}

/** Commits of the branch that are in none of the others. */
export async function unmergedOn(
  repository: Git,
  worktree: Worktree,
  known: readonly string[],
): Promise<readonly string[]> {
  const tip = await commitOf(repository, worktree.branch);
  const count = tip === undefined ? 0 : await countOf(repository, tip, known);
  const target = worktree.baseBranch ?? "the lead's checkout";
  return count === 0 ? [] : [`${commits(count)} not merged into ${target}`];
}

/** Commits under a detached HEAD that are on no branch, tag or remote. */
export async function unmergedHead(here: Git, known: readonly string[]): Promise<readonly string[]> {
  const branch = await saidOrNot(here, ["symbolic-ref", "--quiet", "HEAD"]);
  const head = await saidOrNot(here, ["rev-parse", "--verify", "--quiet", "HEAD^{commit}"]);
  if (branch !== undefined || head === undefined) return [];
  const count = await countOf(here, head, [...known, "--branches", "--tags", "--remotes"]);
  return count === 0 ? [] : [`a detached HEAD with ${commits(count)} on no branch`];
}

export function commitOf(repository: Git, branch: string): Promise<string | undefined> {
  return saidOrNot(repository, ["rev-parse", "--verify", "--quiet", `refs/heads/${branch}^{commit}`]);
}

async function countOf(git: Git, tip: string, known: readonly string[]): Promise<number> {
  return Number(await said(git, ["rev-list", "--count", tip, "--not", ...known]));
}

function commits(count: number): string {
  return count === 1 ? "1 commit" : `${count} commits`;
}
