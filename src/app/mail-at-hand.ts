import type { Participant, RunId, SessionId } from "../core/ids.ts";
import type { Fleet } from "./fleet.ts";

/** A prompt is stored 35 to 210 ms after the host has taken it (measured). */
const STORED_RETRY_MS = 25;

/** Mail for a participant that its model has not been shown. */
export async function unseenMail(fleet: Fleet, runId: RunId, participant: Participant): Promise<number> {
  const courier = fleet.courier(runId);
  return courier ? courier.standing.unseen(participant) : fleet.world.mailbox.unreadCount(runId, participant);
}

/**
 * Whether mail is stored in a session whose turn runs: it is in front of the model at its next step. Written is not enough,
 * nor is posted. While it is on its way those who wait are asked again, for the host tells nobody when it has stored a prompt.
 */
export async function hasMailAtHand(
  fleet: Fleet,
  runId: RunId,
  participant: Participant,
  sessionId: SessionId,
): Promise<boolean> {
  const posted = (await fleet.courier(runId)?.standing.underWay(participant)) ?? [];
  for (const hostMessageId of posted) {
    if (await fleet.world.host.isStored(sessionId, hostMessageId)) return true;
  }
  if (posted.length > 0) fleet.world.clock.after(STORED_RETRY_MS, () => fleet.waiters.poke(runId));
  return false;
}
