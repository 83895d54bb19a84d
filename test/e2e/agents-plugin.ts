import type { Plugin } from "@opencode-ai/plugin";

/** A plugin of somebody else's that brings agents by its config hook: one that can be a member, and one that cannot. */
export const Agents: Plugin = async () => ({
  config: async (config) => {
    config.agent = {
      ...config.agent,
      auditor: { mode: "subagent", prompt: "You audit what others write.", model: "mock/n" },
      hermit: {
        mode: "subagent",
        prompt: "You only read.",
        permission: { "*": "deny", read: "allow" } as never,
      },
    };
  },
});
