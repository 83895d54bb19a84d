import type { Hooks } from "@opencode-ai/plugin";
import type { ShownList } from "../core/subagents.ts";
import type { Surface } from "./surface.ts";

/** What is done about the host's own subagents, where that is wanted. */
export interface SubagentDesk {
  /** Adds to the results of `task` in a list that goes to a model. */
  annotate(list: ShownList): Promise<void>;
  /** What is to follow a result without a text. */
  noteEmpty(sessionId: string, callId: string, result: unknown): Promise<string | undefined>;
  /** What the environment of a shell is to have, besides. */
  shellVariables(sessionId: string, callId: string): Readonly<Record<string, string>>;
}

export function subagentHooks(desk: SubagentDesk, surface: Surface): Partial<Hooks> {
  return {
    "tool.execute.after": surface("tool.execute.after", async ({ tool, sessionID, callID }, result) => {
      if (tool !== "task") return;
      const note = await desk.noteEmpty(sessionID, callID, result);
      if (note !== undefined) result.output += note;
    }),
    "shell.env": surface("shell.env", ({ sessionID, callID }, { env }) => {
      if (sessionID !== undefined && callID !== undefined)
        Object.assign(env, desk.shellVariables(sessionID, callID));
    }),
  };
}
