import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { systemClock } from "../../src/system/clock.ts";
import { systemIds } from "../../src/system/ids.ts";
import {
  type Probe,
  procProbe,
  psProbe,
  readProcesses,
  signalProbe,
} from "../../src/system/process-identity.ts";
import { eventually } from "../support/eventually.ts";

describe("ids", () => {
  test("are new each time and have the promised form", () => {
    const ids = Array.from({ length: 1_000 }, () => systemIds.fresh("mail"));
    expect(new Set(ids).size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(/^mail_[0-9a-z]{20}$/);
  });

  test("sort by time", async () => {
    const early = systemIds.fresh("run");
    await eventually(() => expect(systemIds.fresh("run").slice(0, 14)).not.toBe(early.slice(0, 14)));
    expect(systemIds.fresh("run") > early).toBe(true);
  });

  test("derive from their parts, and from nothing else", () => {
    const id = systemIds.derive("msg", "run_1", "ses_1", 1, "batch_1", 2);
    expect(id).toMatch(/^msg_[0-9a-z]{26}$/);
    expect(systemIds.derive("msg", "run_1", "ses_1", 1, "batch_1", 2)).toBe(id);
    const others = [
      systemIds.derive("msg", "run_1", "ses_1", 1, "batch_1", 3),
      systemIds.derive("msg", "run_1", "ses_1", 1, "batch_", 12),
      systemIds.derive("msg", "run_1ses_1", "", 1, "batch_1", 2),
      systemIds.derive("msg", "run_1", "ses_1", 1, "batch_1", 2, ""),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
  });

  test("derive to the same as ever: hosts have stored them", () => {
    expect(systemIds.derive("msg", "run_1", 1)).toBe("msg_3bf5pdjkntvqtkf7x1xs155kpd");
  });

  test("digest texts as SHA-256 of their UTF-8", () => {
    expect(systemIds.digest("é")).toBe("4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c");
  });

  test("fractions lie in 0..1 and are spread", () => {
    const fractions = Array.from({ length: 1_000 }, () => systemIds.fraction());
    for (const fraction of fractions) expect(fraction >= 0 && fraction < 1).toBe(true);
    expect(Math.min(...fractions)).toBeLessThan(0.1);
    expect(Math.max(...fractions)).toBeGreaterThan(0.9);
  });
});

describe("the clock", () => {
  test("rings once, and not at all when it was taken back", async () => {
    const rung: string[] = [];
    const takeBack = systemClock.after(1, () => rung.push("never"));
    takeBack();
    systemClock.after(2, () => rung.push("once"));
    await eventually(() => expect(rung).toEqual(["once"]));
  });

  test("keeps no process alive", async () => {
    const script = `import { systemClock } from "${import.meta.dir}/../../src/system/clock.ts"; systemClock.after(60_000, () => {});`;
    const child = spawn(process.execPath, ["-e", script]);
    expect((await once(child, "exit"))[0]).toBe(0);
  });
});

describe("processes", () => {
  const PROBES: readonly Probe[] = [procProbe, psProbe];
  for (const probe of PROBES) {
    test(`are told apart by ${probe.name}: this one lives, a dead one and a zombie do not`, async () => {
      const { self, isAlive } = await readProcesses([probe]);
      expect(self.pid).toBe(process.pid);
      expect(self.startTime).toMatch(new RegExp(`^${probe.name}:.`));
      expect(await isAlive(self)).toBe(true);
      expect(await isAlive({ ...self, startTime: `${probe.name}:0` })).toBe(false);
      expect(await isAlive({ ...self, bootId: "another" })).toBe(false);
      expect(await isAlive({ ...self, pid: 1 })).toBe(false);
      expect(await isAlive({ ...self, pid: 1, startTime: "other:1" })).toBe(true);

      // The shell starts a child, becomes another program that never waits for it, and so keeps a zombie.
      const parent = spawn("sh", ["-c", "sh -c 'echo $$' & exec sleep 60"], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      const zombie = Number(String(((await once(parent.stdout, "data")) as [Buffer])[0]));
      await eventually(() => expect(readFileSync(`/proc/${zombie}/stat`, "utf8")).toContain(") Z "));
      expect(await probe.startTime(zombie)).toBeUndefined();
      const parentStart = await probe.startTime(Number(parent.pid));
      const identity = { ...self, pid: Number(parent.pid), startTime: `${probe.name}:${parentStart}` };
      expect(await isAlive(identity)).toBe(true);
      parent.kill("SIGKILL");
      await once(parent, "exit");
      expect(await isAlive(identity)).toBe(false);
    });
  }

  test("are judged by their pid alone where nothing else can be asked", async () => {
    const { self, isAlive } = await readProcesses([signalProbe]);
    expect(await isAlive(self)).toBe(true);
    expect(await isAlive({ ...self, pid: 1, startTime: "signal:unknown" })).toBe(true);
    expect(await isAlive({ ...self, pid: 2 ** 22 + 7 })).toBe(false);
  });

  test("are asked for with the first probe that works", async () => {
    const blind: Probe = { ...psProbe, name: "blind", startTime: async () => undefined };
    expect((await readProcesses([blind, procProbe])).self.startTime).toStartWith("proc:");
    expect((await readProcesses([blind])).self.startTime).toStartWith("signal:");
  });
});
