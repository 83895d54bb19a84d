import { beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { message, NOON, RUN, runState } from "../contract/samples.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, type Desk, NODE, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

/** A run that is led from the caller's work tree, some minutes of it; the noon of the samples is 15:06:40 UTC. */
async function toldDesk(): Promise<Desk> {
  const desk = await openDesk(command);
  desk.configure();
  desk.env["TZ"] = "UTC";
  const { runs, mailbox } = await desk.storage();
  const lead = { ...runState().lead, directory: desk.at("work") };
  await runs.create(runState({ lead, label: "nightly" }));
  await mailbox.put(
    message(1, { messageId: "brief_ada_1", from: "system", kind: "brief", body: "You are ada." }),
  );
  await mailbox.put(
    message(2, { body: "Read\u001b[2J\tthis.\r\nThen that.", summary: "work", createdAt: NOON + 60_000 }),
  );
  await mailbox.put(message(3, { to: "bo", createdAt: NOON + 3_600_000 * 10, kind: "task", from: "system" }));
  await runs.exclusively(RUN, (run) =>
    run.appendJournal([
      { revision: 1, index: 0, at: NOON, event: "run_created", team: "explorers", label: "nightly" },
      { revision: 2, index: 0, at: NOON + 1, event: "member_waiting", member: "ada", generation: 1 },
      {
        revision: 3,
        index: 0,
        at: NOON + 60_000,
        event: "message_sent",
        messageId: "mail_2",
        from: "lead",
        to: ["ada"],
        kind: "message",
        bytes: 26,
      },
      // The clock was set back.
      { revision: 4, index: 0, at: NOON + 2_000, event: "member_working", member: "ada" },
      { revision: 5, index: 0, at: NOON + 61_000, event: "member_promoted", member: "bo", rank: 2 },
    ]),
  );
  return desk;
}

const LINES = [
  "explorers (nightly)  run_1  active",
  "2025-06-15",
  "15:06:40  the team explorers (nightly) is created",
  "15:06:40  ada waits for mail",
  "15:06:40  system -> ada: brief, 12 bytes",
  "15:07:40  lead -> ada: a message, 26 bytes",
  "15:06:42  ada works",
  "15:07:41  member promoted (member: bo, rank: 2)",
  "2025-06-16",
  "01:06:40  system -> bo: task, 9 bytes",
];

describe("log", () => {
  test("tells what has happened in the journal's own order, mail between it; the same under Bun", async () => {
    await using desk = await toldDesk();
    const before = desk.snapshot();
    const { code, out, err } = desk.flotilla("log");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toBe(`${LINES.join("\n")}\n`);
    expect(desk.flotillaUnderBun("log")).toEqual({ code, out, err });
    expect(desk.snapshot()).toEqual(before);
  });

  test("shows what was written only with --mail, and nothing of it that a terminal would obey", async () => {
    await using desk = await toldDesk();
    expect(desk.flotilla("log", "nightly", "--mail").out).toContain(
      [
        "15:07:40  lead -> ada: a message, 26 bytes",
        "          | [work]",
        "          | Read [2J    this.",
        "          | Then that.",
        "15:06:42  ada works",
      ].join("\n"),
    );
    for (const args of [[], ["--json"]])
      expect(desk.flotilla("log", ...args).out).not.toContain("You are ada");
  });

  test("shows only what is about one member, and refuses a name that nobody has", async () => {
    await using desk = await toldDesk();
    expect(desk.flotilla("log", "--member", "bo").out).toBe(
      `${[LINES[0], LINES[1], LINES[7], LINES[8], LINES[9]].join("\n")}\n`,
    );
    const { code, out, err } = desk.flotilla("log", "--member", "bob");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain('"bob" is nobody in that run\nThere are: lead, system, person, ada, bo.');
  });

  test("gives programs a line of JSON for each", async () => {
    await using desk = await toldDesk();
    const lines = desk.flotilla("log", "--json", "--mail").out.trim().split("\n");
    expect(lines).toHaveLength(7);
    expect(JSON.parse(lines[2] ?? "")).toEqual({
      at: NOON + 1,
      event: "mail",
      text: "system -> ada: brief, 12 bytes",
      who: ["system", "ada"],
      body: "You are ada.",
    });
  });

  test("tells a run that is over, the last of that name, also without a name", async () => {
    await using desk = await toldDesk();
    const { runs } = await desk.storage();
    const { lead } = JSON.parse(readFileSync(`${desk.baseDir}/runs/${RUN}/state.json`, "utf8"));
    await runs.create(runState({ runId: "run_0", lead, createdAt: NOON - 1 }));
    for (const runId of [RUN, "run_0"]) await runs.archive(runId);
    const told = [LINES[0]?.replace("active", "over"), ...LINES.slice(1)].join("\n");
    for (const args of [[], ["explorers"], ["run_1"]])
      expect(desk.flotilla("log", ...args).out).toBe(`${told}\n`);
    expect(desk.flotilla("log", "run_0").out).toBe("explorers  run_0  over\n");
    expect(desk.flotilla("log", "writers")).toMatchObject({ code: 2, out: "" });
  });

  test("names lines that it cannot read, and leaves out one that is still being written", async () => {
    await using desk = await toldDesk();
    const journal = `${desk.baseDir}/runs/${RUN}/journal.jsonl`;
    appendFileSync(journal, 'nonsense\n{"revision":6,"index":0,"at":1,"ev');
    const { code, out } = desk.flotilla("log");
    expect(code).toBe(0);
    expect(out).toBe(`${LINES.join("\n")}\nNot readable: ${journal}:6: not JSON: ${notJson}\n`);
  });

  test("goes on with what happens, each once, until the run is over", async () => {
    await using desk = await toldDesk();
    const { runs, mailbox } = await desk.storage();
    const follower = spawn(NODE, [command.path, "log", "-f", "--member", "bo"], {
      cwd: desk.at("work"),
      env: desk.env,
    });
    let out = "";
    const said = (text: string): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => {
          if (out.includes(text)) resolve();
          else follower.stdout.once("data", look);
        };
        look();
      });
    follower.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
    const ended = new Promise((resolve) => follower.once("exit", resolve));
    await said(LINES[9] ?? "");
    await mailbox.put(message(4, { to: "bo", createdAt: NOON, kind: "budget", from: "system" }));
    await runs.exclusively(RUN, (run) =>
      run.appendJournal([
        { revision: 6, index: 0, at: NOON + 36_001_000, event: "member_working", member: "bo" },
      ]),
    );
    await said("bo works");
    await said("budget");
    await runs.archive(RUN);
    expect(await ended).toBe(0);
    expect(out.split("\n").filter((line) => /bo works|promoted|budget/.test(line))).toHaveLength(3);
  });

  test("ends in good order when the person has had enough", async () => {
    await using desk = await toldDesk();
    const follower = spawn(NODE, [command.path, "log", "-f"], { cwd: desk.at("work"), env: desk.env });
    const ended = new Promise((resolve) => follower.once("exit", (code, signal) => resolve(code ?? signal)));
    await new Promise((resolve) => follower.stdout.once("data", resolve));
    follower.kill("SIGINT");
    expect(await ended).toBe(0);
  });
});

/** In the words of the Node that runs the command. */
const notJson = `Unexpected token 'o', "nonsense" is not valid JSON`;
