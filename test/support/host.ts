import { createServer } from "node:net";
import { type EventTap, type HostEvent, tapEvents } from "./event-tap.ts";
import { eventually } from "./eventually.ts";
import { type HostApi, hostApi } from "./host-api.ts";
import { type Ground, OPENCODE } from "./host-ground.ts";
import { processesOf, start, type Watched } from "./processes.ts";
import { DEFAULT_WAIT_MS, type WaitOptions } from "./recording.ts";

/**
 * A real `opencode serve` on a ground of its own, as a test drives it.
 *
 * A host may be killed and started again on the same ground; then its address is new, its sessions are the old ones.
 */
export interface Host extends HostApi, AsyncDisposable {
  readonly ground: Ground;
  readonly work: string;
  readonly home: string;
  /** Of the running `serve` process. */
  readonly pid: number;
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly isRunning: boolean;
  /** Since the latest start, all directories. */
  readonly events: readonly HostEvent[];
  /** The first event since the latest start, past or future, that `matches`. */
  event(matches: (event: HostEvent) => boolean, options?: WaitOptions): Promise<HostEvent>;
  /** Ends what runs and starts anew on the same home and work tree. */
  restart(): Promise<void>;
  start(): Promise<void>;
  /** SIGTERM, as a user's Ctrl-C; waits until the process is gone. */
  stop(): Promise<void>;
  /** SIGKILL; waits until the process is gone. Its bash children live on, as after a real crash. */
  kill9(): Promise<void>;
  /** Waits until the process is gone without anything of ours having ended it. */
  died(options?: WaitOptions): Promise<void>;
  /** One `opencode …` to its end, on the same home and work tree: `run(["run", "Make a team"])`. */
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The same, not awaited: for a test that looks at it while it runs or kills it. */
  launch(args: readonly string[], options?: RunOptions): Watched;
  /** Output and log of the host: for the message of a failure. */
  report(): Promise<string>;
  /** Ends every process of the ground, orphans included, and removes its files. */
  dispose(): Promise<void>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Default 60 s; then the process is killed and the call rejects with what it had said. */
  readonly timeoutMs?: number;
}

export interface RunResult {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A start takes 1.2 s on two idle cores; the rest is for a machine that runs several at once. */
const START_TIMEOUT_MS = 60_000;

/** Between bind and ready the socket accepts connections it never answers: each try must end by itself. */
const HEALTH_TRY_MS = 1_000;

const STOP_TIMEOUT_MS = 5_000;

export function openHost(ground: Ground, options: { readonly ownsGround?: boolean } = {}): Host {
  const credentials = credentialsOf(ground.env);
  let serving: { readonly process: Watched; readonly url: string; readonly tap: EventTap } | undefined;

  function current(): NonNullable<typeof serving> {
    if (serving === undefined) throw new Error("this host is not running; start() or restart() it first");
    return serving;
  }

  function launch(args: readonly string[], { env, cwd = ground.work }: RunOptions = {}): Watched {
    return start(OPENCODE, args, { cwd, env: { ...ground.env, PWD: cwd, ...env } });
  }

  async function begin(): Promise<void> {
    if (serving !== undefined)
      throw new Error(`this host is running already, as process ${serving.process.pid}`);
    const process = launch(["serve", "--port", String(await freePort())]);
    try {
      const url = await addressOf(process);
      await healthy(url, credentials);
      serving = { process, url, tap: await tapEvents(url, credentials) };
    } catch (cause) {
      process.kill("SIGKILL");
      throw new Error(`opencode serve did not start\n${await describe(process, ground)}`, { cause });
    }
  }

  async function end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const ending = serving;
    if (ending === undefined) return;
    serving = undefined;
    ending.process.kill(signal);
    const timer = setTimeout(() => ending.process.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await ending.process.ended;
    clearTimeout(timer);
    ending.tap.close();
  }

  async function dispose(): Promise<void> {
    await end("SIGKILL");
    if (options.ownsGround === false) return;
    await endGround(ground);
  }

  return {
    ...hostApi(() => current().url, ground.work, credentials),
    ground,
    work: ground.work,
    home: ground.home,
    get pid() {
      return current().process.pid;
    },
    get url() {
      return current().url;
    },
    get isRunning() {
      return serving !== undefined;
    },
    get events() {
      return current().tap.recording.items;
    },
    event: (matches, wait) => current().tap.recording.first(matches, wait),
    start: begin,
    stop: () => end("SIGTERM"),
    kill9: () => end("SIGKILL"),
    async died({ timeoutMs = DEFAULT_WAIT_MS, what = "the end of the host" } = {}) {
      const { process } = current();
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no ${what} within ${timeoutMs} ms`)), timeoutMs);
      });
      await Promise.race([process.ended, late]).finally(() => clearTimeout(timer));
      await end("SIGKILL");
    },
    async restart() {
      await end("SIGTERM");
      await begin();
    },
    launch,
    async run(args, runOptions = {}) {
      const { timeoutMs = 60_000 } = runOptions;
      const process = launch(args, runOptions);
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        process.kill("SIGKILL");
      }, timeoutMs);
      const code = await process.ended;
      clearTimeout(timer);
      if (late) {
        throw new Error(
          `opencode ${args.join(" ")} was not done after ${timeoutMs} ms\n${await describe(process, ground)}`,
        );
      }
      return { code, stdout: process.stdout(), stderr: process.stderr() };
    },
    report: () => describe(serving?.process, ground),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** What a host with a password wants to see; it takes its own from the environment. */
function credentialsOf(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const password = env["OPENCODE_SERVER_PASSWORD"];
  return password === undefined ? {} : { authorization: `Basic ${btoa(`opencode:${password}`)}` };
}

/** Ends every process of a ground by its pid and removes the ground. */
async function endGround(ground: Ground): Promise<void> {
  await eventually(
    async () => {
      const pids = await processesOf(ground.path);
      for (const pid of pids) process.kill(pid, "SIGKILL");
      if (pids.length > 0) throw new Error(`processes of ${ground.path} still run: ${pids.join(", ")}`);
    },
    { timeoutMs: STOP_TIMEOUT_MS },
  );
  await ground.remove();
}

/**
 * A port nobody listens on. `--port 0` would not do: the host then prefers 4096 (seen in 1.18.33), the very port that
 * `opencode run` and the plain TUI name as their own without listening. A plugin that wrongly called that address
 * would reach another test's host, and pass.
 */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function addressOf(process: Watched): Promise<string> {
  let ended: string | undefined;
  process.ended.then(
    (code) => {
      ended = `it ended with code ${code}`;
    },
    (failure: unknown) => {
      ended = String(failure);
    },
  );
  for (const deadline = performance.now() + START_TIMEOUT_MS; performance.now() < deadline; ) {
    const url = /listening on (http:\/\/[\d.]+:\d+)/.exec(process.stdout())?.[1];
    if (url !== undefined) return url;
    if (ended !== undefined) throw new Error(ended);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`it named no address within ${START_TIMEOUT_MS} ms`);
}

function healthy(url: string, headers: Readonly<Record<string, string>>): Promise<void> {
  return eventually(
    async () => {
      const response = await fetch(`${url}/global/health`, {
        headers,
        signal: AbortSignal.timeout(HEALTH_TRY_MS),
      });
      if (!response.ok) throw new Error(`/global/health answered ${response.status}`);
      await response.text();
    },
    { timeoutMs: START_TIMEOUT_MS },
  );
}

async function describe(process: Watched | undefined, ground: Ground): Promise<string> {
  const log = await ground.log();
  return [
    `--- stdout\n${(process?.stdout() ?? "").slice(-2_000)}`,
    `--- stderr\n${(process?.stderr() ?? "").slice(-2_000)}`,
    `--- log\n${log.slice(-4_000)}`,
  ].join("\n");
}
