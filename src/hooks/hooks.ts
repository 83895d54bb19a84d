import type { Hooks } from "@opencode-ai/plugin";
import type { PromptNews } from "../app/offer-tools.ts";
import type { Fact } from "../core/facts.ts";
import type { ShownList } from "../core/subagents.ts";
import { type SubagentDesk, subagentHooks } from "./subagent-hooks.ts";
import type { Surface } from "./surface.ts";

/** How the host's inputs become ours; `opencode/` has the decoders. */
export interface Decoders {
  event(event: unknown): Fact | undefined;
  prompt(input: unknown, output: unknown): Fact | undefined;
  news(input: unknown, output: unknown): PromptNews | undefined;
  shown(messages: unknown): Fact | undefined;
  tasks(messages: unknown): ShownList | undefined;
  compacting(input: unknown): Fact | undefined;
  /** The system prompt is that of a request which the host makes on its own behalf. */
  isAside(system: readonly string[]): boolean;
}

export interface HookDesk {
  observe(fact: Fact): void;
  prompted(news: PromptNews): Promise<void>;
  /** A session's text is complete; what is awaited here holds its turn. */
  textCompleted(sessionId: string): Promise<void>;
  /** What is added to the system prompt of a session; undefined adds nothing. */
  section(sessionId: string): Promise<string | undefined>;
  /** Absent where the host's own subagents are none of our business. */
  readonly subagents?: SubagentDesk;
  /** A call of the host's `task` is about to be carried out; answers what it is to be given as `task_id`. Rejects with a refusal. */
  beginsTask(
    sessionId: string,
    callId: string,
    input: Readonly<Record<string, unknown>>,
  ): Promise<string | undefined>;
  configure(config: object): void;
  dispose(): Promise<void>;
}

/**
 * The plugin's hooks. They look, decode and hand over: nothing is decided here. What is waited for: the reveal of tools, which
 * has to be there before the turn starts, the end of the team, where the host would not wait for it, what is added to what a
 * model is sent, and whether a call of `task` may go on.
 */
export function hooks(decode: Decoders, desk: HookDesk, surface: Surface, gate: Surface): Hooks {
  const observe = (fact: Fact | undefined): void => {
    if (fact) desk.observe(fact);
  };
  return {
    config: surface("config", (config) => desk.configure(config)),
    event: surface("event", ({ event }) => observe(decode.event(event))),
    "chat.message": surface("chat.message", async (input, output) => {
      observe(decode.prompt(input, output));
      const news = decode.news(input, output);
      if (news) await desk.prompted(news);
    }),
    "experimental.chat.messages.transform": surface("messages.transform", async (_input, output) => {
      observe(decode.shown(output.messages));
      const list = desk.subagents && decode.tasks(output.messages);
      if (list) await desk.subagents?.annotate(list);
    }),
    "experimental.chat.system.transform": surface("system.transform", async ({ sessionID }, { system }) => {
      if (sessionID === undefined || decode.isAside(system)) return;
      const section = await desk.section(sessionID);
      if (section !== undefined) system.push(section);
    }),
    "experimental.session.compacting": surface("session.compacting", (input) => {
      observe(decode.compacting(input));
    }),
    "experimental.text.complete": surface("text.complete", ({ sessionID }) => desk.textCompleted(sessionID)),
    "tool.execute.before": gate("tool.execute.before", async ({ tool, sessionID, callID }, { args }) => {
      if (tool !== "task") return;
      const taskId = await desk.beginsTask(sessionID, callID, args);
      if (taskId !== undefined) args.task_id = taskId;
    }),
    ...(desk.subagents && subagentHooks(desk.subagents, surface)),
    dispose: surface("dispose", () => desk.dispose()),
  };
}
