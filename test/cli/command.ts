import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Liveness } from "../../src/storage/liveness.ts";
import { openStorage, type Storage } from "../../src/storage/open.ts";
import { readProcesses } from "../../src/system/process-identity.ts";
import { makeCheckout, ROOT } from "../support/checkout.ts";
import { scratch } from "../support/scratch.ts";

const BUN = join(ROOT, "node_modules", ".bin", "bun");

/** The compiler takes a second, and several where the machine is busy. */
export const BUILD_TIMEOUT_MS = 60_000;

/** What a person gets to see of one call. */
export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command as it is built and shipped; made of today's source, whatever lies in dist/. */
export interface BuiltCommand {
  readonly path: string;
}

const BUILT = Symbol.for("flotilla.test.command");

/** Built once for all files of a test run, which are one process; it goes when that ends. */
export function buildCommand(): BuiltCommand {
  const shared = globalThis as { [BUILT]?: BuiltCommand };
  shared[BUILT] ??= build();
  return shared[BUILT];
}

function build(): BuiltCommand {
  const checkout = makeCheckout(["report", "src"]);
  process.once("exit", () => rmSync(checkout, { recursive: true, force: true }));
  const { status, stdout } = spawnSync(
    join(ROOT, "node_modules", ".bin", "tsc"),
    ["-p", "tsconfig.build.json"],
    { cwd: checkout, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(stdout);
  return { path: join(checkout, "dist", "cli", "main.js") };
}

/** A person at a shell: a home, a work tree in which they stand, and the programs that they have. */
export interface Desk extends AsyncDisposable {
  readonly path: string;
  readonly baseDir: string;
  at(...path: readonly string[]): string;
  write(path: string, content: string | object): string;
  /** `opencode.json` of the work tree: switched on, loaded from a package, with more under `team_mode`. */
  configure(teamMode?: object): void;
  /** Under Node, as it is built. */
  flotilla(...args: readonly string[]): Said;
  /** Under Bun, from source. */
  flotillaUnderBun(...args: readonly string[]): Said;
  /** Variables for the calls to come. */
  readonly env: Record<string, string>;
  /** A process's view of the base folder: this one's, or one's that is gone and whose pid is taken again. */
  storage(process?: "alive" | "gone"): Promise<Storage>;
  /** Every file and folder with all that reading leaves as it is. */
  snapshot(): readonly string[];
}

export async function openDesk(command: BuiltCommand): Promise<Desk> {
  const folder = await scratch("cli");
  const programs = folder.at("programs");
  const env: Record<string, string> = {
    HOME: folder.at("home"),
    PATH: programs,
    // Bun keeps what it has compiled in the home directory; that is Bun's doing, not the command's.
    BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0",
  };
  for (const name of ["home", "programs", "work/.git"]) mkdirSync(folder.at(name), { recursive: true });
  const baseDir = folder.at("home", ".local", "share", "opencode-flotilla");
  const write = (path: string, content: string | object): string => {
    const file = folder.at(path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    return file;
  };
  for (const name of ["git", "tmux"]) write(`programs/${name}`, "#!/bin/sh\nexit 9\n");
  spawnSync("chmod", ["-R", "755", programs]);
  const call = (program: string, args: readonly string[]): Said => {
    const { status, stdout, stderr } = spawnSync(program, args, {
      cwd: folder.at("work"),
      env,
      encoding: "utf8",
    });
    return { code: status, out: stdout, err: stderr };
  };
  return {
    path: folder.path,
    baseDir,
    env,
    at: folder.at,
    write,
    configure: (teamMode = {}) => {
      write("work/opencode.json", {
        plugin: ["opencode-flotilla"],
        team_mode: { enabled: true, ...teamMode },
      });
    },
    flotilla: (...args) => call(NODE, [command.path, ...args]),
    flotillaUnderBun: (...args) => call(BUN, [join(ROOT, "src", "cli", "main.ts"), ...args]),
    async storage(which = "alive") {
      const processes = await readProcesses();
      const gone: Liveness = {
        self: { ...processes.self, startTime: `${processes.self.startTime}0` },
        isAlive: (identity) => processes.isAlive(identity),
      };
      return openStorage({ baseDir, liveness: which === "alive" ? processes : gone });
    },
    snapshot: () => below(folder.path),
    [Symbol.asyncDispose]: folder.remove,
  };
}

export const NODE: string = Bun.which("node") ?? "node is not on PATH";

function below(root: string): string[] {
  return readdirSync(root, { withFileTypes: true, recursive: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((path) => {
      const { mode, mtimeMs, ctimeMs, size, ino } = lstatSync(path);
      const content = (mode & 0o170000) === 0o100000 ? readFileSync(path) : "";
      const digest = createHash("sha256").update(content).digest("hex").slice(0, 8);
      return [relative(root, path), mode.toString(8), ino, size, mtimeMs, ctimeMs, digest].join(" ");
    });
}
