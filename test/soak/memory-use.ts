import { readFile } from "node:fs/promises";

/** Resident memory of a process over its work, one sample a step. */
export class MemoryUse {
  readonly #pid: number;
  readonly #samples: Promise<number>[] = [];

  constructor(pid: number) {
    this.#pid = pid;
  }

  sample(): void {
    this.#samples.push(residentMb(this.#pid));
  }

  /**
   * Megabytes more in the last fifth of the work than in the second: the first fills caches. Medians, since a collection
   * of garbage may come at any sample.
   */
  async growth(): Promise<{ readonly fromMb: number; readonly toMb: number; readonly growthMb: number }> {
    const samples = await Promise.all(this.#samples);
    const fifth = Math.floor(samples.length / 5);
    if (fifth < 5) throw new Error(`${samples.length} samples say nothing`);
    const fromMb = median(samples.slice(fifth, 2 * fifth));
    const toMb = median(samples.slice(-fifth));
    return { fromMb, toMb, growthMb: toMb - fromMb };
  }
}

async function residentMb(pid: number): Promise<number> {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8")) ?? [];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no VmRSS`);
  return Number(kilobytes) / 1_024;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
