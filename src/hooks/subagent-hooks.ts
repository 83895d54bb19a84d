import type { Hooks } from "@opencode-ai/plugin";
import type { ShownList } from "../core/subagents.ts";
import type { Surface } from "./surface.ts";

/** What is done about the host's own subagents, where that is wanted. */
export interface SubagentDesk {
  /** A call of `task` is about to be carried out; answers what it is to be given as `task_id`. Rejects with a refusal. */
  begins(
    sessionId: string,
    callId: string,
    input: Readonly<Record<string, unknown>>,
  ): Promise<string | undefined>;
  /** Adds to the results of `task` in a list that goes to a model. */
  annotate(list: ShownList): Promise<void>;
  /** What is to follow a result without a text. */
  noteEmpty(sessionId: string, callId: string, result: unknown): Promise<string | undefined>;
  /** What the environment of a shell is to have, besides. */
  shellVariables(sessionId: string, callId: string): Readonly<Record<string, string>>;
}

/** @param gate lets a refusal through to the call. */
export function subagentHooks(desk: SubagentDesk, surface: Surface, gate: Surface): Partial<Hooks> {
  return {
    "tool.execute.before": gate("tool.execute.before", async ({ tool, sessionID, callID }, { args }) => {
      if (tool !== "task") return;
      const taskId = await desk.begins(sessionID, callID, args);
      if (taskId !== undefined) args.task_id = taskId;
    }),
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
