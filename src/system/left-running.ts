import { readFileSync, readlinkSync } from "node:fs";
import type { LeftRunning } from "../core/survey.ts";
import { pidsWith } from "./marked-processes.ts";
import type { Processes, ProcessIdentity } from "./process-identity.ts";

/**
 * OpenCode puts its pid into the environment of everything that it starts, and what such a process starts inherits it
 * (measured). So what a dead host has left is found by it, wherever it hangs in the tree by now.
 */
const MARK = "OPENCODE_PID";

/**
 * What the process has started and that still runs: of each tree of processes the root. Nothing while it lives itself, and
 * nothing where the system has no `/proc`. Looks once at every process of the user's: for a start after a crash.
 */
export async function leftBy(
  processes: Processes,
  identity: ProcessIdentity,
): Promise<readonly LeftRunning[]> {
  const from = ticksOf(identity.startTime);
  if (from === undefined || identity.bootId !== processes.self.bootId) return [];
  if (await processes.isAlive(identity)) return [];
  // Its number may have been given out again, to another host as well.
  const to = readProcess(identity.pid)?.startedAt ?? Number.POSITIVE_INFINITY;
  const marked = (await pidsWith([`${MARK}=${identity.pid}`])).flatMap((pid) => readProcess(pid) ?? []);
  const left = marked.filter(({ startedAt }) => startedAt >= from && startedAt < to);
  const pids = new Set(left.map(({ pid }) => pid));
  return left
    .filter(({ parent }) => !pids.has(parent))
    .map(({ pid, program }) => ({ pid, program, directory: linkAt(`/proc/${pid}/cwd`) ?? "" }));
}

interface RunningProcess {
  readonly pid: number;
  readonly parent: number;
  readonly program: string;
  /** In ticks since the boot. */
  readonly startedAt: number;
}

function readProcess(pid: number): RunningProcess | undefined {
  const stat = textAt(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  const [open, close] = [stat.indexOf("("), stat.lastIndexOf(")")];
  const [state, parent, ...rest] = stat.slice(close + 2).split(" ");
  if (state === "Z" || state === "X") return undefined;
  return { pid, parent: Number(parent), program: stat.slice(open + 1, close), startedAt: Number(rest[17]) };
}

function ticksOf(startTime: string): number | undefined {
  const [, ticks] = /^proc:(\d+)$/.exec(startTime) ?? [];
  return ticks === undefined ? undefined : Number(ticks);
}

const textAt = (path: string): string | undefined => ifThere(() => readFileSync(path, "utf8"));
const linkAt = (path: string): string | undefined => ifThere(() => readlinkSync(path));

/** Processes end while they are looked at, and those of others show nothing. */
function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
