import { beforeAll, describe, expect, test } from "bun:test";
import { NOON, RUN, runState } from "../contract/samples.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, type Desk, openDesk } from "./command.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

const ADA = { participant: "ada", generation: 1, sessionId: "ses_ada", turn: 1 };
const LINES = [
  { event: "run_created", team: "explorers", sessionId: "ses_lead" },
  { event: "session_opened", member: "ada", generation: 1, sessionId: "ses_ada" },
  { event: "turn_started", ...ADA, cause: "brief" },
  {
    event: "step_ended",
    ...ADA,
    step: {
      hostMessageId: "msg_1",
      modelId: "m\u001b[2J",
      tokens: { input: 1_000, output: 200 },
      cost: 0.25,
      startedAt: NOON + 2_000,
      completedAt: NOON + 64_000,
    },
    tools: [
      {
        hostMessageId: "msg_1",
        callId: "call_1",
        tool: "bash",
        startedAt: NOON + 3_000,
        endedAt: NOON + 3_250,
        outcome: "failed",
        reason: "tool_error",
      },
    ],
  },
  { event: "turn_settled", ...ADA, outcome: "ended" },
];

/** A run in which ada has had a turn and the lead is still in its own. */
async function tracedDesk(): Promise<Desk> {
  const desk = await openDesk(command);
  desk.configure();
  const { runs } = await desk.storage();
  await runs.create(runState({ lead: { ...runState().lead, directory: desk.at("work") } }));
  const entries = LINES.map((line, index) => ({
    revision: 1,
    index,
    at: NOON + 1_000 + index * 1_000,
    ...line,
  }));
  await runs.exclusively(RUN, (run) => run.appendJournal(entries));
  return desk;
}

describe("flotilla trace", () => {
  test("draws the run as a tree, with times, tokens and cost, and nothing that a terminal would obey", async () => {
    await using desk = await tracedDesk();
    const said = desk.flotilla("trace");
    expect(said).toEqual({
      code: 0,
      err: "",
      out: `${[
        "invoke_workflow explorers  goes on, 1,000 + 200 tokens, cost 0.25",
        "├ invoke_agent lead #1  goes on",
        "└ invoke_agent ada #1  1 min 2 s, 1,000 + 200 tokens, cost 0.25",
        "  ├ chat m [2J  1 min 2 s, 1,000 + 200 tokens, cost 0.25",
        "  └ execute_tool bash  250 ms  the tool failed",
      ].join("\n")}\n`,
    });
    expect(desk.flotillaUnderBun("trace", RUN).out).toBe(said.out);
    expect(desk.flotilla("trace", "--depth", "2").out.split("\n")).toHaveLength(4);
  });

  test("gives programs every span, of a run that is over too", async () => {
    await using desk = await tracedDesk();
    const live = desk.flotilla("trace", "--json");
    await (await desk.storage()).runs.archive(RUN);
    const over = desk.flotilla("trace", "--json");
    expect(over.out).toBe(live.out);
    const spans = JSON.parse(over.out) as { name: string; parentId?: string; attributes: object }[];
    expect(spans.map((span) => span.name)).toEqual([
      "invoke_workflow explorers",
      "invoke_agent lead",
      "invoke_agent ada",
      "chat m\u001b[2J",
      "execute_tool bash",
    ]);
    expect(spans[3]?.attributes).toMatchObject({ "gen_ai.usage.input_tokens": 1_000 });
  });
});
