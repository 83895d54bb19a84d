import { beforeAll, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { Message } from "../../src/core/message.ts";
import { batch, member, RUN, runState } from "../contract/samples.ts";
import { eventually } from "../support/eventually.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, type Desk, NODE, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

/** A run that is led from the caller's work tree: bo was stopped by a person, cy is done. */
async function ownDesk(owned: boolean): Promise<Desk> {
  const desk = await openDesk(command);
  desk.configure();
  desk.env["TZ"] = "UTC";
  const { runs, ownership } = await desk.storage();
  await runs.create(
    runState({
      lead: { ...runState().lead, directory: desk.at("work") },
      members: {
        ada: member("ada"),
        bo: member("bo", { status: "interrupted", heldByPerson: true }),
        cy: member("cy", { status: "done" }),
      },
    }),
  );
  if (owned) await ownership.take(RUN);
  return desk;
}

async function lettersTo(desk: Desk, name: string): Promise<readonly Message[]> {
  return (await desk.storage()).mailbox.ready(RUN, name);
}

describe("tell", () => {
  test("puts a person's message into the mailbox, and lets a member go on that was stopped", async () => {
    await using desk = await ownDesk(true);
    const { code, out, err } = desk.flotilla("tell", "bo", "Go", "on.", "--wait", "0");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(
      /^\d\d:\d\d:\d\d {2}bo: on disk\n1 message from person has waited \d s for bo: about to be posted\.\n$/,
    );
    expect(await lettersTo(desk, "bo")).toEqual([
      expect.objectContaining({ from: "person", to: "bo", kind: "person", body: "Go on.", seq: 1 }),
    ]);
    const state = await (await desk.storage()).runs.read(RUN);
    expect(state?.members["bo"]?.heldByPerson).toBe(false);
    expect(desk.flotilla("log").out).toContain("person -> bo: person, 6 bytes");
  });

  test("says that nobody owns the run where nobody does; the same under Bun", async () => {
    await using desk = await ownDesk(false);
    for (const say of [desk.flotilla, desk.flotillaUnderBun]) {
      const { code, out } = say("tell", "lead", "Look at this.", "--wait", "0");
      expect(code).toBe(0);
      expect(out).toContain("Nobody moves the run: OpenCode was closed");
      expect(out).toContain(`  Start OpenCode in ${desk.at("work")}: it takes the run over and goes on.\n`);
      expect(out).toContain("from person");
    }
    expect(await lettersTo(desk, "lead")).toHaveLength(2);
  });

  test("says each stage of the way, until the turn is over", async () => {
    await using desk = await ownDesk(true);
    const { mailbox } = await desk.storage();
    const teller = spawn(NODE, [command.path, "tell", "ada", "Go on.", "--wait", "60"], {
      cwd: desk.at("work"),
      env: desk.env,
    });
    let out = "";
    teller.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
    const ended = new Promise((resolve) => teller.once("exit", resolve));
    const [letter] = await eventually(async () => {
      const letters = await lettersTo(desk, "ada");
      expect(letters).toHaveLength(1);
      return letters;
    });
    const way = batch([letter?.messageId ?? ""]);
    await mailbox.reserve(way);
    const steps = [
      ["posted", "posted to its session"],
      ["witnessed", "seen by its model"],
    ] as const;
    for (const [phase, says] of steps) {
      await mailbox.saveBatch({ ...way, phase });
      await eventually(async () => expect(out).toContain(says));
    }
    await mailbox.ack(way);
    expect(await ended).toBe(0);
    expect(out.replaceAll(/^[\d:]+ {2}/gm, "")).toBe(
      [
        "ada: on disk",
        "ada: posted to its session",
        "ada: seen by its model",
        "ada: done: its model has answered and the turn is over",
        "",
      ].join("\n"),
    );
  });

  test("reads a long text from standard input, writes to everybody, and gives programs the same as JSON", async () => {
    await using desk = await ownDesk(true);
    const { status, stdout } = spawnSync(NODE, [command.path, "tell", "*", "-", "--json", "--wait", "0"], {
      cwd: desk.at("work"),
      env: desk.env,
      encoding: "utf8",
      input: "First.\n--second--\n",
    });
    expect(status).toBe(0);
    const [letter] = await lettersTo(desk, "ada");
    expect(letter?.body).toBe("First.\n--second--\n");
    expect(JSON.parse(stdout)).toEqual({
      runId: RUN,
      messageId: letter?.messageId,
      delivered: ["lead", "ada", "bo"].map((to) => ({ to, stage: "written" })),
    });
  });

  const REFUSED: readonly (readonly [args: readonly string[], says: readonly string[]])[] = [
    [
      ["dee", "Hello"],
      ['"dee" is unknown in run run_1; participants are lead, ada, bo, cy', "flotilla status"],
    ],
    [
      ["cy", "Hello"],
      ['"cy" is done and takes no more mail', "Tell the lead"],
    ],
    [["ada", " "], ["the message has no text"]],
    [["ada", "x".repeat(32_769)], ["has 32769 bytes; at most 32768 are allowed"]],
    [["ada"], ["tell wants TEXT: what to say"]],
    [["ada", "Hello", "--wait", "long"], ['--wait: received "long"']],
    [["ada", "Hello", "--run", "writers"], ['no live run is called "writers"']],
  ];
  for (const [args, says] of REFUSED) {
    test(`refuses ${args.join(" ").slice(0, 40)} and writes nothing`, async () => {
      await using desk = await ownDesk(true);
      const { code, out, err } = desk.flotilla("tell", ...args);
      expect({ code, out }).toEqual({ code: 2, out: "" });
      for (const words of says) expect(err).toContain(words);
      expect(existsSync(`${desk.baseDir}/runs/${RUN}/journal.jsonl`)).toBe(false);
    });
  }
});
