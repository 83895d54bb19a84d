import { describe, expect, test } from "bun:test";
import { lutimesSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatRun } from "../../src/records/run.ts";
import { openStorage } from "../../src/storage/open.ts";
import { RUN, runState } from "../contract/samples.ts";
import { type DiskWorld, openDiskWorld, PretendedProcesses } from "../contract/worlds.ts";

const LONG_AGO = 1_000_000;

describe("the archive's sweep", () => {
  test("takes nothing but what is an archived run by its name, its time and its content", async () => {
    await using world = await openDiskWorld();
    await archived(world, RUN);
    const others: Readonly<Record<string, string>> = {
      notes: "a person's folder",
      run_broken: "{",
      run_renamed: formatRun(runState({ runId: "run_other" })),
      "run.backup": formatRun(runState({ runId: "run_backup" })),
    };
    for (const [name, text] of Object.entries(others)) {
      mkdirSync(at(world, name));
      writeFileSync(at(world, name, "state.json"), text);
    }
    mkdirSync(at(world, "run_empty"));
    writeFileSync(at(world, "run_file"), formatRun(runState({ runId: "run_file" })));
    const outside = join(world.baseDir, "elsewhere");
    mkdirSync(outside);
    writeFileSync(join(outside, "state.json"), formatRun(runState({ runId: "run_linked" })));
    symlinkSync(outside, at(world, "run_linked"));
    const kept = [...Object.keys(others), "run_empty", "run_file", "run_linked"].toSorted();
    for (const name of [RUN, ...kept]) lutimesSync(at(world, name), LONG_AGO, LONG_AGO);

    expect(await world.one.runs.sweepArchive(Date.now() - 1)).toEqual([RUN]);
    expect(names(world)).toEqual(kept);
    expect(readdirSync(outside)).toEqual(["state.json"]);
  });

  test("that a crash cuts short leaves no run half there, and the next one ends it", async () => {
    await using world = await openDiskWorld();
    await archived(world, RUN);
    utimesSync(at(world, RUN), LONG_AGO, LONG_AGO);
    const mortal = openStorage({
      baseDir: world.baseDir,
      liveness: new PretendedProcesses().start(),
      step: (step) => {
        if (step.startsWith("before discard")) throw new Error("crash");
      },
    });
    await expect(mortal.runs.sweepArchive(Date.now() - 1)).rejects.toThrow("crash");
    expect(names(world)).toEqual([expect.stringMatching(/^\.tmp-/)]);

    expect(await world.other.runs.sweepArchive(Date.now() - 1)).toEqual([]);
    expect(names(world)).toEqual([]);
  });
});

async function archived(world: DiskWorld, runId: string): Promise<void> {
  await world.one.runs.create(runState({ runId }));
  await world.one.runs.archive(runId);
}

function at(world: DiskWorld, ...path: readonly string[]): string {
  return join(world.baseDir, "archive", ...path);
}

function names(world: DiskWorld): readonly string[] {
  return readdirSync(join(world.baseDir, "archive")).toSorted();
}
