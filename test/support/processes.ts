import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { GROUND_VARIABLE } from "./host-ground.ts";

/** A process the bench started, with all it said. */
export interface Watched {
  readonly pid: number;
  /** Settles when the process is gone, with its exit code; `null` when a signal ended it. */
  readonly ended: Promise<number | null>;
  readonly stdout: () => string;
  readonly stderr: () => string;
  kill(signal: NodeJS.Signals): void;
}

/** Killed with the test process, however that ends: `bun test` may be stopped in the middle of a test. */
const alive = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});

export function start(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Watched {
  const child = spawn(program, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  alive.add(child);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", (failure) => {
      alive.delete(child);
      reject(failure);
    });
    // Not "close": a bash child that survived the host keeps the pipes open.
    child.once("exit", (code) => {
      alive.delete(child);
      // What was written last may arrive just after the exit.
      setTimeout(() => resolve(code), 10);
    });
  });
  // Whoever awaits `ended` gets the failure; nobody has to.
  ended.catch(() => {});
  return {
    // A program that could not be started has no pid; 0 would mean our own process group, so no signal is ever sent by it.
    pid: child.pid ?? -1,
    ended,
    stdout: () => out,
    stderr: () => err,
    kill: (signal) => {
      child.kill(signal);
    },
  };
}

/** A process that has ended but was not yet reaped by its parent does not run. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (gone) {
    // ENOENT: it went between the two questions.
    if (gone instanceof Error && "code" in gone && (gone.code === "ESRCH" || gone.code === "ENOENT"))
      return false;
    throw gone;
  }
}

/** An orphan goes to process 1, which in a container may never reap it. Known on Linux only. */
function isZombie(pid: number): boolean {
  return process.platform === "linux" && /\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
}

/**
 * The processes that belong to a ground: all that inherited its variable, orphans of a killed host included.
 *
 * Read from /proc, so on Linux only. Elsewhere the list is empty and an orphaned bash child is not found.
 */
export async function processesOf(groundPath: string): Promise<readonly number[]> {
  const mark = `${GROUND_VARIABLE}=${groundPath}\0`;
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const owned = await Promise.all(pids.map(async (pid) => (await environmentOf(pid)).includes(mark)));
  return pids.filter((_, index) => owned[index]);
}

/** What a process was started with; nothing of one that has ended meanwhile, or belongs to someone else. */
export function environmentOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/environ`, "utf8").catch(() => "");
}
