import type { Host } from "../../src/ports.ts";

/**
 * A host that takes everything and does nothing, so that what is measured is ours alone. Sessions it opens are named
 * after the member they are for.
 */
export const silentHost: Host = {
  openSession: async ({ mark }) => `ses_${mark.member}`,
  findSession: async () => undefined,
  session: async (sessionId) => ({ sessionId, directory: "", rules: [], undoStaged: false }),
  children: async () => [],
  isStored: async () => false,
  post: async () => ({ kind: "accepted" }),
  lastTurn: async () => ({ activity: "idle" }),
  transcript: async () => [],
  steps: async () => [],
  promptStyle: async () => undefined,
  abort: async () => {},
  addRules: async () => {},
  answerPermission: async () => false,
  closeInstance: async () => {},
  awaitInstance: async () => true,
  agents: async () => [],
  models: async () => [],
  openGates: async () => [],
  toast: async () => {},
  log: () => {},
};
