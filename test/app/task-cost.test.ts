import { describe, expect, test } from "bun:test";
import { LEAD } from "../../src/core/ids.ts";
import type { Clock } from "../../src/ports.ts";
import { scratch } from "../support/scratch.ts";
import { callOf, openTeamOnDisk, type TeamOnDisk } from "../support/team-on-disk.ts";

const FEW = 20;
const MANY = 10_000;

/** What a participant does to one task, on a list of which the last 20 tasks are linked in the same way. */
const OPERATIONS: Readonly<Record<string, (team: TeamOnDisk, last: number) => Promise<unknown>>> = {
  "creates one that waits for two": ({ verbs }, last) =>
    verbs.createTask(callOf("ada"), { subject: "New", description: "Look.", blockedBy: [last, last - 1] }),
  "claims one": ({ verbs }, last) => verbs.updateTask(callOf("ada"), { taskId: last, status: "claimed" }),
  "edits it": ({ verbs }, last) =>
    verbs.updateTask(callOf("ada"), { taskId: last, description: "Look again." }),
  "is refused one that somebody has": async ({ verbs }, last) =>
    expect(verbs.updateTask(callOf("bo"), { taskId: last, status: "claimed" })).rejects.toMatchObject({
      code: "task_taken",
    }),
  "makes one wait for another": ({ verbs }, last) =>
    verbs.updateTask(callOf(LEAD), { taskId: last - 2, blockedBy: [last - 3] }),
  "completes it": ({ verbs }, last) =>
    verbs.updateTask(callOf("ada"), {
      taskId: last,
      status: "completed",
      result: { text: "Seen.", artifacts: ["a"] },
    }),
  "reads it": ({ verbs }, last) => verbs.readTask(callOf("bo"), { taskId: last }),
  "deletes another": ({ verbs }, last) =>
    verbs.updateTask(callOf(LEAD), { taskId: last - 1, status: "deleted" }),
};

/** What each operation took of the disk: tasks looked at, lists of all of them, writes, bytes of `state.json` before it. */
/** Files that others look at are written some time after a change: that is nobody's operation. */
const stillClock: Clock = { now: () => Date.now(), after: () => () => undefined };

async function costs(tasks: number): Promise<Readonly<Record<string, object>>> {
  await using folder = await scratch("cost");
  await using team = await openTeamOnDisk(folder.path, ["ada", "bo"], stillClock);
  await team.fill(tasks);
  const costs: Record<string, object> = {};
  for (const [name, operate] of Object.entries(OPERATIONS)) {
    const before = team.cost();
    await operate(team, tasks);
    const after = team.cost();
    costs[name] = {
      read: after.read - before.read,
      listed: after.listed - before.listed,
      syncs: after.syncs - before.syncs,
    };
  }
  const { size } = Bun.file(folder.at("runs", team.runId, "state.json"));
  // Numbers of five digits instead of two are all that a long list adds.
  expect(size).toBeLessThan(20_000);
  return costs;
}

describe("whoever works on a list of 10,000 tasks", () => {
  test("reads and writes what it would on a list of 20, whatever it does to a task", async () => {
    const few = await costs(FEW);
    expect(await costs(MANY)).toEqual(few);
    for (const cost of Object.values(few)) expect(cost).toMatchObject({ listed: 0 });
  }, 60_000);

  test("is shown 50 rows, how many there are of each kind, and how to come to the rest", async () => {
    await using folder = await scratch("page");
    await using team = await openTeamOnDisk(folder.path, ["ada", "bo"]);
    await team.fill(MANY);
    await team.verbs.updateTask(callOf("ada"), { taskId: 7, status: "in_progress" });
    await team.verbs.updateTask(callOf(LEAD), { taskId: 9, status: "deleted" });

    const first = await team.verbs.listTasks(callOf("bo"), {});
    const last = await team.verbs.listTasks(callOf("bo"), { after: MANY - 10 });
    const adas = await team.verbs.listTasks(callOf("bo"), { owner: "ada" });

    expect(first).toMatchObject({
      left: MANY - 51,
      counts: { pending: MANY - 2, claimed: 0, in_progress: 1, completed: 0, deleted: 1 },
    });
    expect(first.rows.map((row) => row.taskId)).toEqual(
      Array.from({ length: 51 }, (_, at) => at + 1).filter((taskId) => taskId !== 9),
    );
    expect(last).toMatchObject({ left: 0, counts: first.counts });
    expect(last.rows.map((row) => row.taskId)).toEqual(Array.from({ length: 10 }, (_, at) => MANY - 9 + at));
    expect(adas).toMatchObject({ left: 0, rows: [{ taskId: 7, owner: "ada" }] });
  }, 60_000);
});
