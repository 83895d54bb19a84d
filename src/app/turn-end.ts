import type { TurnSettled } from "../core/commands.ts";
import type { HostFault } from "../core/facts.ts";
import type { SessionId } from "../core/ids.ts";
import type { LastTurn, Step } from "../ports.ts";
import type { SessionWatch } from "./session-watch.ts";

/**
 * An unfinished message is looked at again this often, this many times: the host says idle 80 to 100 ms before an aborted
 * message is complete (measured), and after 5 s nothing will complete it any more.
 */
export const SETTLE_RETRY_MS = 250;
const SETTLE_LOOKS = 20;

/** The host's name for what an abort does to a message. */
export const ABORTED = "MessageAbortedError";

/**
 * The message with which the session's turn ended; undefined if it has none of its own. `none`: no turn has begun since the
 * last one that was settled, this is a repeat. `unfinished`: it may still come.
 *
 * @param begun a turn has, as far as anybody knows.
 * @param settledStepId the newest message when a turn was settled last.
 */
export function endOf(
  { step }: LastTurn,
  watch: SessionWatch,
  begun: boolean,
  settledStepId: string | undefined,
): Step | "none" | "unfinished" | undefined {
  const final = watch.abandoned || watch.settleLooks >= SETTLE_LOOKS;
  const isOld = step === undefined || step.hostMessageId === settledStepId;
  if (isOld && !begun) return "none";
  // The turn that has begun failed before its first message.
  if (isOld && (watch.fault || watch.abandoned)) return undefined;
  if (step === undefined) return final ? undefined : "unfinished";
  // An older idle, told late, must not take this step for the end of its own turn: what lies between is told first.
  const isTold = !begun || watch.endedStepId === undefined || watch.endedStepId === step.hostMessageId;
  // An old step here means that its end was found by an earlier look, before its beginning was told.
  return (step.completed && isTold) || final ? step : "unfinished";
}

/** A turn that was cut off before its first message, under an id that no other such turn has. */
export function cutOff(sessionId: SessionId, revision: number): Step {
  return { hostMessageId: `${sessionId}_${revision}`, completed: false, midTurn: true, text: "" };
}

/** The model has said what it had to say, whatever became of the turn afterwards. */
export function isFinished(step: Step): boolean {
  return !step.error && step.finish !== undefined;
}

/**
 * A message without `finish` was cut off: by a fault, or by an abort. An abort during a provider's back-off leaves neither a
 * name nor an event of its own: only a message that is complete and has nothing in it. One in the middle of its turn is the
 * end only where the host itself has stopped, as after a refused permission.
 */
export function outcomeOf(
  step: Step,
  fault: HostFault | undefined,
  abandoned: boolean,
): TurnSettled["outcome"] {
  const wasCut = abandoned && step.midTurn;
  if (isFinished(step) && !wasCut) return "ended";
  // Found by the next owner, an abort is what became of the turn when its host went down.
  if (abandoned) return "failed";
  if (fault) return fault.name === ABORTED ? "aborted" : "failed";
  return step.completed ? "aborted" : "failed";
}
