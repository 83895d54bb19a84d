import { beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { member, message, NOON, RUN, runState, task } from "../contract/samples.ts";
import { participantSurvey, runSurvey } from "../contract/status-board.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, type Desk, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

interface Finding {
  readonly area: string;
  readonly level: "ok" | "warning" | "error";
  readonly text: string;
  readonly todo?: string;
}

/** What doctor has to say that is not fine, without the scratch directory's path. */
function complaints(desk: Desk): { readonly code: number | null; readonly found: readonly string[] } {
  const { code, findings } = examined(desk);
  const found = findings
    .filter(({ level }) => level !== "ok")
    .map(({ level, text, todo }) => `${level}: ${text} -> ${todo}`);
  return { code, found };
}

function examined(desk: Desk): { readonly code: number | null; readonly findings: readonly Finding[] } {
  const { code, out } = desk.flotilla("doctor", "--json");
  const { findings, exitCode } = JSON.parse(out.replaceAll(`${desk.path}/`, "")) as {
    readonly exitCode: number;
    readonly findings: readonly Finding[];
  };
  expect(exitCode).toBe(code ?? -1);
  return { code, findings };
}

function fineOnes(desk: Desk): readonly string[] {
  return examined(desk).findings.flatMap(({ level, text }) => (level === "ok" ? [text] : []));
}

/** A supported OpenCode, installed as npm does it. */
function installHost(desk: Desk, version = "1.18.33"): void {
  desk.write("programs/node_modules/opencode-ai/package.json", { name: "opencode-ai", version });
  const program = desk.write("programs/node_modules/opencode-ai/bin/opencode", "#!/bin/sh\nexit 9\n");
  chmodSync(program, 0o755);
  desk.env["PATH"] += `:${desk.at("programs/node_modules/opencode-ai/bin")}`;
}

/** Set up, with the host installed and no run yet. */
async function soundDesk(): Promise<Desk> {
  const desk = await openDesk(command);
  desk.configure();
  installHost(desk);
  return desk;
}

describe("doctor", () => {
  test("ends with 0 and says so when all is well, the same under Node and under Bun", async () => {
    await using desk = await soundDesk();
    const { code, out, err } = desk.flotilla("doctor");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.replaceAll(`${desk.path}/`, "").replace(/Node \S+|opencode-flotilla \d\S+/g, "X")).toBe(
      [
        "X",
        "",
        "Configuration",
        "  ok       team_mode is on",
        "  ok       enabled = true  (work/opencode.json:1:46)",
        "",
        "Plugin",
        "  ok       opencode-flotilla  (work/opencode.json:1:12)",
        "",
        "Programs",
        "  ok       X runs this command",
        "  ok       OpenCode 1.18.33 (programs/node_modules/opencode-ai/bin/opencode)",
        "  ok       git (programs/git)",
        "  ok       tmux (programs/tmux)",
        "",
        "Run folder",
        "  ok       home/.local/share/opencode-flotilla does not exist yet: the first run makes it",
        "",
        "Runs",
        "  ok       no live runs",
        "",
        "All is well.",
        "",
      ].join("\n"),
    );
    const underBun = desk.flotillaUnderBun("doctor");
    expect(underBun).toEqual({ code, err, out: out.replace(/Node \S+/, `Bun ${Bun.version}`) });
  });

  test("has no escape codes in what is piped, also if a colour is asked for by the terminal's name", async () => {
    await using desk = await openDesk(command);
    desk.env["TERM"] = "xterm-256color";
    desk.env["COLORTERM"] = "truecolor";
    expect(desk.flotilla("doctor").out).not.toContain("\u001b");
  });

  test("colours the levels for a person at a terminal, unless NO_COLOR is set", async () => {
    await using desk = await openDesk(command);
    desk.env["TERM"] = "xterm-256color";
    expect(await onTerminal(desk, "doctor")).toContain("\u001b[33mwarning\u001b[0m");
    desk.env["NO_COLOR"] = "1";
    expect(await onTerminal(desk, "doctor")).not.toContain("\u001b[33m");
  });
});

describe("doctor looks at the configuration and", () => {
  test("names every fault with its place, what was received and what is allowed", async () => {
    await using desk = await soundDesk();
    desk.write(
      "work/opencode.jsonc",
      '{\n  // more than there may be\n  "team_mode": { "max_members": 100,\n    "maxMembers": 3 }\n}\n',
    );
    desk.write("home/.config/opencode/opencode.json", '{ "team_mode": { "base_dir": 7 } }');
    const { code, found } = complaints(desk);
    expect(code).toBe(2);
    const mend = "-> Correct this place and restart OpenCode. Until then team_mode is off.";
    expect(found).toEqual([
      expect.stringMatching(
        /^error: home\/\.config\/opencode\/opencode\.json:1:30: team_mode\.base_dir: received 7\. Allowed: text/,
      ),
      `error: work/opencode.jsonc:3:33: team_mode.max_members: received 100. Allowed: a whole number from 1 to 64. ${mend}`,
      expect.stringMatching(
        /^error: work\/opencode\.jsonc:4:5: team_mode\.maxMembers: unknown key, did you mean "max_members"\?/,
      ),
      "warning: not looked at: the configuration does not say where -> Correct it first.",
    ]);
  });

  test("points to the plugin's entry for what is wrong with its options", async () => {
    await using desk = await soundDesk();
    desk.write(
      "work/opencode.json",
      '{ "plugin": [["opencode-flotilla", { "team_mode": { "enabled": 1 } }]] }',
    );
    expect(complaints(desk).found).toContainEqual(
      expect.stringMatching(
        /^error: plugin options \(work\/opencode\.json:1:14\): team_mode\.enabled: received 1\./,
      ),
    );
  });

  test("says of each value that was set where it comes from, the last one that wins", async () => {
    await using desk = await soundDesk();
    desk.write("home/.config/opencode/opencode.json", {
      team_mode: { max_members: 2, offer_tools: "always" },
    });
    desk.write("work/opencode.json", {
      plugin: [["opencode-flotilla", { team_mode: { max_member_turns: 9 } }]],
      team_mode: { enabled: true, max_members: 3, categories: { docs: { agent: "general" } } },
    });
    desk.env["OPENCODE_CONFIG_CONTENT"] = '{ "team_mode": { "mailbox_poll_interval_ms": 700 } }';
    const said = fineOnes(desk).map((text) => text.replace(/:1:\d+/, ""));
    expect(said.slice(1, said.indexOf("opencode-flotilla  (work/opencode.json)"))).toEqual([
      "max_members = 3  (work/opencode.json)",
      'offer_tools = "always"  (home/.config/opencode/opencode.json)',
      "enabled = true  (work/opencode.json)",
      "categories.docs = an object  (work/opencode.json)",
      "mailbox_poll_interval_ms = 700  (OPENCODE_CONFIG_CONTENT)",
      "max_member_turns = 9  (plugin options (work/opencode.json))",
    ]);
  });

  test("keeps to itself what could be a secret", async () => {
    await using desk = await soundDesk();
    desk.configure({
      telemetry: { endpoint: "https://collector.example/?key=hush", headers: { a: "{env:H}" } },
    });
    desk.env["H"] = "hush";
    const { out } = desk.flotilla("doctor");
    expect(out).toContain("telemetry.endpoint  (");
    expect(out).not.toContain("hush");
  });

  test("warns that it is off where the plugin is loaded, and accepts it where nothing is set up", async () => {
    await using desk = await soundDesk();
    desk.configure({ enabled: false });
    expect(complaints(desk)).toEqual({
      code: 1,
      found: [
        'warning: team_mode is off: enabled is not true -> Call flotilla init, or set "team_mode": { "enabled": true } in opencode.json; then restart OpenCode.',
      ],
    });
    desk.write("work/opencode.json", {});
    expect(fineOnes(desk)).toContain("team_mode is off: nothing was set");
  });
});

describe("doctor looks for the plugin and", () => {
  const add = 'Call flotilla init, or add "plugin": ["opencode-flotilla"] to opencode.json.';

  test("misses it, which is an error where team_mode is on", async () => {
    await using desk = await soundDesk();
    desk.write("work/opencode.json", { plugin: ["another", "not-opencode-flotilla"] });
    const absent = "no configuration that holds here loads opencode-flotilla";
    expect(complaints(desk)).toEqual({ code: 1, found: [`warning: ${absent} -> ${add}`] });
    desk.write("work/opencode.json", { team_mode: { enabled: true } });
    expect(complaints(desk)).toEqual({ code: 2, found: [`error: ${absent} -> ${add}`] });
  });

  const specs: readonly string[] = [
    "opencode-flotilla@0.1.0",
    "opencode-flotilla@file:/downloads/opencode-flotilla-0.1.0.tgz",
    "github:somebody/opencode-flotilla#main",
    "../copy/of/it",
    "../copy/of/it/src/plugin.ts",
  ];
  for (const spec of specs) {
    test(`finds it as ${spec}`, async () => {
      await using desk = await soundDesk();
      desk.write("copy/of/it/package.json", { name: "opencode-flotilla" });
      desk.write("copy/of/it/src/plugin.ts", "");
      desk.write("work/opencode.json", { plugin: [spec], team_mode: { enabled: true } });
      expect(complaints(desk)).toEqual({ code: 0, found: [] });
      expect(fineOnes(desk)).toContain(`${spec}  (work/opencode.json:1:12)`);
    });
  }

  test("finds a file of a plugin folder that passes it on", async () => {
    await using desk = await soundDesk();
    desk.write("work/opencode.json", { team_mode: { enabled: true } });
    desk.write("work/.opencode/plugin/team.ts", 'export { default } from "opencode-flotilla/server";\n');
    desk.write("work/.opencode/plugin/other.ts", "");
    expect(fineOnes(desk)).toContain("work/.opencode/plugin/team.ts");
    expect(complaints(desk).code).toBe(0);
  });

  test("names a path that leads nowhere, and a plugin that is loaded twice", async () => {
    await using desk = await soundDesk();
    desk.write("work/opencode.json", {
      plugin: ["opencode-flotilla", "./opencode-flotilla"],
      team_mode: { enabled: true },
    });
    expect(complaints(desk)).toEqual({
      code: 2,
      found: [
        "error: work/opencode.json:1:32: work/opencode-flotilla does not exist -> Correct the path, or remove the entry.",
        "warning: 2 places load it: the host runs each as a plugin of its own -> Keep one of them.",
      ],
    });
    desk.write("home/.config/opencode/opencode.json", { plugin: ["opencode-flotilla@0.1.0"] });
    desk.configure();
    expect(complaints(desk).code).toBe(0);
  });

  test("says that the host was told to load none", async () => {
    await using desk = await soundDesk();
    desk.env["OPENCODE_PURE"] = "1";
    expect(complaints(desk).found).toEqual([
      "warning: OPENCODE_PURE is set: OpenCode loads no plugins -> Unset it to use teams.",
    ]);
  });
});

describe("doctor looks for programs and", () => {
  test("refuses a host of another version, and warns without one", async () => {
    await using desk = await openDesk(command);
    desk.configure();
    expect(complaints(desk)).toEqual({
      code: 1,
      found: [
        "warning: opencode is not on PATH -> Install OpenCode >=1.18.20 <2, or add its folder to PATH.",
      ],
    });
    installHost(desk, "1.18.19");
    expect(complaints(desk)).toEqual({
      code: 2,
      found: [
        "error: OpenCode 1.18.19 (programs/node_modules/opencode-ai/bin/opencode) is not supported -> Install a version of OpenCode in the range >=1.18.20 <2.",
      ],
    });
  });

  test("admits that it cannot tell the version of a host that stands alone", async () => {
    await using desk = await openDesk(command);
    desk.configure();
    chmodSync(desk.write("programs/opencode", "#!/bin/sh\nexit 9\n"), 0o755);
    expect(complaints(desk).code).toBe(0);
    expect(fineOnes(desk)).toContain(
      "opencode is programs/opencode; which version, only starting it would tell (opencode --version). Supported: >=1.18.20 <2",
    );
  });

  test("misses git always, and tmux where panes are wanted", async () => {
    await using desk = await soundDesk();
    for (const name of ["git", "tmux"]) chmodSync(desk.at("programs", name), 0o644);
    const git =
      "warning: git is not on PATH: it is needed for members with a worktree of their own -> Install git, or do without.";
    expect(complaints(desk).found).toEqual([git]);
    desk.configure({ tmux_visualization: true });
    desk.env["TMUX"] = "/tmp/socket,1,0";
    expect(complaints(desk).found).toEqual([
      git,
      "warning: tmux is not on PATH: it is needed for panes (tmux_visualization) -> Install tmux, or do without.",
    ]);
  });
});

describe("doctor looks at panes, where they are wanted, and", () => {
  const here = (inside: boolean): string =>
    inside
      ? "this is inside tmux: an OpenCode started here shows members in panes"
      : "tmux_visualization is on and this is not inside tmux: an OpenCode started here shows no panes";

  test("says whether an OpenCode that is started here has any", async () => {
    await using desk = await soundDesk();
    expect(complaints(desk).code).toBe(0);
    desk.configure({ tmux_visualization: true });
    const todo = "Start OpenCode inside tmux, or take the setting out.";
    expect(complaints(desk)).toEqual({ code: 1, found: [`warning: ${here(false)} -> ${todo}`] });
    desk.env["TMUX"] = "/tmp/socket,1,0";
    expect(complaints(desk).code).toBe(0);
    expect(fineOnes(desk)).toContain(here(true));
  });

  test("tells what a living process says of those it shows, and nothing of a dead one's", async () => {
    const members = [
      participantSurvey("ada", { pane: "%5" }),
      participantSurvey("bo", { pane: "none: tmux says: no space for new pane" }),
      participantSurvey("cy"),
    ];
    const text = "the pane of bo in run run_1: none: tmux says: no space for new pane";
    for (const [owner, told] of [
      ["alive", [`warning: ${text} -> The team goes on without it. docs/panes.md says what helps.`]],
      ["gone", []],
    ] as const) {
      await using desk = await soundDesk();
      desk.configure({ tmux_visualization: true });
      desk.env["TMUX"] = "/tmp/socket,1,0";
      const storage = await desk.storage(owner);
      await storage.runs.create(runState());
      await storage.ownership.take(RUN);
      await storage.board.show(runSurvey({ members }));
      expect(complaints(desk).found.filter((one) => one.includes("pane"))).toEqual([...told]);
    }
  });
});

describe("doctor looks at the run folder and", () => {
  test("finds nothing wrong with what the plugin writes, whatever the umask", async () => {
    await using desk = await soundDesk();
    const before = process.umask(0);
    try {
      const storage = await desk.storage();
      await storage.runs.create(runState());
      await storage.mailbox.put(message(1));
      await storage.tasks.write(RUN, task(1));
      await storage.ownership.take(RUN);
    } finally {
      process.umask(before);
    }
    expect(complaints(desk)).toEqual({ code: 0, found: [] });
    expect(fineOnes(desk)).toEqual(
      expect.arrayContaining([
        "home/.local/share/opencode-flotilla, mode 0700",
        `explorers (run_1), active, 2 members, owned by process ${process.pid}`,
      ]),
    );
  });

  test("names what is open to others, and bundles many", async () => {
    await using desk = await soundDesk();
    const storage = await desk.storage();
    await storage.runs.create(runState());
    await storage.ownership.take(RUN);
    chmodSync(desk.baseDir, 0o755);
    const state = `${desk.baseDir}/runs/run_1/state.json`;
    chmodSync(state, 0o644);
    const base = "home/.local/share/opencode-flotilla";
    expect(complaints(desk)).toEqual({
      code: 1,
      found: [
        `warning: ${base} is open to others: mode 0755 -> chmod go-rwx ${base}`,
        `warning: ${base}/runs/run_1/state.json is open to others: mode 0644 -> chmod go-rwx ${base}/runs/run_1/state.json`,
      ],
    });
    for (let n = 1; n <= 9; n += 1) {
      await storage.tasks.write(RUN, task(n));
      chmodSync(`${desk.baseDir}/runs/run_1/tasks/${n}.json`, 0o640);
    }
    const { found } = complaints(desk);
    expect(found).toHaveLength(6);
    expect(found.at(-1)).toBe(`warning: 6 more below ${base} are open to others -> chmod -R go-rwx ${base}`);
  });

  test("leaves members' worktrees alone, and names those of runs that are over", async () => {
    await using desk = await soundDesk();
    await (await desk.storage()).runs.create(runState());
    const base = "home/.local/share/opencode-flotilla/worktrees";
    desk.write(`${base}/run_1/ada/.lock`, "");
    desk.write(`${base}/run_over/bo/file.txt`, "");
    const place = `${base}/run_over/bo`;
    expect(complaints(desk)).toEqual({
      code: 1,
      found: [
        `warning: ${place} is a worktree of a run that is over -> See what it holds: git -C ${place} status. Then: git -C ${place} worktree remove ${place}`,
      ],
    });
  });

  test("refuses a file in its place", async () => {
    await using desk = await soundDesk();
    desk.configure({ base_dir: "../runs of mine" });
    desk.write("runs of mine", "");
    expect(complaints(desk)).toEqual({
      code: 2,
      found: [
        "error: runs of mine is not a folder -> Move it away, or set team_mode.base_dir to another place.",
        "error: the runs: could not list runs of mine/runs: ENOTDIR -> Run flotilla doctor to check base_dir.",
      ],
    });
  });

  test("names a stale lock, and not the lock of a commit that goes on", async () => {
    await using desk = await soundDesk();
    const [alive, gone] = [await desk.storage(), await desk.storage("gone")];
    await alive.runs.create(runState());
    await alive.ownership.take(RUN);
    await alive.runs.exclusively(RUN, async () => {
      expect(complaints(desk).found).toEqual([]);
    });
    // A process that died within its commit: nobody ever goes on.
    await new Promise<void>((held) => {
      void gone.runs.exclusively(RUN, () => new Promise(() => held()));
    });
    const { code, found } = complaints(desk);
    expect(code).toBe(1);
    expect(found).toEqual([
      expect.stringMatching(
        new RegExp(
          `^warning: stale lock home/\\S+/runs/run_1/\\.lock, \\d+ s old, left by process ${process.pid}, which is gone -> The next OpenCode `,
        ),
      ),
    ]);
  });

  test("names a living process that holds a lock too long, and a lock that makes no sense", async () => {
    await using desk = await soundDesk();
    const storage = await desk.storage();
    await storage.runs.create(runState());
    await storage.ownership.take(RUN);
    const lock = `${desk.baseDir}/runs/run_1/.lock`;
    await storage.runs.exclusively(RUN, async () => {
      const claim = JSON.parse(readFileSync(lock, "utf8"));
      writeFileSync(lock, JSON.stringify({ ...claim, takenAt: Date.now() - 120_000 }));
      const { code, found } = complaints(desk);
      expect(code).toBe(2);
      expect(found).toEqual([
        `error: process ${process.pid} has held the lock home/.local/share/opencode-flotilla/runs/run_1/.lock for 2 min: it hangs -> End that process: kill ${process.pid}`,
      ]);
    });
    writeFileSync(lock, "not a claim", { mode: 0o600 });
    chmodSync(lock, 0o600);
    expect(complaints(desk).found).toEqual([
      expect.stringMatching(/^warning: stale lock \S+, \d+ s old, left by somebody who cannot be told ->/),
    ]);
  });

  test("lists what was set aside with the reason, and knows it from the inbox of a member of that name", async () => {
    await using desk = await soundDesk();
    const storage = await desk.storage();
    await storage.runs.create(runState({ members: { unreadable: member("unreadable") } }));
    await storage.ownership.take(RUN);
    await storage.mailbox.put(message(1, { to: "unreadable" }));
    const broken = `${desk.baseDir}/runs/run_1/inboxes/unreadable/mail_2.json`;
    writeFileSync(broken, "{", { mode: 0o600 });
    // Another process that has not read the inbox yet.
    await (await desk.storage()).mailbox.ready(RUN, "unreadable");
    expect(existsSync(broken)).toBe(false);
    const { code, found } = complaints(desk);
    expect(code).toBe(1);
    expect(found).toEqual([
      expect.stringMatching(
        /^warning: \S+\/inboxes\/unreadable\/unreadable\/mail_2\.json could not be read and was set aside: not JSON: .+ -> Look at it/,
      ),
    ]);
  });
});

describe("doctor looks at the runs and", () => {
  test("names a run whose owner is gone, though its pid is taken again", async () => {
    await using desk = await soundDesk();
    const gone = await desk.storage("gone");
    await gone.runs.create(runState());
    await gone.ownership.take(RUN);
    expect(complaints(desk)).toEqual({
      code: 1,
      found: [
        `warning: explorers (run_1), active, 2 members, orphaned: its owner, process ${process.pid}, is gone -> Start OpenCode in /project: it takes the run over and goes on.`,
      ],
    });
  });

  test("accepts a run that rests because OpenCode was ended", async () => {
    await using desk = await soundDesk();
    const storage = await desk.storage();
    await storage.runs.create(runState());
    await storage.ownership.take(RUN);
    await storage.ownership.release(RUN);
    expect(complaints(desk).code).toBe(0);
    expect(fineOnes(desk)).toContain(
      "explorers (run_1), active, 2 members, at rest: no OpenCode has it open. Start OpenCode in /project: it takes the run over and goes on.",
    );
  });

  test("goes on after a run that cannot be read, and names a task that cannot", async () => {
    await using desk = await soundDesk();
    const storage = await desk.storage();
    for (const runId of ["run_1", "run_2"]) {
      await storage.runs.create(runState({ runId }));
      await storage.ownership.take(runId);
      await storage.tasks.write(runId, task(1));
    }
    const base = "home/.local/share/opencode-flotilla/runs";
    chmodSync(desk.write(`${base}/run_1/state.json`, "{}"), 0o600);
    chmodSync(desk.write(`${base}/run_2/tasks/1.json`, "["), 0o600);
    const { code, found } = complaints(desk);
    expect(code).toBe(2);
    expect(found).toEqual([
      expect.stringContaining(
        `error: run run_1: ${base}/run_1/state.json cannot be read as a record: version: `,
      ),
      expect.stringContaining(`warning: ${base}/run_2/tasks/1.json cannot be read: not JSON`),
    ]);
  });
});

describe("doctor and status", () => {
  test("leave everything as it is: no file made, moved, touched or given another mode", async () => {
    await using desk = await soundDesk();
    const gone = await desk.storage("gone");
    await gone.runs.create(runState({ createdAt: NOON }));
    await gone.ownership.take(RUN);
    await gone.mailbox.put(message(1));
    await gone.tasks.write(RUN, task(1));
    await new Promise<void>((held) => {
      void gone.runs.exclusively(RUN, () => new Promise(() => held()));
    });
    const run = "home/.local/share/opencode-flotilla/runs/run_1";
    for (const path of ["tasks/2.json", "inboxes/ada/mail_2.json", "inboxes/ada/.batch-batch_9.json"]) {
      desk.write(`${run}/${path}`, "broken");
    }
    desk.write(`${run}/inboxes/ada/.delivering-mail_3.json`, message(3));
    desk.write(`${run}/.tmp-0123456789abcdef`, "a leftover");
    mkdirSync(desk.at(run, "inboxes", "bo"));
    chmodSync(desk.baseDir, 0o777);
    const before = desk.snapshot();
    for (const args of [
      ["doctor"],
      ["doctor", "--json"],
      ["status"],
      ["status", "--json"],
      ["status", "run_1"],
    ]) {
      desk.flotilla(...args);
      desk.flotillaUnderBun(...args);
    }
    expect(desk.snapshot()).toEqual(before);
  });

  test("make nothing where nothing is", async () => {
    await using desk = await openDesk(command);
    const before = desk.snapshot();
    desk.flotilla("doctor");
    desk.flotilla("status");
    expect(desk.snapshot()).toEqual(before);
  });
});

/** What a person sees who calls it in a terminal of 80 columns. */
async function onTerminal(desk: Desk, ...args: readonly string[]): Promise<string> {
  const seen: string[] = [];
  const decoder = new TextDecoder();
  const child = Bun.spawn(["node", command.path, ...args], {
    cwd: desk.at("work"),
    env: { ...desk.env, PATH: process.env["PATH"] },
    terminal: { cols: 80, rows: 24, data: (_, bytes) => void seen.push(decoder.decode(bytes)) },
  });
  await child.exited;
  child.terminal?.close();
  return seen.join("");
}

describe("doctor, about subagents", () => {
  /** A process that is gone, whatever machine this runs on. */
  const gone = { pid: 999_999_999, startTime: "none", bootId: "none" };
  const call = { callId: "call_1", hostMessageId: "msg_1", startedAt: NOON, background: false };
  const subagent = {
    sessionId: "ses_a",
    agent: "general",
    label: "Look",
    generation: 1,
    call,
    shells: [],
    usedAt: NOON,
  };

  test("names those that can be resumed, those that a dead process left, and what cannot be read", async () => {
    await using desk = await soundDesk();
    const ledger = {
      ...{ version: 1, parentId: "ses_caller", owner: gone, names: { gen: 1 }, notes: [] },
      subagents: [
        { ...subagent, name: "gen-1", status: "interrupted", ending: "provider" },
        { ...subagent, sessionId: "ses_b", status: "running" },
      ],
    };
    const folder = `${desk.baseDir}/subagents`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/ses_caller.json`, JSON.stringify(ledger));
    writeFileSync(`${folder}/ses_torn.json`, "{");

    const { findings } = examined(desk);
    const own = findings.filter(({ area }) => area === "subagents");

    expect(own.map(({ level, text }) => `${level}: ${text}`)).toEqual([
      expect.stringMatching(/^ok: gen-1 \(ses_a\), general: Look; provider .* ago, of session ses_caller$/),
      "warning: 1 subagent of session ses_caller worked when process 999999999 died",
      expect.stringMatching(/^warning: .*\/subagents\/ses_torn.json cannot be read: not JSON/),
    ]);
  });
});

describe("traces that are exported", () => {
  test("miss a header whose variable is not set, which is said without a run, and only where they are on", async () => {
    await using desk = await soundDesk();
    const headers = { authorization: "{env:OTLP_TOKEN}", "x-team": "{env:OTLP_TEAM}" };
    desk.configure({ telemetry: { enabled: true, headers } });
    desk.env["OTLP_TEAM"] = "blue";
    expect(complaints(desk)).toEqual({
      code: 1,
      found: [
        "warning: header authorization is not sent: OTLP_TOKEN is not set -> Set OTLP_TOKEN where OpenCode is started, or take the header out of telemetry.headers.",
      ],
    });
    desk.configure({ telemetry: { headers } });
    expect(complaints(desk)).toEqual({ code: 0, found: [] });
  });

  test("are counted for each run, and a collector that takes none stands with its answer", async () => {
    await using desk = await openDesk(command);
    desk.configure();
    const { runs } = await desk.storage();
    await runs.create(runState({ lead: { ...runState().lead, directory: desk.at("work") } }));
    const note = { version: 1, revision: 4, index: 0, exported: 12, rejected: 0 };
    const path = `home/.local/share/opencode-flotilla/runs/${RUN}/telemetry.json`;
    desk.write(path, note);
    expect(desk.flotilla("doctor").out).toContain(`run ${RUN}: 12 spans exported`);
    desk.write(path, { ...note, rejected: 3, lastFault: { code: 401, message: "no", at: Date.now() } });
    const { out, code } = desk.flotilla("doctor");
    expect(out).toContain("12 spans exported, 3 requests not taken, the last one 0 s ago: 401 no");
    expect(code).toBeGreaterThan(0);
    desk.write(path, "{");
    expect(desk.flotilla("doctor").out).not.toContain("spans exported");
  });
});
