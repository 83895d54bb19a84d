import { join } from "node:path";
import { type Host, openHost } from "./host.ts";
import {
  type GroundOptions,
  type Json,
  type PluginSpec,
  PROJECT_ROOT,
  prepareGround,
} from "./host-ground.ts";
import { type ModelServer, startModelServer } from "./model-server.ts";

/** The plugin as its author edits it; the host's own Bun reads TypeScript. */
export const PLUGIN_SOURCE: string = join(PROJECT_ROOT, "src", "plugin.ts");

export interface BenchOptions extends Omit<GroundOptions, "modelUrl" | "plugins"> {
  /** `true` (default): this project's plugin, from source. `false`: none. Or what to load in its place. */
  readonly plugin?: boolean | PluginSpec;
  /** Plugins beside it, loaded after it. */
  readonly otherPlugins?: readonly PluginSpec[];
  /** Written as `team_mode` into the project's opencode.json, beside `plugin`, as a user would. */
  readonly teamMode?: Json;
  /** `false`: no `opencode serve`; for tests that only `run`. */
  readonly serve?: boolean;
}

/** A scripted model and a real host that talks to it. */
export interface Bench extends AsyncDisposable {
  readonly model: ModelServer;
  readonly host: Host;
  /** Another `opencode serve` on the same home and work tree. It goes with the bench. */
  secondHost(): Promise<Host>;
  dispose(): Promise<void>;
}

/** `await using bench = await openBench({ teamMode: { enabled: true } })` */
export async function openBench(options: BenchOptions = {}): Promise<Bench> {
  const { plugin = true, otherPlugins = [], teamMode, serve = true, config, ...rest } = options;
  const model = await startModelServer();
  const ground = await prepareGround({
    ...rest,
    modelUrl: model.url,
    plugins: [...pluginSpecs(plugin), ...otherPlugins],
    config: { ...(teamMode === undefined ? {} : { team_mode: teamMode }), ...config },
  });
  const host = openHost(ground);
  const others: Host[] = [];

  async function dispose(): Promise<void> {
    try {
      await Promise.all(others.map((other) => other.dispose()));
    } finally {
      // Ends every process of the ground, whatever became of the ones above.
      await host.dispose().finally(() => model.close());
    }
  }

  try {
    if (serve) await host.start();
  } catch (failure) {
    await dispose();
    throw failure;
  }
  return {
    model,
    host,
    async secondHost() {
      const other = openHost(ground, { ownsGround: false });
      others.push(other);
      await other.start();
      return other;
    },
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

function pluginSpecs(plugin: boolean | PluginSpec): readonly PluginSpec[] {
  if (typeof plugin !== "boolean") return [plugin];
  return plugin ? [PLUGIN_SOURCE] : [];
}
