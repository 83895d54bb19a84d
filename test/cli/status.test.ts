import { beforeAll, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { chmodSync } from "node:fs";
import { batch, member, message, RUN, runState, task } from "../contract/samples.ts";
import { participantSurvey, runSurvey } from "../contract/status-board.ts";
import { eventually } from "../support/eventually.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, type Desk, NODE, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

const MINUTE = 60_000;
const PATIENCE = { timeoutMs: 30_000 };

/** Two runs: one at work and owned by this process, one whose owner died while ada worked. */
async function busyDesk(): Promise<Desk> {
  const desk = await openDesk(command);
  desk.configure();
  const now = Date.now();
  const alive = await desk.storage();
  await alive.runs.create(
    runState({
      createdAt: now - 90 * MINUTE,
      since: now - 90 * MINUTE,
      label: "nightly",
      messages: 3,
      members: {
        ada: member("ada", {
          status: "working",
          since: now - 3 * MINUTE,
          usage: { turns: 4, tokens: 1234, cost: 0.125 },
          tasks: [2],
        }),
        bo: member("bo", {
          status: "interrupted",
          reason: "provider\u001b[31m error",
          since: now - 45 * MINUTE,
          shutdown: { status: "requested", changedAt: now },
        }),
      },
    }),
  );
  await alive.ownership.take(RUN);
  for (const seq of [1, 2]) await alive.mailbox.put(message(seq));
  await alive.mailbox.reserve(batch(["mail_1"]));
  await alive.mailbox.put(message(3, { to: "lead", from: "ada" }));
  await alive.tasks.write(RUN, task(1, { status: "completed" }));
  await alive.tasks.write(RUN, task(2, { status: "in_progress", owner: "ada" }));

  const gone = await desk.storage("gone");
  await gone.runs.create(
    runState({
      runId: "run_2",
      createdAt: now - 5 * MINUTE,
      since: now - 5 * MINUTE,
      team: { name: "writers", source: "project", allowMemberBroadcast: false },
      members: { ada: member("ada", { status: "working", since: now - 4 * MINUTE }) },
    }),
  );
  await gone.ownership.take("run_2");
  return desk;
}

describe("status", () => {
  test("shows each live run with who moves it, its members, mail, tasks and ages; the same under Bun", async () => {
    await using desk = await busyDesk();
    const { code, out, err } = desk.flotilla("status");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toBe(
      [
        "explorers (nightly)  run_1",
        "  active for 1 h 30 min, created 1 h 30 min ago",
        `  owner: process ${process.pid}, alive`,
        "  lead: ses_lead in /project, 1 unread",
        "  tasks: 1 in progress, 1 completed; 3 messages so far",
        "  MEMBER  STATUS       FOR     UNREAD  TURNS  TOKENS  COST  TASKS  AGENT    REASON",
        "  ada     working      3 min   2       4      1234    0.13  #2     general",
        "  bo      interrupted  45 min  0       0                           general  provider [31m error, shutdown requested",
        "",
        "writers  run_2",
        "  active for 5 min, created 5 min ago",
        `  owner: process ${process.pid}, dead; the run waits for OpenCode to be started in the lead's directory`,
        "  lead: ses_lead in /project, 0 unread",
        "  tasks: none; 0 messages so far",
        "  MEMBER  STATUS  FOR    UNREAD  TURNS  AGENT    REASON",
        "  ada     lost    4 min  0       0      general  was working",
        "",
      ].join("\n"),
    );
    expect(desk.flotillaUnderBun("status")).toEqual({ code, out, err });
  });

  test("shows the run that is named by its id, the beginning of one, its team or its label", async () => {
    await using desk = await busyDesk();
    for (const name of ["run_2", "writers"]) {
      expect(desk.flotilla("status", name).out, name).toStartWith("writers  run_2\n");
    }
    expect(desk.flotilla("status", "nightly").out).not.toContain("writers");
    expect(desk.flotilla("status", "run_").out.match(/^\w+.* run_\d$/gm)).toHaveLength(2);
    const { code, out, err } = desk.flotilla("status", "daily");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toBe(
      'flotilla: no live run is called "daily"; live are: explorers (run_1), writers (run_2)\nName a run by its id, the beginning of its id, its team or its label.\n',
    );
  });

  test("gives programs the same as JSON", async () => {
    await using desk = await busyDesk();
    const { code, out } = desk.flotilla("status", "run_1", "--json");
    expect(code).toBe(0);
    const instant = expect.any(Number);
    expect(JSON.parse(out)).toEqual({
      baseDir: desk.baseDir,
      runs: [
        {
          runId: "run_1",
          team: "explorers",
          label: "nightly",
          status: "active",
          since: instant,
          createdAt: instant,
          owner: { pid: process.pid, alive: true },
          lead: {
            status: "waiting",
            since: instant,
            sessionId: "ses_lead",
            directory: "/project",
            unread: 1,
          },
          members: [
            {
              name: "ada",
              status: "working",
              since: instant,
              agent: "general",
              sessionId: "ses_ada",
              directory: "/project",
              unread: 2,
              turns: 4,
              tokens: 1234,
              cost: 0.125,
              tasks: [2],
            },
            expect.objectContaining({
              name: "bo",
              status: "interrupted",
              reason: "provider\u001b[31m error, shutdown requested",
            }),
          ],
          tasks: { pending: 0, claimed: 0, in_progress: 1, completed: 1, deleted: 0 },
          messages: 3,
          spent: [],
        },
      ],
      unreadable: [],
    });
  });

  test("says each run that is led from here in a line, for a prompt or a bar", async () => {
    await using desk = await busyDesk();
    const { board, runs } = await desk.storage();
    expect(desk.flotilla("status", "--line")).toEqual({ code: 0, out: "\n", err: "" });
    expect(desk.flotilla("status", "run_", "--line").out).toBe("explorers: active\nwriters: lost\n");
    const { lead } = runState();
    await runs.exclusively(RUN, (run) =>
      run.commit(runState({ lead: { ...lead, directory: desk.at("work") } })),
    );
    await board.show(runSurvey());
    expect(desk.flotilla("status", "--line").out).toBe("explorers: 2 waiting\n");
    expect(desk.flotillaUnderBun("status", "--line").out).toBe("explorers: 2 waiting\n");
  });

  test("shows what only the owner knows, as long as it lives", async () => {
    await using desk = await busyDesk();
    const tool = { name: "bash", startedAt: Date.now() - 3 * MINUTE };
    const members = [
      participantSurvey("ada", { status: "needs_approval", tool, since: Date.now() }),
      participantSurvey("bo", { status: "interrupted", hold: "backoff" }),
    ];
    await (await desk.storage()).board.show(runSurvey({ members }));
    const { out } = desk.flotilla("status", RUN);
    expect(out).toMatch(/^ {2}ada {5}needs_approval {2}\d+ s +bash 3 min/m);
    expect(out).toContain("mail held: backoff");
    await (await desk.storage("gone")).board.show(runSurvey({ runId: "run_2", members }));
    expect(desk.flotilla("status", "run_2").out).toContain("  ada     lost ");
  });

  test("shows a lead that asks, and why a member was interrupted whom nobody shows any more", async () => {
    await using desk = await busyDesk();
    const { lead } = runState();
    const gate = { kind: "permission", requestId: "per_1", subject: "bash" } as const;
    await (await desk.storage()).runs.exclusively("run_2", (run) =>
      run.commit(
        runState({
          runId: "run_2",
          revision: 2,
          lead: { ...lead, gates: [{ ...gate, detail: "rm", openedAt: Date.now() - 2 * MINUTE }] },
          members: { ada: member("ada", { status: "interrupted", heldByPerson: true }) },
        }),
      ),
    );
    const { out } = desk.flotilla("status", "run_2");
    expect(out).toContain("unread, lost (was needs approval, permission) for 2 min\n");
    expect(out).toMatch(/^ {2}ada {5}interrupted .* general {2}stopped by person$/m);
  });

  test("goes on with what changes, each text once, until the named run is over", async () => {
    await using desk = await busyDesk();
    const watcher = spawn(NODE, [command.path, "status", "writers", "--watch", "--line"], {
      cwd: desk.at("work"),
      env: desk.env,
    });
    let out = "";
    watcher.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
    const ended = new Promise((resolve) => watcher.once("exit", resolve));
    await eventually(async () => expect(out).toContain("lost"), PATIENCE);
    const { runs, ownership } = await desk.storage();
    await ownership.take("run_2");
    await eventually(async () => expect(out).toContain("writers: active"), PATIENCE);
    await runs.archive("run_2");
    expect(await ended).toBe(0);
    expect(out).toBe("writers: lost\n\nwriters: active\n\n\n");
  });

  test("says where it looked when there is no run", async () => {
    await using desk = await openDesk(command);
    desk.configure({ base_dir: "../elsewhere" });
    expect(desk.flotilla("status")).toEqual({
      code: 0,
      out: `No live runs in ${desk.at("elsewhere")}.\n`,
      err: "",
    });
    expect(JSON.parse(desk.flotilla("status", "--json").out)).toEqual({
      baseDir: desk.at("elsewhere"),
      runs: [],
      unreadable: [],
    });
  });

  test("does not look at archived runs", async () => {
    await using desk = await busyDesk();
    await (await desk.storage()).runs.archive("run_2");
    expect(desk.flotilla("status").out).not.toContain("run_2");
  });

  test("waits for nobody: a run whose lock is held is shown like any other", async () => {
    await using desk = await busyDesk();
    const storage = await desk.storage();
    await storage.runs.exclusively(RUN, async () => {
      expect(desk.flotilla("status", RUN).out).toStartWith("explorers");
    });
  });

  test("shows the others when one cannot be read, and names it", async () => {
    await using desk = await busyDesk();
    const state = desk.write("home/.local/share/opencode-flotilla/runs/run_2/state.json", "half of i");
    chmodSync(state, 0o600);
    const { code, out } = desk.flotilla("status");
    expect(code).toBe(0);
    expect(out).toStartWith("explorers (nightly)  run_1\n");
    expect(out).toContain(`\nNot readable: ${state}: not JSON`);
  });

  test("refuses to guess where runs are while the configuration is wrong", async () => {
    await using desk = await busyDesk();
    desk.configure({ max_members: 0 });
    const { code, out, err } = desk.flotilla("status");
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(
      `${desk.at("work/opencode.json")}:1:75: team_mode.max_members: received 0. Allowed: a whole number from 1 to 64.`,
    );
  });
});
