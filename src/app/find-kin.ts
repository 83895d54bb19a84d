import type { SessionId } from "../core/ids.ts";
import type { Host } from "../ports.ts";
import type { SessionIndex } from "./session-index.ts";

/** Looks up in the host's store which sessions are below a participant's: a subagent is resumed without being opened again. */
export async function findKin(host: Host, index: SessionIndex, sessionId: SessionId): Promise<void> {
  for (const child of await host.children(sessionId)) {
    // A member of today or of another day is a child of its lead's session, and nobody's subagent.
    if (child.mark) continue;
    index.join(sessionId, child.sessionId);
    await findKin(host, index, child.sessionId);
  }
}
