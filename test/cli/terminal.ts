import { expect } from "bun:test";
import { execFile } from "node:child_process";
import { chmodSync } from "node:fs";
import { promisify } from "node:util";
import { eventually } from "../support/eventually.ts";
import { type BuiltCommand, type Desk, NODE } from "./command.ts";

const run = promisify(execFile);
const TMUX = Bun.which("tmux") ?? "tmux is not on PATH";

/** The shell is back: root's ends in `#`. */
export const PROMPT: RegExp = /(?:^|\n)[$#]$/;

/** A person at a real terminal, which is a tmux of its own: what they type, and what they see. */
export interface Terminal extends AsyncDisposable {
  /** Types it as it stands. */
  type(text: string): Promise<void>;
  /** Presses a key by its tmux name: `Enter`, `C-c`. */
  press(key: string): Promise<void>;
  /** What is on the screen, without what is empty at its end; with the codes of colours if they are asked for. */
  screen(withColours?: boolean): Promise<string>;
  resize(columns: number, lines: number): Promise<void>;
  /** Whether a program has the other screen. */
  isCovered(): Promise<boolean>;
}

/** A server that has just gone may still have its socket. */
let serial = 0;

/** At the desk's work tree, in a shell that knows `flotilla`. */
export async function openTerminal(
  desk: Desk,
  command: BuiltCommand,
  { columns = 80, lines = 24, env = {} }: { columns?: number; lines?: number; env?: object } = {},
): Promise<Terminal> {
  const program = desk.write("programs/flotilla", `#!/bin/sh\nexec ${NODE} ${command.path} "$@"\n`);
  chmodSync(program, 0o755);
  serial += 1;
  const socket = desk.at(`tmux-${serial}`);
  const tmux = async (...args: readonly string[]): Promise<string> => {
    const { stdout } = await run(TMUX, ["-S", socket, "-f", "/dev/null", ...args], {
      env: { ...desk.env, ...env, TERM: "xterm-256color" },
    });
    return stdout;
  };
  const size = ["-x", String(columns), "-y", String(lines)];
  await tmux("new-session", "-d", ...size, "-c", desk.at("work"), "/bin/sh");
  const screen = async (withColours = false): Promise<string> =>
    (await tmux("capture-pane", "-p", ...(withColours ? ["-e"] : []))).trimEnd();
  // Before its shell is there, what is typed stands anywhere.
  await eventually(async () => expect(await screen()).toMatch(PROMPT), { timeoutMs: 30_000 });
  return {
    screen,
    type: async (text) => void (await tmux("send-keys", "-l", text)),
    press: async (key) => void (await tmux("send-keys", key)),
    resize: async (width, height) =>
      void (await tmux("resize-window", "-x", String(width), "-y", String(height))),
    isCovered: async () => (await tmux("display-message", "-p", "#{alternate_on}")).trim() === "1",
    [Symbol.asyncDispose]: async () => void (await tmux("kill-server")),
  };
}
