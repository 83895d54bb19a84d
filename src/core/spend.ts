import { alert, type Change, mail, patchRun, takesMail, tell } from "./change.ts";
import { type Instant, LEAD, type MemberName, SYSTEM } from "./ids.ts";
import { sentMessages, timeIsUpAt, usageOf } from "./policy.ts";
import { type BudgetName, memberOf, type RunState, type SpentBudget } from "./run.ts";
import { budgetReached, budgetSpent, wrapUp } from "./wording.ts";

/** A mark in `spent` taken apart: the budget, and the member it is about if each has its own. */
export function budgetIn(key: SpentBudget): { readonly budget: BudgetName; readonly member?: MemberName } {
  const [budget, member] = key.split(":") as [BudgetName, MemberName?];
  return member === undefined ? { budget } : { budget, member };
}

/** Whether as much is used as the limit allows. A budget that only a newer version knows is as that version left it. */
export function isReached(state: RunState, key: SpentBudget, now: Instant): boolean {
  const { limits } = state;
  const { budget, member } = budgetIn(key);
  switch (budget) {
    case "messages":
      return sentMessages(state) >= limits.maxMessages;
    case "wall_clock":
      return now >= timeIsUpAt(state);
    case "turns":
      return (memberOf(state, member ?? "")?.usage.turns ?? 0) >= limits.maxMemberTurns;
    case "tokens":
      return limits.maxTokens !== undefined && usageOf(state).tokens >= limits.maxTokens;
    case "cost":
      return limits.maxCost !== undefined && usageOf(state).cost >= limits.maxCost;
    default:
      return true;
  }
}

/** Marks those of the budgets as reached that are. */
export function checkBudgets(change: Change, keys: readonly SpentBudget[], now: Instant): Change {
  return keys
    .filter((key) => isReached(change.state, key, now))
    .reduce((next, key) => reachBudget(next, key), change);
}

/** Marks a limit as reached and tells the lead, once. At the end of the time, members at work are asked to wrap up. */
export function reachBudget(change: Change, key: SpentBudget): Change {
  const { state } = change;
  const { budget, member } = budgetIn(key);
  if (state.spent.includes(key)) return change;
  const spent = patchRun(change, { spent: [...state.spent, key] });
  const next = mail(
    alert(
      tell(spent, { event: "budget_reached", budget, member }),
      "warning",
      budgetReached(state.team.name, budget, member),
    ),
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
