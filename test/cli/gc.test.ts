import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, renameSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { member, RUN, runState } from "../contract/samples.ts";
import { gitGround } from "../git/ground.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, type Desk, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

const HOUR = 3_600_000;

/** A run that is archived for 8 days, one for 6, one whose owner died, and one whose owner lives, with what crashes leave. */
async function usedDesk(): Promise<Desk> {
  const desk = await openDesk(command);
  desk.configure();
  const alive = await desk.storage();
  for (const runId of ["run_old", "run_young", "run_live"]) await alive.runs.create(runState({ runId }));
  const gone = await desk.storage("gone");
  await gone.runs.create(runState());
  await gone.ownership.take(RUN);
  await alive.ownership.take("run_live");
  for (const [runId, hours] of [
    ["run_old", 8 * 24],
    ["run_young", 6 * 24],
  ] as const) {
    await alive.runs.archive(runId);
    aged(join(desk.baseDir, "archive", runId), hours);
  }
  for (const folder of [
    "runs",
    "subagents",
    `runs/${RUN}/tasks`,
    `runs/${RUN}/status`,
    `runs/${RUN}/inboxes/ada/processed`,
    "runs/run_live/tasks",
  ]) {
    aged(planted(desk, `${folder}/.tmp-old`), 1);
    planted(desk, `${folder}/.tmp-young`);
  }
  return desk;
}

function planted(desk: Desk, path: string): string {
  const file = join(desk.baseDir, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "half of");
  return file;
}

function aged(path: string, hours: number): void {
  const at = new Date(Date.now() - hours * HOUR);
  utimesSync(path, at, at);
}

const GOING = (desk: Desk): readonly string[] =>
  [
    "archive/run_old",
    "runs/.tmp-old",
    "subagents/.tmp-old",
    `runs/${RUN}/tasks/.tmp-old`,
    `runs/${RUN}/status/.tmp-old`,
    `runs/${RUN}/inboxes/ada/processed/.tmp-old`,
  ].map((path) => join(desk.baseDir, path));

const STAYING = (desk: Desk): readonly string[] =>
  [
    "archive/run_young/state.json",
    "runs/.tmp-young",
    "subagents/.tmp-young",
    "runs/run_live/tasks/.tmp-old",
    `runs/${RUN}/state.json`,
    `runs/${RUN}/owner.json`,
    `runs/${RUN}/tasks/.tmp-young`,
  ].map((path) => join(desk.baseDir, path));

describe("gc", () => {
  test("shows what it would remove and touches nothing until it is told to; then there is nothing left", async () => {
    await using desk = await usedDesk();
    const before = desk.snapshot();
    const { code, out, err } = desk.flotilla("gc");
    expect({ code, err }).toEqual({ code: 1, err: "" });
    expect(out).toContain(
      `Runs that were archived more than 7 days ago\n  ${desk.baseDir}/archive/run_old  192 h 0 min old\n`,
    );
    for (const path of GOING(desk)) expect(out).toContain(`  ${path}  `);
    for (const path of [...STAYING(desk), "run_live"]) expect(out).not.toContain(path);
    expect(out).toEndWith("Nothing was changed: say --yes to do it.\n");
    expect(desk.snapshot()).toEqual(before);

    const done = desk.flotillaUnderBun("gc", "--yes");
    expect({ code: done.code, err: done.err }).toEqual({ code: 0, err: "" });
    expect(done.out).toEndWith(`\nRemoved ${GOING(desk).length} things.\n`);
    expect(GOING(desk).filter((path) => existsSync(path))).toEqual([]);
    expect(STAYING(desk).filter((path) => !existsSync(path))).toEqual([]);
    expect(desk.flotilla("gc")).toEqual({
      code: 0,
      out: `Nothing to remove in ${desk.baseDir}.\n`,
      err: "",
    });
  });

  test("removes the lock of a process that is gone, and not one that is held", async () => {
    await using desk = await usedDesk();
    const lock = (runId: string): string => join(desk.baseDir, "runs", runId, ".lock");
    const gone = await desk.storage("gone");
    await gone.runs.exclusively(RUN, async () => {
      renameSync(lock(RUN), `${lock(RUN)}.kept`);
    });
    renameSync(`${lock(RUN)}.kept`, lock(RUN));
    const { runs } = await desk.storage();
    await runs.exclusively("run_live", async () => {
      const { out } = desk.flotilla("gc", "--yes");
      expect(out).toContain(`Locks of processes that are gone\n  ${lock(RUN)}  `);
      expect(existsSync(lock("run_live"))).toBe(true);
    });
    expect(existsSync(lock(RUN))).toBe(false);
  });

  test("gives programs the same as JSON, and removes only with --yes as well", async () => {
    await using desk = await usedDesk();
    const { code, out } = desk.flotilla("gc", "--json");
    expect(code).toBe(1);
    const { leftovers, worktrees } = JSON.parse(out);
    expect(leftovers.map(({ path }: { path: string }) => path).toSorted()).toEqual(GOING(desk).toSorted());
    expect(worktrees).toEqual([]);
    expect(existsSync(GOING(desk)[0] ?? "")).toBe(true);
    expect(desk.flotilla("gc", "--json", "--yes").code).toBe(0);
    expect(existsSync(GOING(desk)[0] ?? "")).toBe(false);
  });

  test("removes worktrees of runs that are over if nothing would be lost, and says what the others hold", async () => {
    await using ground = await gitGround();
    await using desk = await openDesk(command);
    desk.configure();
    desk.env["PATH"] = process.env["PATH"] ?? "";
    const [idle, busy] = [await ground.made(), await ground.made({ member: "bo", branch: "team/crew/bo" })];
    await ground.write(join(busy.path, "new.txt"));
    const { runs } = await desk.storage();
    const { lead } = runState();
    const members = {
      ada: member("ada", { status: "done", worktree: idle }),
      bo: member("bo", { status: "done", worktree: busy }),
    };
    await runs.create(runState({ status: "closed", lead: { ...lead, directory: ground.work }, members }));
    expect(desk.flotilla("gc").out).toBe(`Nothing to remove in ${desk.baseDir}.\n`);
    await runs.archive(RUN);
    const { code, out } = desk.flotilla("gc", "--yes");
    expect(code).toBe(0);
    expect(out).toBe(
      [
        "Worktrees of runs that are over, which hold nothing that is not elsewhere",
        `  ${idle.path}  branch team/crew/ada`,
        "Worktrees of runs that are over, which stay",
        `  ${busy.path}  uncommitted: new.txt`,
        "Removed 1 thing.",
        "",
      ].join("\n"),
    );
    expect([existsSync(idle.path), existsSync(busy.path)]).toEqual([false, true]);
    expect(await ground.git(["branch", "--list", "team/*"])).toBe("+ team/crew/bo");
  });
});
