import type { Hooks, PluginInput, PluginModule, PluginOptions } from "@opencode-ai/plugin";
import { isMentioned } from "./config/mention.ts";
import { isOnHere } from "./registry.ts";

/**
 * OpenCode's door. The host takes every other named export for a plugin of its own, so there is none.
 *
 * Everything else is loaded only where the configuration speaks of it: the host waits for its plugins with every start.
 */
const plugin: PluginModule = {
  id: "opencode-flotilla",
  async server(input: PluginInput, options?: PluginOptions): Promise<Hooks> {
    const { directory, worktree } = input;
    // A member's worktree may have a configuration without a word of us: the lead's is the one that counts there.
    if (!isOnHere() && !isMentioned({ directory, worktree, env: process.env }, options)) return {};
    const { compose } = await import("./compose.ts");
    return compose(input, options);
  },
};

export default plugin;
