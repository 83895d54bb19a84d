import { afterAll, beforeAll, describe } from "bun:test";
import type { Fact } from "../../src/core/facts.ts";
import type { SessionId } from "../../src/core/ids.ts";
import { type Act, type HostStage, hostContract } from "../contract/host.ts";
import { NOON } from "../core/decide-builders.ts";
import { eventually } from "../support/eventually.ts";
import { Chance } from "./chance.ts";
import { HostDatabase } from "./host-database.ts";
import { SimulatedHost, type Thought } from "./simulated-host.ts";
import { rest, TurnedClock } from "./turned-clock.ts";
import { CALM } from "./weather.ts";

const OK: Act = { type: "say", text: "ok." };

function thoughtOf(act: Act): Thought {
  const afterMs = 50;
  if (act.type === "say") return { afterMs, calls: [], text: act.text };
  if (act.type === "fail")
    return { afterMs, calls: [], text: "", fault: { name: "APIError", message: "refused" } };
  return { afterMs, calls: [async () => act.once], text: "" };
}

/** The simulated host on a clock that turns by itself. */
function simulatedStage(): HostStage & { close(): void } {
  const clock = new TurnedClock(NOON);
  const database = new HostDatabase();
  const facts: Fact[] = [];
  const acts = new Map<SessionId, Act[]>();
  const host = new SimulatedHost(
    database,
    clock,
    new Chance(1),
    CALM,
    {
      think: ({ sessionId }) => thoughtOf(acts.get(sessionId)?.shift() ?? OK),
      stored: () => undefined,
      posted: () => undefined,
      unanswered: () => undefined,
      finished: () => undefined,
      logged: () => undefined,
      broke: (fault) => {
        throw fault;
      },
    },
    (fact) => facts.push(fact),
  );
  let isOpen = true;
  void (async () => {
    while (isOpen) if (!(await clock.turn())) await rest();
  })();
  const directory = "/project";
  return {
    host,
    directory,
    openMember: async () => database.open({ title: "ada", directory, agent: "general", rules: [] }).id,
    plays: (sessionId, ...more) => acts.set(sessionId, [...more]),
    facts: async (sessionId) => facts.filter((fact) => fact.sessionId === sessionId),
    compact: (sessionId) => host.compact(sessionId, 0),
    eventually: (assertion) => eventually(assertion, { everyMs: 1 }),
    close: () => {
      isOpen = false;
    },
  };
}

describe("the simulated host", () => {
  let stage: ReturnType<typeof simulatedStage>;
  beforeAll(() => {
    stage = simulatedStage();
  });
  afterAll(() => stage.close());

  hostContract(() => stage);
});
