import { execFile } from "node:child_process";
import { parse } from "node:path";
import { FlotillaError } from "../errors.ts";

/** What a git command said. A code other than 0 is an answer too: what it means is the caller's to say. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface GitOptions {
  readonly deadlineMs?: number;
}

/** Git at one place. */
export type Git = (args: readonly string[], options?: GitOptions) => Promise<Said>;

/** Looking takes milliseconds; minutes only where a file system hangs. */
const DEADLINE_MS = 10_000;

/** The list of a large repository's files: 100,000 of them are about 10 MB. */
const OUTPUT_MAX_BYTES = 256 * 1024 * 1024;

/** They say which repository a command means. OpenCode may itself run from a hook, and then has them from another one. */
const NOT_INHERITED = [
  "GIT_DIR",
  "GIT_WORK_TREE",
  "GIT_INDEX_FILE",
  "GIT_PREFIX",
  "GIT_COMMON_DIR",
  "GIT_NAMESPACE",
  "GIT_OBJECT_DIRECTORY",
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
];

type Environment = Readonly<Record<string, string | undefined>>;

/** Runs git in a directory that may be anywhere inside of a repository. */
export function gitIn(directory: string, env: Environment): Git {
  return (args, options) => run(["-C", directory, ...args], env, options);
}

/** Runs git on a repository by its git directory, whatever became of its checkouts. */
export function gitOf(repository: string, env: Environment): Git {
  return (args, options) => run(["-C", repository, `--git-dir=${repository}`, ...args], env, options);
}

/** The output of a command that must succeed, without the newline at its end. */
export async function said(git: Git, args: readonly string[], options?: GitOptions): Promise<string> {
  const answer = await git(args, options);
  if (answer.code === 0) return answer.out.replace(/\n$/, "");
  throw refused(args, answer);
}

/** The output, or undefined where git says no. */
export async function saidOrNot(git: Git, args: readonly string[]): Promise<string | undefined> {
  const { code, out } = await git(args);
  return code === 0 ? out.replace(/\n$/, "") : undefined;
}

function refused(args: readonly string[], answer: Said): FlotillaError {
  return new FlotillaError({
    code: "worktree_failed",
    message: `git ${args.join(" ")} ended with code ${answer.code}: ${reasonIn(answer)}`,
    hint: "The reason is git's own. Mend it, or leave worktree out.",
    details: { args, code: answer.code },
  });
}

/** Git's complaint in one line, without the word that begins it. */
export function reasonIn({ err, out }: Said): string {
  const lines = (err.trim() === "" ? out : err).trim().split("\n");
  const complaint = lines.findLast((line) => /^(fatal|error): /.test(line)) ?? lines.at(-1) ?? "";
  return complaint.replace(/^(fatal|error): /, "");
}

function run(
  args: readonly string[],
  env: Environment,
  { deadlineMs = DEADLINE_MS }: GitOptions = {},
): Promise<Said> {
  return new Promise((resolve, reject) => {
    execFile(
      "git",
      args,
      {
        // The host's own directory may be gone by now.
        cwd: parse(process.execPath).root,
        env: environment(env),
        // On SIGTERM git takes back what it had half made.
        timeout: deadlineMs,
        killSignal: "SIGTERM",
        maxBuffer: OUTPUT_MAX_BYTES,
        windowsHide: true,
      },
      (fault, out, err) => {
        if (!fault) return resolve({ code: 0, out, err });
        if (typeof fault.code === "number") return resolve({ code: fault.code, out, err });
        return reject(fault.killed ? tooLate(args, deadlineMs) : notStarted(args, fault));
      },
    );
  });
}

/** In English, because some answers are read; without a prompt, because nobody would see it; without needless locks. */
function environment(env: Environment): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(([name]) => !NOT_INHERITED.includes(name));
  return {
    ...Object.fromEntries(own),
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
  };
}

function tooLate(args: readonly string[], deadlineMs: number): FlotillaError {
  return new FlotillaError({
    code: "worktree_failed",
    message: `git ${args.join(" ")} was not done after ${deadlineMs / 1000} s and was stopped`,
    hint: "A hook of the repository may hang, or its file system. Try it by hand, or leave worktree out.",
    details: { args, deadlineMs },
  });
}

function notStarted(args: readonly string[], cause: Error): FlotillaError {
  return new FlotillaError({
    code: "worktree_failed",
    message: `git ${args.join(" ")} could not be run: ${cause.message}`,
    hint: "Install git and have it on PATH, or leave worktree out.",
    details: { args },
    cause,
  });
}
