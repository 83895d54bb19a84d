import { readFileSync } from "node:fs";

/** What Linux counts for a process, in ticks of 1/100 s on every machine we know of. */
const MS_PER_TICK = 10;

/** Milliseconds of processor time (user and system, all threads) that a process has used so far. */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name stands in brackets and may hold anything, so fields are counted from the last one on.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** The most memory that a process has had at once, in MB. */
export function peakMemoryMb(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status names no peak (VmHWM)`);
  return Number(kilobytes) / 1024;
}
