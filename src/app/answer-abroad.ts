import type { Fact } from "../core/facts.ts";
import { memberOf } from "../core/run.ts";
import type { Fleet } from "./fleet.ts";

/** The model is told, so that its turn goes on; a rejection without a word would end it. */
const NOBODY_THERE =
  "Nobody is there to approve this: it is refused. Go on without it, or report what you lack.";

/**
 * Answers what a member in a worktree asks under `opencode run`. That command answers for the lead and its descendants,
 * but hears of requests in the lead's own directory only: anywhere else the member would wait for ever.
 */
export async function answerAbroad({ world, index }: Fleet, fact: Fact, allow: boolean): Promise<void> {
  if (fact.type !== "gate_opened" || fact.gate.kind !== "permission") return;
  const seat = index.seat(fact.sessionId);
  const state = seat && index.state(seat.runId);
  if (!state || !world.ownership.holds(state.runId)) return;
  const directory = memberOf(state, seat.participant)?.directory;
  if (directory === undefined || directory === state.lead.directory) return;
  const { requestId } = fact.gate;
  await world.host.answerPermission(
    directory,
    allow ? { requestId, reply: "once" } : { requestId, reply: "reject", message: NOBODY_THERE },
  );
}
