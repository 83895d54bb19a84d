import type { Member, RunState } from "../core/run.ts";
import { standing, type WorktreeEnd } from "../core/worktree.ts";
import { describe } from "./describe.ts";
import type { World } from "./world.ts";

/** Stops whatever works in a member's worktree, then removes it or says why it is kept. Never rejects. */
export async function clearWorktree(
  { host, worktrees }: World,
  { lead }: RunState,
  { sessionId, directory, worktree }: Member,
): Promise<WorktreeEnd> {
  const present = standing(worktree);
  if (!present) return worktree?.end ?? { outcome: "removed" };
  try {
    if (sessionId !== undefined) await host.abort(sessionId, directory);
    const end = await worktrees.remove(present, lead.directory);
    // Not before: a person may work in one that is kept.
    if (end.outcome === "removed") await host.closeInstance(present.path);
    return end;
  } catch (fault) {
    return { outcome: "kept", reason: `it could not be looked at: ${describe(fault)}` };
  }
}
