import { describe, expect, test } from "bun:test";
import { execFileSync, spawn } from "node:child_process";
import { cpSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import type { ProcessIdentity } from "../../src/storage/liveness.ts";
import { openStorage } from "../../src/storage/open.ts";
import { readProcesses } from "../../src/system/process-identity.ts";
import { RUN, runState } from "../contract/samples.ts";
import { runSurvey } from "../contract/status-board.ts";
import { documented } from "../support/documented.ts";
import { eventually } from "../support/eventually.ts";
import { type Scratch, scratch } from "../support/scratch.ts";
import { SHELLS } from "../support/tmux.ts";

const READER = documented("status.md", "sh");

/** What the documented functions say about the run, in a plain sh without anything of ours. */
function read(run: string, shell = "sh"): string {
  return execFileSync(shell, ["-c", `${READER}\nflotilla_line "$1"`, shell, run], { encoding: "utf8" });
}

/** Those whose prompts the page has lines for. */
const PROMPTING = SHELLS.filter((shell) => shell !== "fish");

/** A run whose status files were written by that process; where it lies. */
async function shownBy(folder: Scratch, self: ProcessIdentity, survey = runSurvey()): Promise<string> {
  const storage = openStorage({ baseDir: folder.path, liveness: { self, isAlive: async () => true } });
  await storage.runs.create(runState());
  await storage.board.show(survey);
  return folder.at("runs", RUN);
}

describe("the documented reader", () => {
  test("prints the line while the process that wrote it runs", async () => {
    await using folder = await scratch("reader");
    const { self } = await readProcesses();
    expect(read(await shownBy(folder, self))).toBe("explorers: 2 waiting\n");
  });

  test.each(PROMPTING)("means the same in %s, and says nothing where there is no run", async (shell) => {
    await using folder = await scratch("reader");
    const { self } = await readProcesses();
    expect(read(await shownBy(folder, self), shell)).toBe("explorers: 2 waiting\n");
    const env = { ...process.env, XDG_DATA_HOME: folder.at("nothing") };
    expect(execFileSync(shell, ["-c", `${READER}\nflotilla_lines`], { encoding: "utf8", env })).toBe("");
  });

  test("is not led astray by the pids of other processes in the file", async () => {
    await using folder = await scratch("reader");
    const { self } = await readProcesses();
    const leftRunning = [{ pid: 1, program: "sleep", directory: "/" }];
    expect(read(await shownBy(folder, self, runSurvey({ leftRunning })))).toBe("explorers: 2 waiting\n");
  });

  test.each([
    ["another process has its pid", { startTime: "proc:1" }],
    ["the machine was started again", { bootId: "00000000-0000-0000-0000-000000000000" }],
    ["no process has its pid", { pid: 4_194_305 }],
  ])("says lost when %s", async (_, other) => {
    await using folder = await scratch("reader");
    const { self } = await readProcesses();
    expect(read(await shownBy(folder, { ...self, ...other }))).toBe("explorers: lost\n");
  });

  test("says lost of a process that was killed and that nobody has buried", async () => {
    await using folder = await scratch("reader");
    const { self } = await readProcesses();
    // Its parent is no shell any more by then, and does not wait for it: it stays a zombie.
    const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
    const pid = await new Promise<number>((resolve) =>
      parent.stdout.once("data", (chunk) => resolve(Number(chunk))),
    );
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const startTime = `proc:${stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]}`;
    process.kill(pid, "SIGKILL");
    const run = await shownBy(folder, { ...self, pid, startTime });
    try {
      await eventually(() => expect(read(run)).toBe("explorers: lost\n"));
    } finally {
      parent.kill("SIGKILL");
    }
  });

  test("tells a run that was left in good order from one that was lost", async () => {
    await using folder = await scratch("reader");
    const { self } = await readProcesses();
    const survey = runSurvey({ runStatus: "orphaned" });
    const run = await shownBy(folder, { ...self, startTime: "proc:1" }, survey);
    expect(read(run)).toBe("explorers: at rest\n");
  });

  test("prints nothing of a run without a status, and a line for each that has one", async () => {
    await using folder = await scratch("reader");
    const { self } = await readProcesses();
    const run = await shownBy(folder, self);
    const home = folder.at("home", "opencode-flotilla");
    await mkdir(`${home}/runs/run_2`, { recursive: true });
    cpSync(run, `${home}/runs/run_1`, { recursive: true });
    await writeFile(folder.at("flotilla.sh"), READER);
    const said = execFileSync("sh", ["-c", `. ${folder.at("flotilla.sh")}; flotilla_lines`], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], XDG_DATA_HOME: folder.at("home") },
    });
    expect(said).toBe("explorers: 2 waiting\n");
  });
});
