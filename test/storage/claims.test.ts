import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { Claims } from "../../src/storage/claims.ts";
import { Disk, type Step } from "../../src/storage/disk.ts";
import type { Liveness } from "../../src/storage/liveness.ts";
import { PretendedProcesses } from "../contract/worlds.ts";
import { type Scratch, scratch } from "../support/scratch.ts";

describe("the claim of a dead process", () => {
  test("goes to exactly one of many who want it at once", async () => {
    for (let round = 0; round < 40; round++) {
      await using folder = await scratch("claims");
      const processes = new PretendedProcesses();
      await leaveDead(folder, processes);
      const takers = Array.from({ length: 6 }, () => claimsOf(folder, processes.start()));
      const results = await Promise.all(takers.map((claims) => claims.take(folder.at("claim"))));
      expect(results.filter(({ kind }) => kind === "taken")).toHaveLength(1);
      expect(readdirSync(folder.path)).toEqual(["claim"]);
    }
  });

  test("is taken by the next one, at whichever step its heir dies", async () => {
    let step = 1;
    for (; ; step++) {
      await using folder = await scratch("claims");
      const processes = new PretendedProcesses();
      await leaveDead(folder, processes);
      const mortal = processes.start();
      const survived = await claimsOf(folder, mortal, dieAt(step))
        .take(folder.at("claim"))
        .then(() => true)
        .catch(() => false);
      if (survived) break;
      processes.kill(mortal);

      const heirs = [1, 2, 3].map(() => claimsOf(folder, processes.start()));
      const results = await Promise.all(heirs.map((claims) => claims.take(folder.at("claim"))));
      expect(results.filter(({ kind }) => kind === "taken")).toHaveLength(1);
      expect(readdirSync(folder.path).filter((name) => !name.startsWith(".tmp-"))).toEqual(["claim"]);
    }
    expect(step).toBeGreaterThan(8);
  });

  test("is not taken by somebody slow, who saw it dead before another had taken it and let it go", async () => {
    await using folder = await scratch("claims");
    const path = folder.at("claim");
    const processes = new PretendedProcesses();
    const dead = await leaveDead(folder, processes);
    const { promise: looked, resolve: look } = Promise.withResolvers<void>();
    const { promise: goOn, resolve: resume } = Promise.withResolvers<void>();
    const slow = processes.start();
    const slowly = claimsOf(folder, {
      self: slow.self,
      async isAlive(identity) {
        if (identity.pid !== dead.self.pid) return slow.isAlive(identity);
        look();
        await goOn;
        return false;
      },
    }).take(path);
    await looked;

    const quick = claimsOf(folder, processes.start());
    const taking = await quick.take(path);
    if (taking.kind === "taken") await quick.free(path, taking.token);
    expect(await claimsOf(folder, processes.start()).take(path)).toMatchObject({ kind: "taken" });
    resume();
    expect(await slowly).toMatchObject({ kind: "held" });
    expect(readdirSync(folder.path)).toEqual(["claim"]);
  });
});

describe("a claim", () => {
  test("that is held names its holder to whoever asks", async () => {
    await using folder = await scratch("claims");
    const processes = new PretendedProcesses();
    const holder = processes.start();
    await claimsOf(folder, holder).take(folder.at("claim"));
    expect(await claimsOf(folder, processes.start()).take(folder.at("claim"))).toMatchObject({
      kind: "held",
      by: { pid: holder.self.pid },
    });
  });

  test("is let go by its own token only", async () => {
    await using folder = await scratch("claims");
    const claims = claimsOf(folder, new PretendedProcesses().start());
    await claims.take(folder.at("claim"));
    await claims.free(folder.at("claim"), "another");
    expect(readdirSync(folder.path)).toEqual(["claim"]);
  });
});

/** Somebody takes the claim and dies. */
async function leaveDead(folder: Scratch, processes: PretendedProcesses): Promise<Liveness> {
  const dead = processes.start();
  await claimsOf(folder, dead).take(folder.at("claim"));
  processes.kill(dead);
  return dead;
}

function claimsOf(folder: Scratch, liveness: Liveness, step: Step = () => undefined): Claims {
  return new Claims(new Disk(folder.path, step, () => undefined), liveness);
}

function dieAt(fatal: number): Step {
  let steps = 0;
  return () => {
    steps += 1;
    if (steps >= fatal) throw new Error("dead");
  };
}
