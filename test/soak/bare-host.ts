import { SILENCE } from "../e2e/stage.ts";
import { openBench } from "../support/bench.ts";
import { call } from "../support/model-replies.ts";
import { MemoryUse } from "./memory-use.ts";

export interface BareLoad {
  readonly sessions: number;
  /** Prompts in all sessions together. */
  readonly prompts: number;
  /** Model calls together: those beyond one a prompt follow a tool call. */
  readonly steps: number;
  /** Length of a prompt. */
  readonly characters: number;
  readonly timeoutMs: number;
}

/** How much more memory the host takes without any plugin when it does the same work: as many prompts and steps. */
export async function bareGrowth(load: BareLoad): ReturnType<MemoryUse["growth"]> {
  await using bench = await openBench({ plugin: false, config: { snapshot: false } });
  const { host, model } = bench;
  const use = new MemoryUse(host.pid);
  // Prompts are answered with a tool call as often as it takes to come to the same number of steps.
  const withCall = Math.max(0, load.steps / load.prompts - 1);
  let owed = 0;
  model.script((request) => {
    if (request.kind !== "turn") return undefined;
    use.sample();
    if (request.toolResultsSinceLastUser.length > 0) return SILENCE;
    owed += withCall;
    if (owed < 1) return SILENCE;
    owed -= 1;
    return call("glob", { pattern: "*.md" });
  });
  const text = "x".repeat(load.characters);
  const each = Math.ceil(load.prompts / load.sessions);
  await Promise.all(
    Array.from({ length: load.sessions }, async () => {
      const { id } = await host.session();
      for (let prompt = 0; prompt < each; prompt += 1)
        await host.prompt(id, text, { timeoutMs: load.timeoutMs });
    }),
  );
  return use.growth();
}
