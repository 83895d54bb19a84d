import { afterAll, beforeAll, describe } from "bun:test";
import { type Act, type HostStage, hostContract } from "../contract/host.ts";
import { ADAPTER_PLUGIN, type AdapterDoor, DOOR_VARIABLE, enter } from "../opencode/adapter-door.ts";
import { type Bench, openBench } from "../support/bench.ts";
import { eventually } from "../support/eventually.ts";
import { call, fail, once, type Reply, say } from "../support/model-replies.ts";
import { type Scratch, scratch } from "../support/scratch.ts";
import { TEST_TIMEOUT_MS } from "./stage.ts";

function replyOf(act: Act): Reply {
  if (act.type === "say") return say(act.text);
  if (act.type === "fail") return fail(400);
  const look = call("glob", { pattern: "*.md" });
  return act.once === undefined ? look : once(act.once, look);
}

describe("the real host", () => {
  let doorway: Scratch;
  let bench: Bench;
  let door: AdapterDoor;

  beforeAll(async () => {
    doorway = await scratch("door");
    bench = await openBench({ plugin: ADAPTER_PLUGIN, env: { [DOOR_VARIABLE]: doorway.at("door") } });
    await bench.host.session();
    door = await enter(doorway.at("door"));
  }, TEST_TIMEOUT_MS);

  afterAll(async () => {
    await bench.dispose();
    await doorway.remove();
  }, TEST_TIMEOUT_MS);

  hostContract((): HostStage => {
    const { host, model } = bench;
    return {
      host: door,
      directory: host.work,
      openMember: async () =>
        (await host.session({ parentId: (await host.session()).id, agent: "general" })).id,
      plays: (sessionId, ...acts) => model.program({ when: sessionId, steps: acts.map(replyOf) }),
      facts: async (sessionId) => (await door.facts()).filter((fact) => fact.sessionId === sessionId),
      compact: async (sessionId) => {
        await host.call("POST", `/session/${sessionId}/summarize`, {
          body: { providerID: "mock", modelID: "m" },
        });
      },
      eventually: (assertion) => eventually(assertion, { timeoutMs: 30_000 }),
    };
  }, TEST_TIMEOUT_MS);
});
