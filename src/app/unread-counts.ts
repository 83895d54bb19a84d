import type { MemberName, RunId } from "../core/ids.ts";
import type { RunState } from "../core/run.ts";
import type { Fleet } from "./fleet.ts";

/** Counts under the run's lock what each member has not read. */
export type UnreadCounter = (state: RunState) => Promise<Record<MemberName, number>>;

/**
 * What a member's model has been shown is read, though its ack may come a moment later. That is asked here, before the lock is
 * taken: a courier that gives mail up waits for the lock itself.
 */
export async function unreadCounter(fleet: Fleet, runId: RunId): Promise<UnreadCounter> {
  const standing = fleet.courier(runId)?.standing;
  const names = Object.keys(fleet.index.state(runId)?.members ?? {});
  const seen = await byName(names, async (name) => (await standing?.seen(name)) ?? 0);
  return ({ members }) =>
    byName(Object.keys(members), async (name) => {
      const files = await fleet.world.mailbox.unreadCount(runId, name);
      return Math.max(0, files - (seen[name] ?? 0));
    });
}

async function byName(
  names: readonly MemberName[],
  count: (name: MemberName) => Promise<number>,
): Promise<Record<MemberName, number>> {
  const counts = names.map(async (name) => [name, await count(name)] as const);
  return Object.fromEntries(await Promise.all(counts));
}
