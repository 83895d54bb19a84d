import { describe, expect, test } from "bun:test";
import { transportOf } from "../../src/opencode/client.ts";
import { post } from "../../src/opencode/prompts.ts";
import type { Prompt } from "../../src/ports.ts";
import { fakeClient } from "./fake-client.ts";

const PROMPT: Prompt = {
  sessionId: "ses_a",
  hostMessageId: "msg_1",
  hostPartId: "prt_1",
  text: "mail",
  mark: { runId: "run_1", batchId: "batch_1", round: 0 },
  agent: "build",
  model: { providerId: "mock", modelId: "m", variant: "high" },
};

describe("a post", () => {
  test("is one part under our ids, with agent, model and variant, and never with tools", async () => {
    const { client, seen } = fakeClient(() => new Response(null, { status: 204 }));

    expect(await post(transportOf(client), PROMPT)).toEqual({ kind: "accepted" });
    expect(seen).toEqual([
      {
        method: "POST",
        path: "/session/ses_a/prompt_async",
        query: {},
        body: {
          messageID: "msg_1",
          agent: "build",
          model: { providerID: "mock", modelID: "m" },
          variant: "high",
          parts: [
            {
              id: "prt_1",
              type: "text",
              text: "mail",
              metadata: { flotilla: { runId: "run_1", batchId: "batch_1", round: 0 } },
            },
          ],
        },
      },
    ]);
  });

  test.each([
    [404, "session_gone"],
    [400, "refused"],
    [401, "refused"],
    [403, "refused"],
    [408, "unreachable"],
    [429, "unreachable"],
    [500, "unreachable"],
    [503, "unreachable"],
  ])("that is answered with %d is %s", async (status, kind) => {
    const { client } = fakeClient(() => Response.json({ data: { message: "because" } }, { status }));
    expect(await post(transportOf(client), PROMPT)).toMatchObject({ kind, reason: "because" });
  });

  test("that does not arrive is worth another attempt", async () => {
    const { client } = fakeClient(() => Promise.reject(new TypeError("connection refused")));
    expect(await post(transportOf(client), PROMPT)).toMatchObject({
      kind: "unreachable",
      reason: expect.stringContaining("connection refused"),
    });
  });
});
