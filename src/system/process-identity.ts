import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";

/** Names one process for good: a pid alone is given out again, and starts from scratch with every boot. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, as its probe says it: `<probe>:<opaque text>`. Compared, never read. */
  readonly startTime: string;
  readonly bootId: string;
}

/** What can be said about processes of this machine. */
export interface Processes {
  readonly self: ProcessIdentity;
  /** Whether exactly that process still runs. A zombie does not: it holds nothing and will never let go. */
  isAlive(identity: ProcessIdentity): Promise<boolean>;
  /** The process that has this pid now. */
  identify(pid: number): Promise<ProcessIdentity | undefined>;
}

/** One way to ask the operating system. */
export interface Probe {
  readonly name: string;
  bootId(): Promise<string>;
  /** undefined: there is no such process, or it is a zombie. */
  startTime(pid: number): Promise<string | undefined>;
}

/** Linux: files of the kernel, some 50 microseconds a question. */
export const procProbe: Probe = {
  name: "proc",
  async bootId() {
    return textOf("/proc/sys/kernel/random/boot_id") ?? UNKNOWN;
  },
  async startTime(pid) {
    const stat = textOf(`/proc/${pid}/stat`);
    if (stat === undefined) return undefined;
    // The second field is the command in parentheses and may itself hold spaces and parentheses.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" || state === "X" ? undefined : fields[18];
  },
};

/** macOS and the BSDs: `ps`, some milliseconds a question. The start time is exact to the second. */
export const psProbe: Probe = {
  name: "ps",
  async bootId() {
    return (await outputOf("sysctl", ["-n", "kern.bootsessionuuid"])) ?? UNKNOWN;
  },
  async startTime(pid) {
    const line = await outputOf("ps", ["-o", "stat=,lstart=", "-p", String(pid)]);
    const [state, ...start] = line?.split(/\s+/) ?? [];
    return state === undefined || state.startsWith("Z") ? undefined : start.join(" ");
  },
};

/** Anywhere else: whether the pid is taken at all. A pid that was given out again passes for the old process. */
export const signalProbe: Probe = {
  name: "signal",
  bootId: () => Promise.resolve(UNKNOWN),
  startTime: (pid) => Promise.resolve(isTaken(pid) ? UNKNOWN : undefined),
};

const UNKNOWN = "unknown";

/** The first probe that sees this very process is the one that works here. */
export async function readProcesses(
  probes: readonly Probe[] = [procProbe, psProbe, signalProbe],
): Promise<Processes> {
  for (const probe of probes) {
    const startTime = await probe.startTime(process.pid);
    if (startTime !== undefined && startTime !== "") return watch(probe, startTime, await probe.bootId());
  }
  return watch(signalProbe, UNKNOWN, UNKNOWN);
}

function watch(probe: Probe, ownStart: string, bootId: string): Processes {
  const self: ProcessIdentity = { pid: process.pid, startTime: `${probe.name}:${ownStart}`, bootId };
  return {
    self,
    async identify(pid) {
      const startTime = await probe.startTime(pid);
      return startTime === undefined ? undefined : { pid, startTime: `${probe.name}:${startTime}`, bootId };
    },
    async isAlive(identity) {
      if (identity.bootId !== bootId) return false;
      if (identity.pid === self.pid) return identity.startTime === self.startTime;
      const startTime = await probe.startTime(identity.pid);
      if (startTime === undefined) return false;
      // Written by a process that had to ask another way: then the pid is all that can be compared.
      if (!identity.startTime.startsWith(`${probe.name}:`)) return true;
      return identity.startTime === `${probe.name}:${startTime}`;
    },
  };
}

/** At once: the kernel answers from memory, and awaiting it would take a turn of a host's busy event loop. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    // No such process, or no such file on this system: both mean "cannot be seen".
    if (error instanceof Error) return undefined;
    throw error;
  }
}

export async function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    // One language and one time zone, so that the same instant always reads the same. 2 s: ps answers in milliseconds.
    const { stdout } = await promisify(execFile)(command, [...args], {
      env: { ...process.env, LC_ALL: "C", TZ: "UTC0" },
      timeout: 2_000,
    });
    return stdout.trim() || undefined;
  } catch (error) {
    // `ps` ends with 1 for an unknown pid, and a missing program is a missing answer.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function isTaken(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
