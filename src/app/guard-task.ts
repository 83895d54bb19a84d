import type { SessionId } from "../core/ids.ts";
import { FlotillaError } from "../errors.ts";
import type { SessionIndex } from "./session-index.ts";

/**
 * The host's `task` tool takes any session that there is, and its prompt stands there as if a person had typed it: a member
 * could make its lead, or another member, do what it would not do for a peer's mail. So nobody goes on in a participant's.
 *
 * @param sessionId where the call is to go on, if it says so.
 */
export function guardTask(index: SessionIndex, sessionId: SessionId | undefined): void {
  const seat = sessionId === undefined ? undefined : index.seat(sessionId);
  if (!seat?.live) return;
  const { participant, runId } = seat;
  throw new FlotillaError({
    code: "not_allowed",
    message: `session ${sessionId} is ${participant} of run ${runId}, which nobody runs as a subagent`,
    hint: `Write to ${participant} with team_send_message if you are in that team, or leave task_id out for a new subagent.`,
    details: { sessionId, participant, runId },
  });
}
