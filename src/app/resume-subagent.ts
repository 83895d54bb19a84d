import type { SessionId } from "../core/ids.ts";
import { meantSession, type ResumeSight, resumeRefusal, uncheckedRefusal } from "../core/resume.ts";
import {
  emptyLedger,
  noteStarted,
  startOf,
  subagentOf,
  type TaskRequest,
  without,
} from "../core/subagents.ts";
import { FlotillaError } from "../errors.ts";
import type { SubagentWorld } from "./subagent-world.ts";

/**
 * Checks the session that a call wants to go on with, and reserves it for the call: of two at the same time one is refused.
 *
 * @returns the id that the host is to be given.
 */
export async function resumeSubagent(
  world: SubagentWorld,
  request: TaskRequest & { readonly taskId: string },
): Promise<SessionId> {
  const { clock, ledgers, processes } = world;
  const { parentId, callId } = request;
  const meant = meantSession(request, await ledgers.read(parentId));
  if (meant.kind === "refused") throw FlotillaError.of(meant.refusal);
  const { sessionId } = meant;
  const startedAt = clock.now();
  const seen = await sightOf(world, request, sessionId);
  let refused: ReturnType<typeof resumeRefusal>;
  await ledgers.change(parentId, (ledger) => {
    const working = seen?.working === true || (ledger && subagentOf(ledger, sessionId)?.status === "running");
    refused = resumeRefusal(request, seen && { ...seen, working: working === true }, ledger);
    if (refused) return ledger && seen === undefined ? without(ledger, sessionId) : ledger;
    const start = startOf(request, sessionId, { callId, startedAt });
    return noteStarted(ledger ?? emptyLedger(parentId, processes.self), start);
  });
  if (refused) throw FlotillaError.of(refused.refusal);
  return sessionId;
}

/** The session as the host has it; undefined if it has none. Rejects with a refusal if that cannot be found out. */
async function sightOf(
  { host, clock }: SubagentWorld,
  request: { readonly taskId: string },
  sessionId: SessionId,
): Promise<ResumeSight | undefined> {
  try {
    const session = await host.session(sessionId);
    const sight = session && (await host.childSight(sessionId, clock.now()));
    return sight && { ...session, working: sight.working };
  } catch (fault) {
    if (!(fault instanceof FlotillaError)) throw fault;
    throw FlotillaError.of(uncheckedRefusal(request, fault.message).refusal);
  }
}
