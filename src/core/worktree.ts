/**
 * A member's own git worktree and branch.
 *
 * Promise: nothing that is not ours is ever deleted, and no uncommitted byte is ever lost. Both rest on the order of things:
 * every name is chosen while it is free and committed with the member's seat, and only then made. So whoever finds the
 * state after a crash knows what may be there, asks git what is, and goes on from that. What was made is removed by
 * `team_delete` alone, once git says that it holds nothing that is nowhere else; anything else is kept and told.
 */
export interface Worktree extends Site {
  /** It was there, as planned, when the member's session was opened. Until then git has to prove that it is ours. */
  readonly made: boolean;
  /** What became of it when the run closed. */
  readonly end?: WorktreeEnd;
}

/** Names that were free when they were chosen. */
export interface Site {
  /** Absolute: the git directory that all worktrees of the repository share. */
  readonly repository: string;
  /** Absolute, free of symbolic links. */
  readonly path: string;
  readonly branch: string;
  /** The commit that the lead's checkout stood at. */
  readonly base: string;
  /** The branch that it was on, if it was on one. */
  readonly baseBranch?: string;
  /** Written by git beside the branch when it is made: the proof, after a crash, of who made it. */
  readonly mark: string;
}

export interface WorktreeEnd {
  readonly outcome: "removed" | "kept";
  /** What it holds, or why it could not be removed. */
  readonly reason?: string;
  /** The command with which a person goes on. */
  readonly wayOut?: string;
}

/** The worktree in which the next generation of a name goes on, unless it is gone. */
export function standing(worktree: Worktree | undefined): Worktree | undefined {
  if (!worktree || worktree.end?.outcome === "removed") return undefined;
  const { end: _over, ...rest } = worktree;
  return rest;
}

/** What a new branch is wanted to be called; git is asked whether that is free. */
export function branchFor(run: string, member: string): string {
  return `${BRANCHES}/${refPart(run)}/${member}`;
}

/** The first part of all names of ours, so that `git branch --list 'team/*'` shows them. */
const BRANCHES = "team";

/**
 * One part of a ref's name: letters, their marks and digits of any script, `.`, `_` and `-`, and none of what git refuses in it. No
 * more than 48 of them: a part is a file's name, and has room for that many letters of four bytes.
 */
function refPart(words: string): string {
  const part = words
    .normalize("NFC")
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, "-")
    .replace(/\.{2,}/g, ".")
    .replace(/-{2,}/g, "-");
  const [short] = /^.{0,48}/su.exec(part.replace(/^[.-]+/, "")) ?? [""];
  const whole = short.replace(/(\.lock|[.-])+$/i, "");
  return whole === "" ? "run" : whole;
}
