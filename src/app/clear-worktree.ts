import type { Member, RunState } from "../core/run.ts";
import type { WorktreeEnd } from "../core/worktree.ts";
import { describe } from "./describe.ts";
import type { World } from "./world.ts";

/** Stops whatever works in a member's worktree, then removes it or says why it is kept. Never rejects. */
export async function clearWorktree(
  { host, worktrees }: World,
  { lead }: RunState,
  { sessionId, directory, worktree }: Member,
): Promise<WorktreeEnd> {
  if (!worktree) return { outcome: "removed" };
  try {
    if (sessionId !== undefined) await host.abort(sessionId, directory);
    return await worktrees.remove(worktree, lead.directory);
  } catch (fault) {
    return { outcome: "kept", reason: `it could not be looked at: ${describe(fault)}` };
  }
}
