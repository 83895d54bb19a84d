import { lstat, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Git, said } from "./git.ts";

/** A worktree as its repository has it on record, whether or not its folder is there. */
export interface Entry {
  readonly path: string;
  /** The branch that is checked out; left out when its HEAD is detached. */
  readonly branch?: string;
}

export async function entries(repository: Git): Promise<readonly Entry[]> {
  const list = await said(repository, ["worktree", "list", "--porcelain"]);
  return list.split("\n\n").flatMap((block) => {
    const path = fieldOf(block, "worktree");
    if (path === undefined) return [];
    const branch = fieldOf(block, "branch")?.replace(/^refs\/heads\//, "");
    return [{ path, ...(branch === undefined ? {} : { branch }) }];
  });
}

function fieldOf(block: string, key: string): string | undefined {
  const line = block.split("\n").find((one) => one.startsWith(`${key} `));
  return line?.slice(key.length + 1);
}

/** What git writes as the reason of a lock while it fills a new worktree. */
export const BEING_MADE = "initializing";

/** Why the worktree of that git directory is locked, perhaps without a word; undefined if it is not. */
export function lockOf(gitDirectory: string): Promise<string | undefined> {
  return textOf(join(gitDirectory, "locked"));
}

/** The git directory of the worktree itself, by the file that leads there. */
export async function gitDirectoryOf(path: string): Promise<string | undefined> {
  const [, directory] = /^gitdir: (.+)$/m.exec((await textOf(join(path, ".git"))) ?? "") ?? [];
  return directory === undefined ? undefined : resolve(path, directory);
}

export async function isThere(path: string): Promise<boolean> {
  return (await orAbsent(stat(path))) !== undefined;
}

/** Something is there, be it a link that leads nowhere. */
export async function isTaken(path: string): Promise<boolean> {
  return (await orAbsent(lstat(path))) !== undefined;
}

async function textOf(path: string): Promise<string | undefined> {
  return (await orAbsent(readFile(path, "utf8")))?.trim();
}

/** Undefined for what is not there; every other fault stays one. */
export async function orAbsent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (fault) {
    if (isAbsence(fault)) return undefined;
    throw fault;
  }
}

/** Nothing is there, or nothing of the kind that was looked for. */
function isAbsence(fault: unknown): boolean {
  return fault instanceof Error && "code" in fault && ABSENCES.has(fault.code);
}
const ABSENCES: ReadonlySet<unknown> = new Set(["ENOENT", "ENOTDIR", "EISDIR"]);
