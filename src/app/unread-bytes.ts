import { liveParticipants } from "../core/change.ts";
import type { Participant } from "../core/ids.ts";
import type { RunState } from "../core/run.ts";
import type { Mailbox } from "../ports.ts";

/** UTF-8 bytes that wait for each participant, ready and reserved: what a message is measured against. */
export async function unreadBytesOf(
  mailbox: Mailbox,
  state: RunState,
): Promise<Readonly<Record<Participant, number>>> {
  const bytes = liveParticipants(state).map(
    async (name) => [name, await mailbox.unreadBytes(state.runId, name)] as const,
  );
  return Object.fromEntries(await Promise.all(bytes));
}
