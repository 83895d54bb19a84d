import { readdirSync, readFileSync } from "node:fs";
import { outputOf, type Processes, type ProcessIdentity } from "./process-identity.ts";

/** Every process that a marked one starts inherits the mark, also when the one that started it is gone. */
export const MARK_VARIABLE = "FLOTILLA_SHELL";

/** A shell starts few processes that outlive it; whoever reads of them does not want more. */
const MAX_FOUND = 20;

/** Processes whose environment has one of the marks, as far as this system lets its user see that. */
export async function markedProcesses(
  processes: Processes,
  marks: readonly string[],
): Promise<readonly ProcessIdentity[]> {
  const pids = await pidsWith(marks.map((mark) => `${MARK_VARIABLE}=${mark}`));
  const found = await Promise.all(pids.slice(0, MAX_FOUND).map((pid) => processes.identify(pid)));
  return found.filter((one) => one !== undefined);
}

/** Processes that were started with one of these entries, `NAME=value`, in their environment. */
export async function pidsWith(entries: readonly string[]): Promise<readonly number[]> {
  return process.platform === "linux" ? markedInProc(entries) : markedByPs(entries);
}

/** Linux: what a process was started with, entries ended by a zero byte. */
function markedInProc(entries: readonly string[]): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => environmentOf(pid).some((entry) => entries.includes(entry)))
    .map(Number);
}

function environmentOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch (error) {
    // It belongs to somebody else, or has ended since the list was made.
    if (error instanceof Error) return [];
    throw error;
  }
}

/** macOS and the BSDs: `ps` shows the environment of one's own processes behind their command. */
async function markedByPs(entries: readonly string[]): Promise<readonly number[]> {
  const lines = (await outputOf("ps", ["-axwwE", "-o", "pid=,command="]))?.split("\n") ?? [];
  return lines
    .filter((line) => line.split(/\s+/).some((word) => entries.includes(word)))
    .map((line) => Number.parseInt(line, 10))
    .filter(Number.isInteger);
}
