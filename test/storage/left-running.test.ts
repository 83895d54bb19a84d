import { describe, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { leftBy } from "../../src/system/left-running.ts";
import { type ProcessIdentity, readProcesses } from "../../src/system/process-identity.ts";
import { eventually } from "../support/eventually.ts";
import { scratch } from "../support/scratch.ts";

/** A process, whose environment says who started it, and its identity. */
async function started(
  command: string,
  by: number | undefined,
  cwd: string,
): Promise<{ readonly child: ChildProcess; readonly identity: ProcessIdentity }> {
  const { self } = await readProcesses();
  const env = { PATH: process.env["PATH"], ...(by === undefined ? {} : { OPENCODE_PID: String(by) }) };
  const child = spawn("sh", ["-c", command], { cwd, env, stdio: "ignore", detached: true });
  const pid = child.pid ?? 0;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const startTime = `proc:${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
  return { child, identity: { pid, startTime, bootId: self.bootId } };
}

describe("what a host has left running", () => {
  test("is found once the host is gone, the root of each tree of processes alone", async () => {
    await using folder = await scratch("left");
    const processes = await readProcesses();
    const host = await started("exec sleep 60", undefined, folder.path);
    const left = await started("sleep 60; true", host.identity.pid, folder.path);
    const other = await started("exec sleep 60", 1, folder.path);
    try {
      expect(await leftBy(processes, host.identity)).toEqual([]);
      const gone = new Promise((resolve) => host.child.once("exit", resolve));
      host.child.kill("SIGKILL");
      await gone;

      const found = { pid: left.identity.pid, program: "sh", directory: folder.path };
      await eventually(async () => expect(await leftBy(processes, host.identity)).toEqual([found]));
      expect(await leftBy(processes, { ...host.identity, bootId: "another" })).toEqual([]);
      expect(await leftBy(processes, { ...host.identity, startTime: "ps:Sat" })).toEqual([]);
      // A host that was started later and given the same number: what it starts is its own.
      const later = { ...host.identity, startTime: `proc:${Number.MAX_SAFE_INTEGER}` };
      expect(await leftBy(processes, later)).toEqual([]);
    } finally {
      for (const { identity } of [left, other]) process.kill(-identity.pid, "SIGKILL");
    }
  });
});
