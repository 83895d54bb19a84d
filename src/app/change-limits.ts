import type { RunId } from "../core/ids.ts";
import { usedOf } from "../core/policy.ts";
import type { Limits, RunState } from "../core/run.ts";
import { type Books, Transactor } from "./transact.ts";

/** One limit that a person has set. */
export interface LimitChange {
  readonly limit: keyof Limits;
  /** Absent: there was none. */
  readonly from?: number;
  readonly to: number;
  /** Absent where nothing is counted against it. */
  readonly used?: number;
}

/** Sets limits of a live run, from outside of the process that owns it: that one sees the commit and goes on by it. */
export async function changeLimits(
  books: Books,
  runId: RunId,
  limits: Partial<Limits>,
): Promise<{ readonly state: RunState; readonly changes: readonly LimitChange[] }> {
  const transactor = new Transactor(books, () => undefined);
  let before: Partial<Limits> = {};
  const { state } = await transactor.transact(runId, (found) => {
    before = found.limits;
    return { type: "change_limits", limits };
  });
  const usage = usedOf(state, books.clock.now());
  const changes = (Object.keys(limits) as (keyof Limits)[]).flatMap((limit): readonly LimitChange[] => {
    const [from, to, used] = [before[limit], state.limits[limit], usage[limit]];
    if (to === undefined) return [];
    return [{ limit, to, ...(from === undefined ? {} : { from }), ...(used === undefined ? {} : { used }) }];
  });
  return { state, changes };
}
