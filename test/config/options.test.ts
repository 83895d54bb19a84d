import { describe, expect, test } from "bun:test";
import { toSettings } from "../../src/config/settings.ts";
import { toLimits } from "../../src/options.ts";
import { configGround } from "./ground.ts";

describe("the limits of a run", () => {
  test("are the options, minutes as milliseconds", async () => {
    await using ground = await configGround();
    const team_mode = {
      max_members: 2,
      max_parallel_members: 3,
      max_messages_per_run: 4,
      max_wall_clock_minutes: 5,
      max_member_turns: 6,
      max_tokens_per_run: 7,
      max_cost_per_run: 0.5,
      message_payload_max_bytes: 2048,
      recipient_unread_max_bytes: 4096,
      mailbox_poll_interval_ms: 500,
    };
    expect(toLimits(ground.options({ plugin: { team_mode } }))).toEqual({
      maxMembers: 2,
      maxParallelMembers: 3,
      maxMessages: 4,
      maxWallClockMs: 300_000,
      maxMemberTurns: 6,
      maxTokens: 7,
      maxCost: 0.5,
      messageMaxBytes: 2048,
      unreadMaxBytes: 4096,
      pollIntervalMs: 500,
    });
  });

  test("name no bound of tokens or cost that nobody set", async () => {
    await using ground = await configGround();
    const limits = toLimits(ground.options());
    expect(limits).not.toHaveProperty("maxTokens");
    expect(limits).not.toHaveProperty("maxCost");
  });
});

test("the settings hold categories with their models understood", async () => {
  await using ground = await configGround();
  const team_mode = {
    offer_tools: "always",
    task_recovery: false,
    agent_eligibility: { oracle: "allow" },
    categories: {
      docs: { agent: "build", model: "router/vendor/m", variant: "high", prompt: "Write.", description: "" },
      code: { agent: "general" },
    },
  };
  const options = ground.options({ plugin: { team_mode } });
  expect(toSettings(options)).toEqual({
    limits: toLimits(options),
    offerTools: "always",
    taskRecovery: false,
    agentEligibility: { oracle: "allow" },
    panes: false,
    categories: {
      docs: {
        agent: "build",
        model: { providerId: "router", modelId: "vendor/m", variant: "high" },
        prompt: "Write.",
      },
      code: { agent: "general" },
    },
  });
});
