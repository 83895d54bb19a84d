import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "jsonc-parser";
import { type Host, openHost } from "../test/support/host.ts";
import {
  GROUND_VARIABLE,
  type Ground,
  type Json,
  PROJECT_ROOT,
  prepareGround,
} from "../test/support/host-ground.ts";
import { type ModelServer, startModelServer } from "../test/support/model-server.ts";
import { scratch } from "../test/support/scratch.ts";
import type { DemoArguments } from "./arguments.ts";
import { PROJECT } from "./project.ts";
import { playScenes } from "./scenes.ts";
import { ACTORS } from "./story.ts";

/** A real OpenCode, not started yet, with the built plugin on a scratch repository, and a model for it. */
export interface Stage {
  readonly host: Host;
  /** Absent when the model is the user's own. */
  readonly script: ModelServer | undefined;
  readonly model: NonNullable<DemoArguments["model"]>;
  /** The plugin's `base_dir`. */
  readonly base: string;
  readonly folder: string;
  /** Where the host writes its log. */
  readonly logFolder: string;
  /** Ends what was started here and nothing else; the folder goes too, unless it is kept. */
  close(options: { readonly keep: boolean }): Promise<void>;
}

/** The folder with package.json: the host finds the built plugin as it does in a user's installation. */
const PLUGIN = PROJECT_ROOT;

/** A model takes its time, and a person wants to read along. */
const THINKING_MS = 300;

/** A home of its own and a scripted model: nothing of the user's is read or written, nothing leaves the machine. */
export async function openScriptedStage(): Promise<Stage> {
  const script = await startModelServer();
  try {
    playScenes(script, ACTORS, THINKING_MS);
    const ground = await prepareGround({
      modelUrl: script.url,
      plugins: [PLUGIN],
      config: { team_mode: { enabled: true } },
      files: PROJECT,
    });
    const share = join(ground.home, ".local", "share");
    return stage(ground, {
      script,
      model: { providerId: "mock", modelId: "m" },
      base: join(share, "opencode-flotilla"),
      logFolder: join(share, "opencode", "log"),
    });
  } catch (failure) {
    await script.close();
    throw failure;
  }
}

/**
 * The user's own OpenCode: configuration, credentials and provider are found where they always are. What the demo adds
 * travels in variables of this one process; sessions go to a database in the scratch folder, so that neither the user's
 * list of sessions nor the schema of that database is touched.
 */
export async function openOwnStage(model: Stage["model"]): Promise<Stage> {
  const folder = await scratch("demo");
  const [work, tmp] = [folder.at("work"), folder.at("tmp")];
  await Promise.all([work, tmp].map((path) => mkdir(path)));
  await Promise.all(Object.entries(PROJECT).map(([path, content]) => writeFile(join(work, path), content)));
  const base = folder.at("flotilla");
  const {
    OPENCODE_SERVER_PASSWORD: _password,
    OPENCODE_SERVER_USERNAME: _username,
    ...inherited
  } = process.env;
  const env = {
    ...(inherited as Record<string, string>),
    OPENCODE_CONFIG_CONTENT: JSON.stringify(withTeam(inherited["OPENCODE_CONFIG_CONTENT"], model, base)),
    OPENCODE_DB: folder.at("opencode.db"),
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    TMPDIR: tmp,
    [GROUND_VARIABLE]: folder.path,
  };
  const author = ["-c", "user.name=Demo", "-c", "user.email=demo@example.invalid"];
  for (const args of [
    ["init", "--quiet"],
    ["add", "--all"],
    [...author, "commit", "--quiet", "--message", "Start"],
  ]) {
    await promisify(execFile)("git", args, { cwd: work });
  }
  const share = inherited["XDG_DATA_HOME"] ?? join(inherited["HOME"] ?? homedir(), ".local", "share");
  const logFolder = join(share, "opencode", "log");
  const ground: Ground = {
    path: folder.path,
    home: homedir(),
    work,
    env,
    log: () => newestLog(logFolder),
    remove: folder.remove,
  };
  return stage(ground, { script: undefined, model, base, logFolder });
}

/** The user's own variable, if there is one, with what the demo needs laid over it. */
function withTeam(own: string | undefined, model: Stage["model"], base: string): Json {
  const config = (own === undefined ? {} : parse(own)) as Readonly<Record<string, unknown>>;
  const plugins = Array.isArray(config["plugin"]) ? (config["plugin"] as readonly unknown[]) : [];
  return {
    ...config,
    // Members that name no model get the host's default.
    model: `${model.providerId}/${model.modelId}`,
    plugin: [...plugins, PLUGIN],
    team_mode: { enabled: true, base_dir: base, max_wall_clock_minutes: 15 },
  };
}

function stage(ground: Ground, rest: Pick<Stage, "script" | "model" | "base" | "logFolder">): Stage {
  let keep = false;
  const host = openHost({ ...ground, remove: () => (keep ? Promise.resolve() : ground.remove()) });
  async function close(options: { readonly keep: boolean }): Promise<void> {
    keep = options.keep;
    try {
      await host.dispose();
    } finally {
      await rest.script?.close();
    }
  }
  return { ...rest, host, folder: ground.path, close };
}

async function newestLog(folder: string): Promise<string> {
  const newest = (await readdir(folder)).toSorted().at(-1);
  return newest === undefined ? "" : readFile(join(folder, newest), "utf8");
}
