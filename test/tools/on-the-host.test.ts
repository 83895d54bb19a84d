import { describe, expect, test } from "bun:test";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { TOOL_NAMES } from "../../src/core/tool-names.ts";
import { teamTools } from "../../src/tools/index.ts";
import { openBench } from "../support/bench.ts";
import { call, say } from "../support/model-replies.ts";
import { toolResults } from "../support/model-request.ts";
import { recordingVerbs } from "./recording-verbs.ts";

const PLUGIN = fileURLToPath(new URL("./tools-plugin.ts", import.meta.url));

describe("the tools in a real OpenCode", () => {
  test("the model is sent each schema as it was made, its sloppy arguments are understood, and a refusal reads as written", async () => {
    await using bench = await openBench({ plugin: PLUGIN });
    const { model, host } = bench;
    model.program({
      steps: [
        call("team_send_message", { recipient: "@Ada", message: "hi", kind: null, references: '["a.ts"]' }),
        call("team_send_message", { recipent: "ada", body: "hi" }),
        call("team_task_list", { owner: "" }),
        say("done"),
      ],
    });
    const session = await host.session();
    await host.prompt(session.id, "Go.");

    const [first, ...later] = model.requestsOf(session.id);
    const tools = teamTools(recordingVerbs().verbs);
    for (const name of TOOL_NAMES) {
      const offered = first!.tools.find((tool) => tool.name === name)!;
      expect(offered.description).toBe(tools[name].description);
      const { $schema: _, ...sent } = offered.parameters as Record<string, unknown>;
      const { $schema: __, ...made } = z.toJSONSchema(z.object(tools[name].args), { io: "input" });
      expect(sent).toEqual(made as Record<string, unknown>);
    }

    const [sent, refused, failed] = toolResults(later.at(-1)!);
    const said = JSON.parse(sent!.text) as { readonly messageId: string; readonly next: string };
    expect(said.next).toStartWith("Answers come by mail");
    expect(JSON.parse(said.messageId)).toEqual({
      call: {
        sessionId: session.id,
        messageId: expect.stringMatching(/^msg_/),
        callId: sent!.callId,
        directory: host.work,
        worktree: host.work,
      },
      hasSignal: true,
      input: { to: "ada", body: "hi", kind: "message", references: [{ path: "a.ts" }] },
    });
    expect(refused!.text).toBe(
      "argument_invalid: team_send_message: unknown argument recipent (did you mean to?); to is missing. " +
        "Arguments of team_send_message: to, body, summary?, kind?, correlationId?, references?.",
    );
    expect(failed!.text).toStartWith("internal: team_task_list failed: x is undefined. This is a defect");
  });
});
