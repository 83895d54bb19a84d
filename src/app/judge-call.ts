import type { Instant, SessionId } from "../core/ids.ts";
import {
  type CallEnd,
  endingByCall,
  endingOf,
  isSettled,
  isTooLong,
  type Look,
} from "../core/subagent-ending.ts";
import { noteText } from "../core/subagent-wording.ts";
import {
  type CallKey,
  emptyLedger,
  noteEnded,
  noteStarted,
  type ProcessRef,
  type SubagentStart,
} from "../core/subagents.ts";
import { FlotillaError } from "../errors.ts";
import type { SubagentWorld } from "./subagent-world.ts";

/**
 * An aborted message is complete 80 to 100 ms after the host has called its session idle (measured); a machine that runs many
 * sessions needs longer. The caller's model waits meanwhile.
 */
const LOOKS = 8;
const LOOK_AGAIN_MS = 250;

/** A call of `task` for which nobody waits any more. */
export interface EndedCall extends CallKey {
  readonly parentId: SessionId;
  readonly startedAt: Instant;
  readonly endedAt: Instant;
  readonly end: CallEnd;
  /** Absent if it never came to a session. */
  readonly start?: SubagentStart;
}

/**
 * Finds out how a call ended and what it has left, and takes it down for good. Of two who judge the same call the first one's
 * verdict stands.
 *
 * @param known what has been seen of the subagent's session already.
 */
export async function judgeCall(world: SubagentWorld, call: EndedCall, known?: Look): Promise<void> {
  const { end, parentId, start, startedAt, hostMessageId, callId, endedAt } = call;
  const { childId } = end;
  const isKnown = endingByCall(end) !== undefined || childId === undefined;
  const look = known ?? (isKnown ? "unseen" : await lookAt(world, childId, startedAt, end.outcome));
  const sight = typeof look === "string" ? undefined : look;
  // Somebody else runs it after all.
  if (end.outcome === "left" && sight?.working) return;
  const ending = endingOf(end, look);
  const shells = ending === "crashed" ? await survivors(world, childId, sight?.shells ?? []) : [];
  const remains = sight ? { remains: sight.remains } : {};
  const pids = shells.map(({ pid }) => pid);
  await world.ledgers.change(parentId, (ledger = emptyLedger(parentId, world.processes.self)) =>
    noteEnded(
      start ? noteStarted(ledger, start) : ledger,
      {
        ...{ hostMessageId, callId, endedAt, ending, shells },
        ...(childId === undefined ? {} : { sessionId: childId }),
        ...remains,
      },
      (subagent, interruption) =>
        noteText(subagent, { ending: interruption, tooLong: isTooLong(look), pids, ...remains }),
    ),
  );
}

/** What the host has of the session, once it stands still. */
export async function lookAt(
  world: SubagentWorld,
  childId: SessionId,
  since: Instant,
  outcome: CallEnd["outcome"],
): Promise<Look> {
  for (let looks = 1; ; looks += 1) {
    const look = await lookOnce(world, childId, since);
    // What a dead process has left does not change.
    if (outcome === "left" || isSettled(look) || looks === LOOKS) return look;
    await new Promise<void>((resume) => world.clock.after(LOOK_AGAIN_MS, resume));
  }
}

async function lookOnce({ host }: SubagentWorld, childId: SessionId, since: Instant): Promise<Look> {
  try {
    return (await host.childSight(childId, since)) ?? "gone";
  } catch (fault) {
    if (!(fault instanceof FlotillaError)) throw fault;
    host.log("warn", "a subagent's session could not be looked at", { childId, reason: fault.message });
    return "unseen";
  }
}

/** What a shell is marked with when it starts, so that it is known again when whoever started it is gone. */
export function shellMark(childId: SessionId, callId: string): string {
  return `${childId}/${callId}`;
}

async function survivors(
  { processes }: SubagentWorld,
  childId: SessionId | undefined,
  calls: readonly string[],
): Promise<readonly ProcessRef[]> {
  if (childId === undefined || calls.length === 0) return [];
  return processes.marked(calls.map((callId) => shellMark(childId, callId)));
}
