import { type Change, mail, patchRun, takesMail, tell } from "./change.ts";
import { LEAD, type MemberName, SYSTEM } from "./ids.ts";
import { usageOf } from "./policy.ts";
import type { BudgetName, SpentBudget } from "./run.ts";
import { budgetSpent, wrapUp } from "./wording.ts";

/**
 * Marks a limit as reached and tells the lead, once. At the end of the time, members at work are asked to wrap up.
 *
 * @param member whose limit it is, for one that each member has for itself.
 */
export function reachBudget(change: Change, budget: BudgetName, member?: MemberName): Change {
  const { state } = change;
  const key: SpentBudget = member === undefined ? budget : `${budget}:${member}`;
  if (state.spent.includes(key)) return change;
  const next = mail(
    tell(patchRun(change, { spent: [...state.spent, key] }), { event: "budget_reached", budget, member }),
    { from: SYSTEM, to: LEAD, kind: "budget", body: budgetSpent(budget, member) },
  );
  if (budget !== "wall_clock") return next;
  const atWork = Object.values(state.members).filter(
    (member) => member.status === "working" && takesMail(member),
  );
  return mail(
    next,
    ...atWork.map(
      (member) => ({ from: SYSTEM, to: member.plan.name, kind: "budget", body: wrapUp() }) as const,
    ),
  );
}

/** Every record counts, notices of ours too: at the limit the lead hears of it, whoever wrote the last one. */
export function checkMessages(change: Change): Change {
  const { state, letters } = change;
  const full = letters.length > 0 && state.messages + letters.length >= state.limits.maxMessages;
  return full ? reachBudget(change, "messages") : change;
}

/** Compares what the members have used with the limits. */
export function checkUsage(change: Change): Change {
  const { limits } = change.state;
  const { tokens, cost } = usageOf(change.state);
  let next = change;
  if (limits.maxTokens !== undefined && tokens >= limits.maxTokens) next = reachBudget(next, "tokens");
  if (limits.maxCost !== undefined && cost >= limits.maxCost) next = reachBudget(next, "cost");
  return next;
}
