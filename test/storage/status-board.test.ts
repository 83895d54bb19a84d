import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import type { RunSurvey } from "../../src/core/survey.ts";
import type { Reading } from "../../src/records/shape.ts";
import { parseParticipantStatus, parseTeamStatus } from "../../src/records/status.ts";
import { NOON, RUN, runState } from "../contract/samples.ts";
import { participantSurvey, runSurvey } from "../contract/status-board.ts";
import { type DiskWorld, openDiskWorld } from "../contract/worlds.ts";

function read<T>(reading: Reading<T>): T {
  if (!reading.ok) throw new Error(reading.fault);
  return reading.value;
}

const team = (world: DiskWorld) => read(parseTeamStatus(readFileSync(world.at("status.json"), "utf8")));
const one = (world: DiskWorld, name: string) =>
  read(parseParticipantStatus(readFileSync(world.at("status", `${name}.json`), "utf8")));

/** The n-th of a series of surveys: in each, ada's figures are all `n`. */
function nth(n: number): RunSurvey {
  const ada = participantSurvey("ada", { unread: n, turns: n, tokens: n, since: NOON + n });
  return runSurvey({ members: [ada, participantSurvey("bo")] });
}

async function opened(): Promise<DiskWorld> {
  const world = await openDiskWorld();
  await world.one.runs.create(runState());
  return world;
}

describe("status files", () => {
  test("are one a participant, one of the run and its line, readable by their owner alone", async () => {
    await using world = await opened();
    const mask = process.umask(0);
    await world.one.board.show(runSurvey({ label: "new" }));
    process.umask(mask);

    expect(readdirSync(world.at("status")).toSorted()).toEqual(["ada.json", "bo.json", "lead.json"]);
    expect(readFileSync(world.at("status.txt"), "utf8")).toBe("explorers: 2 waiting\n");
    const files = ["status.json", "status.txt", "status/ada.json", "status/lead.json"];
    for (const file of files) expect(statSync(world.at(file)).mode & 0o777).toBe(0o600);
    expect(statSync(world.at("status")).mode & 0o777).toBe(0o700);
    expect(one(world, "ada")).toMatchObject({
      version: 1,
      sequence: 1,
      pid: 1001,
      startTime: "pretended:1",
      bootId: "boot",
      runId: RUN,
      team: "explorers",
      label: "new",
      participant: "ada",
    });
  });

  test("are written only where they say something new, and under a higher number each time", async () => {
    await using world = await opened();
    await world.one.board.show(nth(1));
    await world.one.board.show(nth(1));
    expect(team(world).sequence).toBe(1);
    await world.one.board.show(nth(2));
    expect([team(world).sequence, one(world, "ada").sequence, one(world, "bo").sequence]).toEqual([2, 2, 1]);
  });

  test("go on with their numbers in the next process, and after another has written between", async () => {
    await using world = await opened();
    await world.one.board.show(nth(1));
    await world.other.board.shown(RUN);
    await world.other.board.show(nth(2));
    await world.one.board.shown(RUN);
    await world.one.board.show(nth(3));
    expect(team(world)).toMatchObject({ sequence: 3, pid: 1001 });
    expect(one(world, "bo").sequence).toBe(3);
  });

  test("of a member whose session was deleted are taken away, and the run's says why", async () => {
    await using world = await opened();
    await world.one.board.show(nth(1));
    const lost = participantSurvey("ada", { status: "lost", reason: "session_deleted" });
    await world.one.board.show(runSurvey({ members: [lost, participantSurvey("bo")] }));
    expect(readdirSync(world.at("status")).toSorted()).toEqual(["bo.json", "lead.json"]);
    expect(team(world).members[0]).toMatchObject({ status: "lost", reason: "session_deleted" });
    await world.one.board.show(nth(2));
    expect(one(world, "ada").status).toBe("waiting");
  });

  test("leave no temporary file behind, an earlier process's old ones included", async () => {
    await using world = await opened();
    await mkdir(world.at("status"), { mode: 0o700 });
    await writeFile(world.at("status", ".tmp-0123456789abcdef"), "half");
    const old = new Date(Date.now() - 120_000);
    (await import("node:fs")).utimesSync(world.at("status", ".tmp-0123456789abcdef"), old, old);
    await world.one.board.show(nth(1));
    expect(readdirSync(world.at("status")).filter((name) => name.startsWith("."))).toEqual([]);
  });

  test("that cannot be written say so, and are whole again once they can", async () => {
    await using world = await opened();
    await writeFile(world.at("status"), "in the way");
    await expect(world.one.board.show(nth(1))).rejects.toMatchObject({ code: "storage_failed" });
    await rm(world.at("status"));
    await world.one.board.show(nth(1));
    expect(one(world, "ada").turns).toBe(1);
  });

  test("are never seen half or out of order by a program that reads them meanwhile", async () => {
    await using world = await opened();
    const updates = 300;
    await world.one.board.show(nth(0));
    const reader = spawn(process.execPath, ["-e", READER, world.at("status", "ada.json"), String(updates)]);
    let said = "";
    reader.stdout.on("data", (chunk) => {
      said += chunk;
    });
    const ended = new Promise((resolve) => reader.on("exit", resolve));
    await new Promise<void>((resolve) => reader.stdout.once("data", () => resolve()));
    for (let n = 1; n <= updates; n += 1) {
      await world.one.board.show(nth(n));
      // Writing takes no turn of the event loop: the reader's process needs none either, but a busy machine's may.
      if (n % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await ended;
    const { reads, faults } = JSON.parse(said.split("\n")[1] ?? "{}");
    expect(faults).toEqual([]);
    expect(reads).toBeGreaterThan(1);
  }, 60_000);
});

/** Reads until it has seen the last update; says when it has begun, and at its end what it has seen. */
const READER = `
const { readFileSync } = require("node:fs");
const [path, updates] = process.argv.slice(-2);
const faults = [];
let [reads, sequence] = [0, 0];
console.log("begun");
for (;;) {
  try {
    const status = JSON.parse(readFileSync(path, "utf8"));
    reads += 1;
    if (status.sequence < sequence) faults.push("back from " + sequence + " to " + status.sequence);
    if (status.unread !== status.turns || status.turns !== status.tokens) faults.push("a mixture");
    sequence = status.sequence;
    if (status.turns === Number(updates)) break;
  } catch (fault) {
    faults.push(String(fault));
    break;
  }
}
console.log(JSON.stringify({ reads, faults }));
`;
