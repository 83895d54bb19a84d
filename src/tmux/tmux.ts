import { execFile } from "node:child_process";
import { parse } from "node:path";
import { FlotillaError } from "../errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** One tmux server, by its socket. Every call is a short-lived client of its own. */
export interface Tmux {
  /** Runs what the arguments say; answers the lines it printed. */
  ask(args: readonly string[]): Promise<readonly string[]>;
  /**
   * Runs a script as one: nothing is drawn, and no command of anybody else runs, between two of its own. It reaches the
   * server through a pipe, so that no list of processes shows what it says.
   */
  run(script: string): Promise<readonly string[]>;
  /** Puts a text into a buffer of that name, through a pipe as well. */
  load(buffer: string, text: string): Promise<void>;
}

/** A client takes some milliseconds; a server that was stopped never answers. */
const DEADLINE_MS = 3_000;

/** A thousand panes with their marks are a tenth of it. */
const OUTPUT_MAX_BYTES = 4 * 1024 * 1024;

export function tmuxAt(socket: string, env: Environment): Tmux {
  // What the first two hold is the target of every command that names none. A client tells its server its whole environment,
  // and the password of the person's own server is no business of that.
  const { TMUX: _server, TMUX_PANE: _pane, OPENCODE_SERVER_PASSWORD: _secret, ...own } = env;
  const call = (args: readonly string[], input = ""): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      const client = execFile(
        "tmux",
        // Without `-u` a client in an ASCII locale is shown other people's titles with their letters replaced.
        ["-u", "-S", socket, ...args],
        {
          // The host's own directory may be gone by now.
          cwd: parse(process.execPath).root,
          env: own,
          timeout: DEADLINE_MS,
          killSignal: "SIGKILL",
          maxBuffer: OUTPUT_MAX_BYTES,
        },
        (fault, out, err) => {
          if (fault) reject(paneFailed(reasonOf(fault, err), fault, /^(no server|error connect)/.test(err)));
          else resolve(out.split("\n").filter((line) => line !== ""));
        },
      );
      // One that ends early says why, and has no use for the rest.
      client.stdin?.on("error", () => undefined);
      client.stdin?.end(input);
    });
  return {
    ask: (args) => call(args),
    run: (script) => call(["source-file", "-"], script),
    async load(buffer, text) {
      await call(["load-buffer", "-b", buffer, "-"], text);
    },
  };
}

/** @param gone there is no such server any more, and never will be: what ran in it has ended. */
export function paneFailed(reason: string, cause?: unknown, gone = false): FlotillaError {
  return new FlotillaError({
    code: "pane_failed",
    message: reason,
    hint: "The team works without panes. `flotilla doctor` says more.",
    details: { gone },
    cause,
  });
}

function reasonOf(
  fault: Error & { readonly killed?: boolean; readonly code?: unknown },
  err: string,
): string {
  if (fault.code === "ENOENT") return "tmux is not on PATH";
  if (fault.killed) return `tmux did not answer within ${DEADLINE_MS / 1000} s`;
  const [said = ""] = err.trim().split("\n");
  return said === "" ? `tmux failed: ${fault.message.split("\n")[0]}` : `tmux says: ${said}`;
}
