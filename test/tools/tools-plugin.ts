import type { Plugin } from "@opencode-ai/plugin";
import type { Call, SendReport, Verbs } from "../../src/app/verbs.ts";
import { tools } from "../../src/tools/index.ts";
import { recordingVerbs } from "./recording-verbs.ts";

/** The twelve tools and nothing else, in a real host: a letter's id is what the verb was asked for. */
export const ToolsAlone: Plugin = async () => {
  const { verbs } = recordingVerbs();
  const echoing: Partial<Verbs> = {
    sendMessage: async ({ signal, ...call }: Call, input): Promise<SendReport> => ({
      messageId: JSON.stringify({ call, hasSignal: signal instanceof AbortSignal, input }),
      delivered: [],
    }),
    listTasks: async () => {
      throw new TypeError("x is undefined");
    },
  };
  return { tool: tools(Object.assign(Object.create(verbs) as Verbs, echoing), () => undefined) };
};
