import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Task } from "../../src/core/task.ts";
import { OWNED_MAX } from "../../src/core/task-checks.ts";
import { type Scratch, scratch } from "../support/scratch.ts";
import { openTeamOnDisk } from "../support/team-on-disk.ts";

/** Claims in all, half of them from each process; `npm run e2e:full` and whoever sets the variable let 1,000 race. */
const CLAIMS = process.env["FLOTILLA_MATRIX"] === "full" ? 1_000 : 160;
const TASKS = CLAIMS / 2;
const RACERS = ["ada", "bo"];

describe("tasks that two processes reach for at the same time", () => {
  test(
    "are each claimed once, by whoever has the task afterwards; every other claim is refused",
    async () => {
      await using folder = await scratch("race");
      const runId = await withTasks(folder);
      const racers = RACERS.map((member) => start(folder, runId, member));
      await Promise.all(racers.map((racer) => racer.says("ready")));
      for (const racer of racers) racer.go();
      const outcomes = await Promise.all(racers.map((racer) => racer.outcomes()));

      const owners = Array.from({ length: TASKS }, (_, at) => taskOf(folder, runId, at + 1));
      const claimed = owners.filter((task) => task.owner !== undefined);
      for (const [at, task] of owners.entries()) {
        const codes = outcomes.map((of) => of[at]);
        const winners = RACERS.filter((_, racer) => codes[racer] === "won");
        expect(winners).toEqual(task.owner === undefined ? [] : [task.owner]);
        expect(task.generation).toBe(winners.length);
        // Whoever has enough in hand gets no more, and then nobody may have wanted the task in time.
        for (const code of codes) expect(code).toBeOneOf(["won", "task_taken", "task_limit"]);
      }
      expect(claimed.length).toBe(Math.min(TASKS, RACERS.length * OWNED_MAX));
      const claims = journalOf(folder, runId).filter((line) => line.event === "task_claimed");
      expect(claims.map((line) => line.taskId).toSorted()).toEqual(
        claimed.map((task) => task.taskId).toSorted(),
      );
    },
    CLAIMS * 1_000,
  );
});

/** A run whose members are at work and whose list has tasks that nobody has. */
async function withTasks(folder: Scratch): Promise<string> {
  await using team = await openTeamOnDisk(folder.path, RACERS);
  await team.fill(TASKS);
  return team.runId;
}

interface Racer {
  says(line: string): Promise<void>;
  go(): void;
  outcomes(): Promise<readonly string[]>;
}

function start(folder: Scratch, runId: string, member: string): Racer {
  const script = Bun.fileURLToPath(new URL("./task-racer.ts", import.meta.url));
  const child = spawn(process.execPath, [script, folder.path, runId, member, String(TASKS)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const read = lines[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await read.next();
    if (done) throw new Error(`${member} ended early, with ${child.exitCode}`);
    return value;
  };
  return {
    says: async (line) => expect(await next()).toBe(line),
    go: () => child.stdin.end("go\n"),
    async outcomes() {
      const ended = once(child, "exit");
      const outcomes = JSON.parse(await next()) as string[];
      await ended;
      return outcomes;
    },
  };
}

function taskOf(folder: Scratch, runId: string, taskId: number): Task {
  return JSON.parse(readFileSync(folder.at("runs", runId, "tasks", `${taskId}.json`), "utf8")) as Task;
}

function journalOf(folder: Scratch, runId: string): { readonly event: string; readonly taskId: number }[] {
  const text = readFileSync(folder.at("runs", runId, "journal.jsonl"), "utf8");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
}
