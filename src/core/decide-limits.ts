import { begin, type Change, mail, patchRun, takesMail, tell } from "./change.ts";
import type { Command } from "./commands.ts";
import { type Instant, LEAD, SYSTEM } from "./ids.ts";
import { type Limits, memberOf, type RunState, type SpentBudget } from "./run.ts";
import { budgetIn, checkBudgets, isReached } from "./spend.ts";
import { budgetLifted, goesOn } from "./wording.ts";

/**
 * A person gives a live run more, or less. What a higher limit leaves room for goes on by itself, and the lead hears of it
 * if anything was stopped. A limit below what is used is as if it were reached now: nobody is cut off, nothing new begins.
 */
export function changeLimits(
  state: RunState,
  { limits: wanted }: Extract<Command, { type: "change_limits" }>,
  now: Instant,
): Change | { readonly kind: "unchanged" } {
  const keys = (Object.keys(wanted) as (keyof Limits)[]).filter((key) => wanted[key] !== state.limits[key]);
  if (keys.length === 0) return { kind: "unchanged" };
  const limits: Limits = { ...state.limits, ...wanted };
  const change = tell(patchRun(begin(state), { limits }), {
    event: "limits_changed",
    from: Object.fromEntries(keys.map((key) => [key, state.limits[key] ?? null])),
    to: Object.fromEntries(keys.map((key) => [key, limits[key]])),
  });
  return checkBudgets(lift(change, now), budgetsOf(state), now);
}

/** Forgets the marks of limits that are reached no longer. */
function lift(change: Change, now: Instant): Change {
  const { spent } = change.state;
  const lifted = spent.filter((key) => !isReached(change.state, key, now));
  if (lifted.length === 0) return change;
  const next = patchRun(change, { spent: spent.filter((key) => !lifted.includes(key)) });
  const news = lifted
    .map(budgetIn)
    .filter(({ member }) => member === undefined || isThere(next.state, member));
  if (news.length === 0) return next;
  const body = goesOn(news.map(({ budget, member }) => budgetLifted(budget, member)));
  return mail(next, { from: SYSTEM, to: LEAD, kind: "budget", body });
}

/** Every budget that the run can reach: those of all together, and those that each member has for itself. */
function budgetsOf(state: RunState): readonly SpentBudget[] {
  const turns = Object.values(state.members)
    .filter(takesMail)
    .map((member): SpentBudget => `turns:${member.plan.name}`);
  return ["messages", "wall_clock", "tokens", "cost", ...turns];
}

function isThere(state: RunState, name: string): boolean {
  const member = memberOf(state, name);
  return member !== undefined && takesMail(member);
}
