import { describe, expect, test } from "bun:test";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { openPanes } from "../../src/tmux/panes.ts";
import { eventually } from "../support/eventually.ts";
import { isRunning } from "../support/processes.ts";
import { type Scratch, scratch } from "../support/scratch.ts";
import { SHELLS, startTmux, type Tmux } from "../support/tmux.ts";
import { show } from "./show.ts";

const DESK = { width: 200, height: 50 };

/** How a refusal reads. */
async function refusal(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "it was done",
    (fault: unknown) => (fault instanceof Error ? fault.message : String(fault)),
  );
}

describe("a pane that is not ours", () => {
  test("is left alone in a tmux that was started anew, though it has the id and even the mark of one of ours", async () => {
    using term = startTmux(DESK);
    const { panes, settle, paneOf } = show(term);
    await settle(["ada"]);
    const [pane] = (await panes.look()).flatMap(({ windowId, panes: all }) =>
      all.flatMap((one) => (one.mark ? [{ paneId: one.paneId, windowId, mark: one.mark }] : [])),
    );
    const mark = pane?.mark;
    if (!pane || !mark) throw new Error("ada has no pane");
    await term.restart();
    term.run("split-window", "-d", "-h", "-t", "%0", "sleep", "3600");
    for (const [option, value] of [
      ["@flotilla_run", mark.runId],
      ["@flotilla_member", mark.member],
      ["@flotilla_session", mark.sessionId],
      ["@flotilla_server", mark.server],
    ] as const) {
      term.run("set-option", "-p", "-t", pane.paneId, option, value);
    }
    expect(paneOf("ada")).toBe(pane.paneId);
    const before = term.arrangement();
    const gone = "the tmux server in which OpenCode was started is gone";
    expect(await refusal(panes.look())).toBe(gone);
    expect(await refusal(panes.perform({ kind: "close", panes: [pane] }))).toBe(gone);
    const label = { title: "mine", colour: "red" };
    expect(await refusal(panes.perform({ kind: "label", pane, label }))).toBe(gone);
    const resizes = [{ paneId: "%0", axis: "width", cells: 20 } as const];
    expect(await refusal(panes.perform({ kind: "fit", windowId: "@0", resizes, fitted: "" }))).toBe(gone);
    expect(await refusal(settle(["ada"]))).toBe(gone);
    expect(term.arrangement()).toBe(before);
  });

  test("is neither closed nor named when its mark has become another's since it was seen", async () => {
    using term = startTmux(DESK);
    const { panes, settle, paneOf } = show(term);
    await settle(["ada", "bo"]);
    const [ada, bo] = [paneOf("ada"), paneOf("bo")];
    const seen = (await panes.look()).flatMap(({ windowId, panes: all }) =>
      all.flatMap(({ paneId, mark }) => (mark ? [{ paneId, windowId, mark }] : [])),
    );
    term.run("set-option", "-p", "-t", ada, "@flotilla_server", "show_2");
    for (const pane of seen)
      await panes.perform({ kind: "label", pane, label: { title: "x", colour: "red" } });
    expect([term.value(ada, "#{pane_title}"), term.value(bo, "#{pane_title}")]).toEqual([
      "ada: working",
      "x",
    ]);
    await panes.perform({ kind: "close", panes: seen });
    expect(term.lines("list-panes", "-a", "-F", "#{pane_id}")).toEqual(["%0", ada]);
  });

  test("of another run stays, and what a person has put into a window of ours stays with its size", async () => {
    using term = startTmux(DESK);
    const [one, other] = [show(term), show(term, { runId: "run_2", server: "show_2" })];
    await one.settle(["ada"]);
    await other.settle(["bo", "cy"]);
    const window = term.value(other.paneOf("bo"), "#{window_id}");
    expect(window).not.toBe("@0");
    term.run("split-window", "-v", "-l", "7", "-t", other.paneOf("bo"), "sleep", "3600");
    const person = term.value(window, "#{pane_id}");
    await other.settle(["bo", "cy", "di"]);
    await one.settle([]);
    expect(other.shown().map(({ member }) => member)).toEqual(["bo", "cy", "di"]);
    await other.settle(["di"]);
    expect(term.lines("list-panes", "-t", window, "-F", "#{pane_id}")).toContain(person);
    await other.settle([]);
    expect(term.lines("list-panes", "-a", "-F", "#{pane_id}")).toEqual(["%0", person]);
  });

  test("is never sized after a person has laid the window out anew", async () => {
    using term = startTmux(DESK);
    term.run("split-window", "-d", "-v", "-l", "9", "-t", "%0", "sleep", "3600");
    const { settle, shown } = show(term);
    await settle(["ada", "bo"]);
    term.run("select-layout", "-t", "@0", "tiled");
    const layout = term.value("@0", "#{window_layout}");
    await settle(["ada", "bo", "cy"]);
    expect(term.value("@0", "#{window_layout}")).toBe(layout);
    expect(new Set(shown().map(({ windowId }) => windowId)).size).toBe(2);
  });
});

describe("a person's zoom", () => {
  test("on the pane of a member is gone with it, and on any other pane it stays", async () => {
    using term = startTmux(DESK);
    const { settle, paneOf } = show(term);
    await settle(["ada", "bo", "cy"]);
    term.run("select-pane", "-t", paneOf("ada"));
    term.run("resize-pane", "-Z", "-t", paneOf("ada"));
    await settle(["ada", "cy"]);
    expect(term.value("@0", "#{window_zoomed_flag} #{pane_id}")).toBe(`1 ${paneOf("ada")}`);
    await settle(["cy"]);
    expect(term.value("@0", "#{window_zoomed_flag}")).toBe("0");
  });
});

describe("what a pane is given", () => {
  const SECRET = "s3cr3t-#{pid}-'quoted'-$HOME";

  test("reaches its program word for word, whatever it holds, and no list of processes or settings shows a secret", async () => {
    const words = ["a b", "it's", '"', "$HOME", "#{pid}", "#S", "`id`", "\\", "{", "}", ";", "ä→", "-x", ""];
    using term = startTmux(DESK);
    await using folder = await scratch("tmux-calls");
    const { settle, paneOf } = show(term, {
      path: await notingTmux(folder),
      view: {
        command: [
          "sh",
          "-c",
          'for word; do printf "<%s>" "$word"; done; echo; exec sleep 3600',
          "view",
          ...words,
        ],
        environment: { SECRET },
      },
    });
    await settle(["ada"]);
    await term.shows(paneOf("ada"), words.map((word) => `<${word}>`).join(""));
    const [pid, command] = [term.value(paneOf("ada"), "#{pane_pid}"), "#{pane_start_command}"];
    const view = await viewOf(pid);
    expect(readFileSync(`/proc/${view}/environ`, "utf8").split("\0")).toContain(`SECRET=${SECRET}`);
    expect(term.value(paneOf("ada"), command)).toContain("sleep 3600");
    for (const place of [
      await readFile(folder.at("calls"), "utf8"),
      execFileSync("ps", ["-eww", "-o", "args"], { encoding: "utf8" }),
      term.value(paneOf("ada"), command),
      term.run("show-environment"),
      term.run("show-environment", "-g"),
      term.run("show-options", "-p", "-t", paneOf("ada")),
      await messagesOf(term),
      term.run("list-buffers"),
      term.screen(paneOf("ada")),
    ]) {
      expect(place).not.toContain("s3cr3t");
    }
    // What is looked for in them would be there.
    expect(await messagesOf(term)).toContain("split-window");
    expect(await readFile(folder.at("calls"), "utf8")).toContain("load-buffer");
  });

  test("has no part in the password of the person's own server, of which tmux is not told either", async () => {
    using term = startTmux(DESK);
    await using folder = await scratch("tmux-env");
    const env = {
      PATH: await notingTmux(folder, "env"),
      LANG: "C.UTF-8",
      OPENCODE_SERVER_PASSWORD: "s3cr3t",
    };
    await openPanes({ ...env, ...term.env() }).look();
    const told = (await readFile(folder.at("calls"), "utf8")).split("\n");
    expect(told).toContain("LANG=C.UTF-8");
    expect(told.filter((line) => /s3cr3t|^TMUX/.test(line))).toEqual([]);
  });

  test.each(SHELLS)("is started whatever the person's shell is: %s", async (shell) => {
    using term = startTmux({ ...DESK, config: [`set-option -g default-shell ${Bun.which(shell)}`] });
    const { settle, paneOf } = show(term);
    await settle(["ada"]);
    await term.shows(paneOf("ada"), "here is the view");
  });
});

describe("a view that ends", () => {
  test("leaves its last words, says with which code it ended, and is back after Enter", async () => {
    using term = startTmux(DESK);
    const { panes, settle, paneOf } = show(term, {
      view: { command: ["sh", "-c", "echo Session not found; exit 3"] },
    });
    await settle(["ada"]);
    await term.shows(paneOf("ada"), /Session not found\s+This view has ended \(code 3\)/);
    await eventually(async () => {
      const ended = (await panes.look()).flatMap(({ panes: all }) => all.map(({ ended: why }) => why));
      expect(ended).toEqual([undefined, "its view has ended with code 3, Enter in it opens it again"]);
    });
    term.press(paneOf("ada"), "Enter");
    await term.shows(paneOf("ada"), /Session not found[\s\S]+Session not found/);
  });

  test("is usable again after kill -9, though it left the terminal as programs do", async () => {
    using term = startTmux(DESK);
    const raw = "stty raw -echo; printf '\\033[?1049h\\033[?1000h\\033[?25lraw'; exec sleep 3600";
    const { settle, paneOf } = show(term, { view: { command: ["sh", "-c", raw] } });
    await settle(["ada"]);
    const ada = paneOf("ada");
    await term.shows(ada, "raw");
    process.kill(Number(await viewOf(term.value(ada, "#{pane_pid}"))), "SIGKILL");
    await term.shows(
      ada,
      /This view has ended \(code 137\)\.\s+Enter opens it again, Ctrl-C closes this pane\./,
    );
    expect(term.value(ada, "#{alternate_on} #{mouse_any_flag} #{cursor_flag}")).toBe("0 0 1");
    term.press(ada, "C-c");
    await eventually(() => expect(term.lines("list-panes", "-a")).toHaveLength(1));
  });
});

describe("when the process that shows its members dies", () => {
  test("the panes close by themselves, and what is zoomed stays so", async () => {
    using term = startTmux(DESK);
    term.run("split-window", "-d", "-v", "-l", "9", "-t", "%0", "sleep", "3600");
    const before = term.arrangement();
    const owner = spawn("sleep", ["3600"]);
    const { settle } = show(term, { view: { owner: pidOf(owner) } });
    await settle(["ada", "bo", "cy", "di", "ed"]);
    const pids = term.lines("list-panes", "-a", "-f", "#{@flotilla_run}", "-F", "#{pane_pid}");
    const all = [...pids, ...pids.flatMap(childrenOf)].map(Number);
    term.run("resize-pane", "-Z", "-t", "%0");
    owner.kill("SIGKILL");
    await eventually(() => expect(term.lines("list-panes", "-a")).toHaveLength(2), { timeoutMs: 20_000 });
    expect(term.value("@0", "#{window_zoomed_flag}")).toBe("1");
    term.run("resize-pane", "-Z", "-t", "%0");
    expect(term.arrangement()).toBe(before);
    await eventually(() => expect(all.filter(isRunning)).toEqual([]));
  });

  test("nothing of a pane lives on when tmux itself is killed", async () => {
    using term = startTmux(DESK);
    const { panes, settle } = show(term);
    await settle(["ada", "bo"]);
    const pids = term.lines("list-panes", "-a", "-F", "#{pane_pid}");
    const all = [...pids, ...pids.flatMap(childrenOf)].map(Number);
    term.kill9();
    await eventually(() => expect(all.filter(isRunning)).toEqual([]), { timeoutMs: 20_000 });
    expect(await refusal(panes.look())).toMatch(/^tmux says: (no server running|error connecting)/);
  });
});

describe("without a tmux that answers", () => {
  const call = (env: Readonly<Record<string, string | undefined>>): Promise<string> =>
    refusal(openPanes({ PATH: process.env["PATH"], ...env }).look());

  test.each([
    ["not inside tmux", {}, "OpenCode was not started inside tmux"],
    ["without a pane", { TMUX: "/tmp/s,1,0" }, "tmux is not to be found: TMUX or TMUX_PANE has been changed"],
    ["with another TMUX", { TMUX: "yes", TMUX_PANE: "%0" }, /TMUX or TMUX_PANE has been changed$/],
    [
      "with no such program",
      { TMUX: "/tmp/s,1,0", TMUX_PANE: "%0", PATH: "/nowhere" },
      "tmux is not on PATH",
    ],
  ])("the reason is told: %s", async (_case, env, reason) => {
    expect(await call(env)).toMatch(reason);
  });

  test("nobody waits for one that is stopped longer than the deadline", async () => {
    using term = startTmux(DESK);
    const env = term.env();
    const { pid } = term;
    process.kill(pid, "SIGSTOP");
    try {
      expect(await call(env)).toBe("tmux did not answer within 3 s");
    } finally {
      process.kill(pid, "SIGCONT");
    }
  });
});

/** A `PATH` on which tmux first notes with which arguments, or what else, it is called: what others see meanwhile. */
async function notingTmux(folder: Scratch, noted = `printf '%s\\n' "$@"`): Promise<string> {
  const note = `${noted} >>"${folder.at("calls")}"`;
  await writeFile(folder.at("tmux"), `#!/bin/sh\n${note}\nexec ${Bun.which("tmux")} "$@"\n`, { mode: 0o755 });
  return `${folder.path}:${process.env["PATH"]}`;
}

/** What the server has noted of its clients' commands: what `prefix ~` shows. It takes a client to be told. */
async function messagesOf(term: Tmux): Promise<string> {
  const client = spawn("tmux", ["-S", term.socket, "-C", "attach"], { stdio: ["pipe", "pipe", "ignore"] });
  let said = "";
  client.stdout.on("data", (text: Buffer) => {
    said += text.toString();
  });
  // Before that there is nobody whose command it could be.
  await eventually(() => expect(said).toContain("%session-changed"));
  client.stdin.write("show-messages\n");
  await eventually(() => expect(said).toMatch(/command: attach-session[\s\S]*%end/));
  client.stdin.end();
  await new Promise((resolve) => client.once("close", resolve));
  return said;
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error("it was not started");
  return pid;
}

function childrenOf(pid: string): readonly string[] {
  const children = ofProcess(pid, `task/${pid}/children`).trim();
  return children === "" ? [] : children.split(" ").flatMap((child) => [child, ...childrenOf(child)]);
}

/** The process that a keeper shows, once it has come to rest. */
function viewOf(keeper: string): Promise<string> {
  return eventually(() => {
    const view = childrenOf(keeper).find((pid) => argumentsOf(pid) === "sleep 3600");
    if (view === undefined) throw new Error("the view has not come to rest");
    return view;
  });
}

function argumentsOf(pid: string): string {
  return ofProcess(pid, "cmdline").split("\0").join(" ").trim();
}

/** Nothing of one that has ended meanwhile: a keeper has another short-lived child every second. */
function ofProcess(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch (gone) {
    if (isRunning(Number(pid))) throw gone;
    return "";
  }
}
