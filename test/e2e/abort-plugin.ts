import type { Plugin } from "@opencode-ai/plugin";

/** Long beside the step from one plugin's hook to the next one's, which is where the turn is held. */
const ESC_AFTER_MS = 500;

/** A person at the keyboard of `opencode run`: stops a root session's turn a moment after its first text is complete. */
export const Abort: Plugin = async ({ client }) => {
  let stopped = false;
  return {
    "experimental.text.complete": async ({ sessionID }) => {
      const session = await client.session.get({ path: { id: sessionID } });
      if (stopped || session.data?.parentID !== undefined) return;
      stopped = true;
      setTimeout(() => void client.session.abort({ path: { id: sessionID } }), ESC_AFTER_MS);
    },
  };
};
