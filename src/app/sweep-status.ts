import type { Instant, RunId } from "../core/ids.ts";
import { FlotillaError } from "../errors.ts";
import type { World } from "./world.ts";

/**
 * Takes down what is still shown of runs that nobody has moved since `before`: their owner is gone, and with it whoever
 * would have said so. The runs themselves stay as they are, for whoever opens them next. A living owner's are left alone, and
 * so are those that are open here.
 */
export async function sweepStatus(
  world: World,
  before: Instant,
  isOpen: (runId: RunId) => boolean,
): Promise<void> {
  for (const runId of await world.runs.list()) {
    const shownAt = await world.board.shownAt(runId);
    if (shownAt === undefined || shownAt >= before || isOpen(runId)) continue;
    try {
      await takeDown(world, runId, () => isOpen(runId));
    } catch (fault) {
      // Archived or taken over in the meantime, or not to be read: another's matter, and no other run's.
      if (!(fault instanceof FlotillaError)) throw fault;
      world.host.log("warn", `status of run ${runId} was not taken down`, { fault: fault.message });
    }
  }
}

async function takeDown(
  { ownership, runs, board }: World,
  runId: RunId,
  isOpen: () => boolean,
): Promise<void> {
  if (!(await ownership.take(runId))) return;
  try {
    // Under the lock, which clears what dead holders and half-done writes have left as well.
    await runs.exclusively(runId, async () => {
      if (!isOpen()) await board.clear(runId);
    });
  } finally {
    // Opened here meanwhile, it is owned by rights.
    if (!isOpen()) await ownership.release(runId);
  }
}
