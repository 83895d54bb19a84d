import { expect } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { isRunning } from "./processes.ts";

export interface TmuxOptions {
  readonly width: number;
  readonly height: number;
  /** What the panes of the user run; default: nothing that says anything. */
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Lines of a configuration. */
  readonly config?: readonly string[];
}

/** A real tmux server of its own, with one session of one window, and `%0` in it as the user's pane. */
export interface Tmux extends Disposable {
  readonly pid: number;
  readonly socket: string;
  /** What a process that was started in a pane finds in its environment. */
  env(paneId?: string): Readonly<Record<string, string>>;
  /** Runs one command and answers what it printed. */
  run(...args: readonly string[]): string;
  /** The lines that a command printed. */
  lines(...args: readonly string[]): readonly string[];
  /** One value of a pane or window. */
  value(target: string, format: string): string;
  /** What stands in a pane now. */
  screen(paneId: string): string;
  /** Waits until the text stands in the pane. */
  shows(paneId: string, text: string | RegExp, timeoutMs?: number): Promise<string>;
  type(paneId: string, text: string): void;
  press(paneId: string, ...keys: readonly string[]): void;
  /** Everything about windows and panes that a user has arranged: to be compared to the letter. */
  arrangement(): string;
  /** SIGKILL to the server. */
  kill9(): void;
  /** {@link kill9}, and another server on the same socket: its ids begin at 0 again. */
  restart(): Promise<void>;
}

/** Shells of people that are installed here. `.ci/run` installs what is missing of them; `bash` is everywhere. */
export const SHELLS: readonly string[] = ["bash", "fish", "zsh"].filter((shell) => Bun.which(shell) !== null);

/** What a session with nothing to do runs: it outlives every test and ends with its pane. */
const QUIET = ["sleep", "3600"];

/** Ended with the test process, however that ends: a server goes on without anybody. */
const open = new Set<() => void>();
process.on("exit", () => {
  for (const end of open) end();
});

export function startTmux(options: TmuxOptions): Tmux {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "flotilla-tmux-")));
  const socket = join(folder, "a socket");
  const { width, height, command = QUIET, env = {}, directory = folder, config = [] } = options;

  const run = (...args: readonly string[]): string =>
    execFileSync("tmux", ["-u", "-S", socket, "-f", "/dev/null", ...args], {
      encoding: "utf8",
      // Whoever runs the suite may be in a tmux too.
      env: { PATH: process.env["PATH"], LANG: "C.UTF-8", SHELL: "/bin/sh", HOME: folder, ...env },
      timeout: 10_000,
      stdio: ["ignore", "pipe", "pipe"],
    }).replace(/\n$/, "");
  const lines = (...args: readonly string[]): readonly string[] =>
    run(...args)
      .split("\n")
      .filter((line) => line !== "");
  const value = (target: string, format: string): string =>
    run("display-message", "-p", "-t", target, format);
  const begin = (): void => {
    const configured = config.flatMap((line) => [";", ...line.split(" ")]);
    run(
      ...["new-session", "-d", "-x", `${width}`, "-y", `${height}`, "-c", directory, "-n", "work"],
      ...command,
      ...configured,
    );
  };
  const screen = (paneId: string): string => run("capture-pane", "-p", "-t", paneId);
  const pid = (): number => Number(run("display-message", "-p", "#{pid}"));
  const kill9 = (): number => {
    const killed = pid();
    process.kill(killed, "SIGKILL");
    return killed;
  };
  const end = (): void => {
    open.delete(end);
    try {
      run("kill-server");
    } catch {
      // It was killed by the test.
    }
    rmSync(folder, { recursive: true, force: true });
  };
  open.add(end);
  begin();

  return {
    get pid() {
      return pid();
    },
    socket,
    env(paneId = "%0") {
      return { TMUX: `${socket},${pid()},0`, TMUX_PANE: paneId };
    },
    run,
    lines,
    value,
    screen,
    shows: (paneId, text, timeoutMs = 60_000) =>
      eventually(
        () => {
          const shown = screen(paneId);
          if (typeof text === "string" ? shown.includes(text) : text.test(shown)) return shown;
          throw new Error(`${paneId} does not show ${text}, but:\n${shown}`);
        },
        { timeoutMs, everyMs: 100 },
      ),
    type: (paneId, text) => void run("send-keys", "-l", "-t", paneId, text),
    press: (paneId, ...keys) => void run("send-keys", "-t", paneId, ...keys),
    arrangement: () =>
      [
        ...lines(
          "list-windows",
          "-a",
          "-F",
          "#{window_id} #{window_index} #{window_name} #{window_layout} #{window_visible_layout} #{window_flags}",
        ),
        ...lines(
          "list-panes",
          "-a",
          "-F",
          "#{window_id} #{pane_id} #{pane_index} #{pane_width}x#{pane_height} #{pane_active} #{window_zoomed_flag} #{pane_pid} #{pane_title}",
        ),
        ...lines("list-windows", "-a", "-F", "#{window_id}").flatMap((id) =>
          lines("show-options", "-w", "-t", id),
        ),
        ...lines("show-options", "-g"),
        ...lines("show-options", "-gw"),
        ...lines("show-environment"),
        ...lines("show-environment", "-g"),
        ...lines("show-hooks", "-g"),
      ].join("\n"),
    kill9: () => void kill9(),
    async restart() {
      const pid = kill9();
      await eventually(() => expect(isRunning(pid)).toBe(false));
      begin();
    },
    [Symbol.dispose]: end,
  };
}
