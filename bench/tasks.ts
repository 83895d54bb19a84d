import type { Call, Verbs } from "../src/app/verbs.ts";
import { LEAD, type TaskId } from "../src/core/ids.ts";
import { FlotillaError } from "../src/errors.ts";
import { scratch } from "../test/support/scratch.ts";
import { callOf, openTeamOnDisk } from "../test/support/team-on-disk.ts";
import { durableWrites } from "./durable-write.ts";
import { number, type Section } from "./section.ts";
import { median, p95 } from "./statistics.ts";

const TASKS = 200;
/** How many tasks a list has while single changes are made to it, and how many rounds of them. */
const SIZES = [100, 1_000, 10_000];
const ROUNDS = 40;
const CLAIMERS = ["ada", "ben", "cem", "dora", "eve"];

/** What another member was faster at: it has the task, or is done with it already. */
const LOST = new Set<string>(["task_taken", "task_transition"]);

type Operation = "create" | "list" | "claim" | "lost claim" | "complete";

export async function measureTasks(): Promise<Section> {
  await using folder = await scratch("tasks");
  const raw = await durableWrites(folder, TASKS);
  const grown: (readonly string[])[] = [];
  for (const size of SIZES)
    grown.push(...(await changesInListOf(folder.at(`of-${size}`), size, median(raw))));
  await using team = await openTeamOnDisk(folder.at("data"), CLAIMERS);
  const { verbs } = team;
  const times = new Map<Operation, number[]>();
  const log = (operation: Operation, startedAt: number): void => {
    times.set(operation, [...(times.get(operation) ?? []), performance.now() - startedAt]);
  };

  const untilCreation = team.cost().syncs;
  for (let at = 1; at <= TASKS; at += 1) {
    const startedAt = performance.now();
    await verbs.createTask(callOf(LEAD), { subject: `Task ${at}`, description: "Look.", blockedBy: [] });
    log("create", startedAt);
  }
  const untilWork = team.cost().syncs;
  const startedAt = performance.now();
  const claimed = await Promise.all(CLAIMERS.map((name) => workOff(verbs, name, log)));
  const wallMs = performance.now() - startedAt;
  const won = claimed.flat();
  if (won.length !== TASKS || new Set(won).size !== TASKS) {
    throw new Error(
      `${TASKS} tasks were claimed ${won.length} times, ${new Set(won).size} of them different`,
    );
  }

  const line = (what: string, samples: readonly number[]): readonly string[] => [
    what,
    String(samples.length),
    samples.length === 0 ? "" : `${number(median(samples))} ms (${number(p95(samples))})`,
    samples.length === 0 ? "" : (median(samples) / median(raw)).toFixed(2),
  ];
  const of = (operation: Operation): readonly number[] => times.get(operation) ?? [];
  // A claim and a completion each, and they come one after another because a run has one lock.
  const changes = 2 * TASKS;
  return {
    title: "Tasks",
    method: `${TASKS} tasks are created by the lead, one after another, and then worked off by ${CLAIMERS.length} members at the same time, each over and over: list what is ready, claim the first, complete it. Storage, core and app in one process (this Bun, no host), on a real disk with every sync. The measure is one durable write of a small file on the same disk: write, sync, rename, sync the folder. Times of the ${CLAIMERS.length} members include waiting for each other. The last lines are one member alone on a list that is there already: each time it creates a task that waits for one, claims that one and completes it, which makes the new one ready.`,
    header: ["", "n", "median (p95)", "ratio to a durable write"],
    lines: [
      line("bare: one durable write of a small file", raw),
      line("create a task, alone", of("create")),
      line("list what is ready, beside four others", of("list")),
      line("claim a task, beside four others", of("claim")),
      line("lose a race for a task", of("lost claim")),
      line("complete a task, beside four others", of("complete")),
      line("one change of a task: the whole run, divided by its claims and completions", [wallMs / changes]),
      ...grown,
    ],
    notes: [
      `Every task was claimed exactly once, in ${number(wallMs)} ms for all; ${of("lost claim").length} claims came second and were refused.`,
      `Files and folders synced: ${number((untilWork - untilCreation) / TASKS)} for a creation, ${number((team.cost().syncs - untilWork) / changes)} for a claim or a completion, mail it causes included; 2 for a durable write.`,
    ],
  };
}

/** Create, claim and complete, and the list itself, in a list that holds so many tasks before. */
async function changesInListOf(
  baseDir: string,
  tasks: number,
  durableMs: number,
): Promise<readonly string[][]> {
  await using team = await openTeamOnDisk(baseDir, CLAIMERS);
  const { verbs } = team;
  const call = (): Call => callOf("ada");
  await team.fill(tasks);
  const changes: number[] = [];
  const lists: number[] = [];
  const timed = async (samples: number[], work: () => Promise<unknown>): Promise<void> => {
    const startedAt = performance.now();
    await work();
    samples.push(performance.now() - startedAt);
  };
  for (let taskId = 1; taskId <= ROUNDS; taskId += 1) {
    const draft = { subject: "Next", description: "Look.", blockedBy: [taskId] };
    await timed(changes, () => verbs.createTask(call(), draft));
    await timed(changes, () => verbs.updateTask(call(), { taskId, status: "in_progress" }));
    await timed(changes, () => verbs.updateTask(call(), { taskId, status: "completed" }));
    await timed(lists, () => verbs.listTasks(call(), { ready: true }));
  }
  const row = (what: string, samples: readonly number[]): string[] => [
    `${what}, in a list of ${tasks.toLocaleString("en-US")}`,
    String(samples.length),
    `${number(median(samples))} ms (${number(p95(samples))})`,
    (median(samples) / durableMs).toFixed(2),
  ];
  return [row("change one task", changes), row("list what is ready", lists)];
}

/** Takes ready tasks until there is none. */
async function workOff(
  verbs: Verbs,
  name: string,
  log: (operation: Operation, startedAt: number) => void,
): Promise<readonly TaskId[]> {
  const won: TaskId[] = [];
  for (;;) {
    const listedAt = performance.now();
    const {
      rows: [ready],
    } = await verbs.listTasks(callOf(name), { ready: true, status: "pending" });
    log("list", listedAt);
    if (ready === undefined) return won;
    const claimedAt = performance.now();
    const isOurs = await claim(verbs, name, ready.taskId);
    log(isOurs ? "claim" : "lost claim", claimedAt);
    if (!isOurs) continue;
    won.push(ready.taskId);
    const completedAt = performance.now();
    await verbs.updateTask(callOf(name), { taskId: ready.taskId, status: "completed" });
    log("complete", completedAt);
  }
}

async function claim(verbs: Verbs, name: string, taskId: TaskId): Promise<boolean> {
  try {
    await verbs.updateTask(callOf(name), { taskId, status: "in_progress" });
    return true;
  } catch (refusal) {
    if (refusal instanceof FlotillaError && LOST.has(refusal.code)) return false;
    throw refusal;
  }
}
