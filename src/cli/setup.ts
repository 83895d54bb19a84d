import { type PluginEntry, pluginEntries } from "./plugin-entries.ts";
import type { ConfigView, World } from "./world.ts";

/** How flotilla is set up here: what loads it, and the configuration that results. */
export interface Setup {
  readonly entries: readonly PluginEntry[];
  readonly config: ConfigView;
}

export function readSetup(world: World): Setup {
  const entries = pluginEntries(world);
  // Of several entries of one plugin the host keeps the last one, with its options.
  return { entries, config: world.readConfig(entries.at(-1)) };
}
