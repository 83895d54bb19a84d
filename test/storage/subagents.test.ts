import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { emptyLedger, type SubagentLedger } from "../../src/core/subagents.ts";
import { readSubagents } from "../../src/index.ts";
import type { SubagentLedgers } from "../../src/ports.ts";
import type { StorageReport } from "../../src/storage/faults.ts";
import { openSubagents } from "../../src/storage/open.ts";
import { PretendedProcesses } from "../contract/worlds.ts";
import { type Scratch, scratch } from "../support/scratch.ts";

const CALLER = "ses_caller";

interface Two extends AsyncDisposable {
  readonly folder: Scratch;
  readonly one: SubagentLedgers;
  readonly other: SubagentLedgers;
  readonly reports: readonly StorageReport[];
}

async function two(): Promise<Two> {
  const folder = await scratch("subagents");
  const processes = new PretendedProcesses();
  const reports: StorageReport[] = [];
  const open = (): SubagentLedgers =>
    openSubagents({
      baseDir: folder.path,
      liveness: processes.start(),
      report: (report) => reports.push(report),
    });
  return { folder, one: open(), other: open(), reports, [Symbol.asyncDispose]: folder.remove };
}

const LEDGER = emptyLedger(CALLER, { pid: 1, startTime: "pretended:1", bootId: "boot" });

function withNumber(ledger: SubagentLedger | undefined): SubagentLedger {
  const before = ledger ?? LEDGER;
  return { ...before, names: { gen: (before.names["gen"] ?? 0) + 1 } };
}

describe("what is known of a session's subagents", () => {
  test("is whole after any number of changes by two processes at the same time", async () => {
    await using world = await two();
    const { one, other } = world;
    await Promise.all(
      Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? one : other).change(CALLER, withNumber)),
    );
    expect((await one.read(CALLER))?.names).toEqual({ gen: 40 });
    expect((await other.read(CALLER))?.names).toEqual({ gen: 40 });
    expect(await other.parents()).toEqual([CALLER]);
    expect(readdirSync(world.folder.at("subagents"))).toEqual([`${CALLER}.json`]);
  });

  test("is not written again where nothing changes, and is gone where nothing is left", async () => {
    await using world = await two();
    const { one, other, folder } = world;
    await one.change(CALLER, () => LEDGER);
    const before = readFileSync(folder.at("subagents", `${CALLER}.json`), "utf8");
    expect(await other.change(CALLER, (ledger) => ledger)).toEqual(LEDGER);
    expect(readFileSync(folder.at("subagents", `${CALLER}.json`), "utf8")).toBe(before);
    await other.change(CALLER, () => undefined);
    expect(await one.read(CALLER)).toBeUndefined();
    expect(await one.parents()).toEqual([]);
  });

  test("keeps what a later version has added, and is set aside where it makes no sense", async () => {
    await using world = await two();
    const { one, folder, reports } = world;
    mkdirSync(folder.at("subagents"));
    writeFileSync(
      folder.at("subagents", `${CALLER}.json`),
      JSON.stringify({ ...LEDGER, added: { later: 1 } }),
    );
    await one.change(CALLER, withNumber);
    expect(JSON.parse(readFileSync(folder.at("subagents", `${CALLER}.json`), "utf8"))).toMatchObject({
      ...{ added: { later: 1 }, names: { gen: 1 } },
    });
    writeFileSync(folder.at("subagents", "ses_broken.json"), '{"version":1');
    expect((await readSubagents(folder.path)).unreadable).toMatchObject([
      { path: folder.at("subagents", "ses_broken.json") },
    ]);
    expect(await one.read("ses_broken")).toBeUndefined();
    expect(reports).toMatchObject([{ kind: "set_aside" }]);
  });

  test("has no place for an id that would leave its folder", async () => {
    await using world = await two();
    await expect(world.one.read("../x")).rejects.toThrow("cannot be a session id");
  });
});
