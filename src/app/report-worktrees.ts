import type { MemberPlan, RunState } from "../core/run.ts";
import type { Worktree } from "../core/worktree.ts";
import { standing } from "../core/worktree.ts";
import { describe } from "./describe.ts";
import type { WorktreeReport } from "./verbs.ts";
import type { World } from "./world.ts";

/** Where a member works, if not in the lead's directory. */
export function worktreeReport(
  plan: MemberPlan,
  worktree: Worktree | undefined,
): { readonly worktree?: string; readonly branch?: string } {
  const present = plan.worktree === false ? undefined : standing(worktree);
  return present ? { worktree: present.path, branch: present.branch } : {};
}

/** What a member's worktree holds now that would keep it from being removed; nothing to say if there is none. */
export async function holdingsReport(
  { worktrees }: World,
  { lead }: RunState,
  worktree: Worktree | undefined,
): Promise<{ readonly holds?: readonly string[] }> {
  if (!worktree?.made || !standing(worktree)) return {};
  try {
    return { holds: await worktrees.holdings(worktree, lead.directory) };
  } catch (fault) {
    return { holds: [`it could not be looked at: ${describe(fault)}`] };
  }
}

/** What became of the worktrees of a run that is closed. */
export function endsOf(state: RunState): readonly WorktreeReport[] {
  return Object.values(state.members).flatMap(({ plan, worktree }) => {
    if (!worktree?.end) return [];
    const { path, branch, end } = worktree;
    return [{ member: plan.name, path, branch, ...end }];
  });
}
