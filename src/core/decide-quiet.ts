import { begin, type Change, mail, patchRun, takesMail, tell } from "./change.ts";
import type { Command } from "./commands.ts";
import { LEAD, type Participant, SYSTEM } from "./ids.ts";
import { isBudgetSpent } from "./policy.ts";
import { memberOf, type RunState } from "./run.ts";
import type { Task } from "./task.ts";
import { leftInHand, nobodyWorks, readyForYou } from "./wording.ts";

/**
 * Nobody works, nothing is on its way, and tasks are open: without a word from outside it would stay so. Whoever can move
 * it is woken: the owner of a task that was begun and left, the one a ready task is assigned to, else the lead. Once for
 * each state of the list; where a member does nothing about it, the lead is told next, and that is the last word.
 */
export function noteQuiet(
  state: RunState,
  { list, open, ready }: Extract<Command, { type: "note_quiet" }>,
): Change | { readonly kind: "unchanged" } {
  const told = state.quietTold?.tasks === list ? state.quietTold.to : undefined;
  if (state.status !== "active" || open.length === 0 || told === LEAD) return { kind: "unchanged" };
  const { to, body } =
    told === undefined ? wakeUp(state, open, ready) : { to: LEAD, body: nobodyWorks(open, ready) };
  return mail(
    tell(patchRun(begin(state), { quietTold: { tasks: list, to } }), {
      event: "run_quiet",
      open: open.length,
      told: to,
    }),
    { from: SYSTEM, to, kind: "stuck", body },
  );
}

function wakeUp(
  state: RunState,
  open: readonly Task[],
  ready: readonly number[],
): { readonly to: Participant; readonly body: string } {
  const begun = open.find((task) => task.status !== "pending" && canGoOn(state, task.owner));
  if (begun?.owner !== undefined) return { to: begun.owner, body: leftInHand(begun) };
  const waiting = open.find((task) => ready.includes(task.taskId) && canGoOn(state, task.owner));
  if (waiting?.owner !== undefined) return { to: waiting.owner, body: readyForYou(waiting) };
  return { to: LEAD, body: nobodyWorks(open, ready) };
}

/** A member that waits, that nobody has stopped, that does not leave and that may still begin a turn. */
function canGoOn(state: RunState, owner: Participant | undefined): boolean {
  const member = owner === undefined ? undefined : memberOf(state, owner);
  if (member?.status !== "waiting" || !takesMail(member)) return false;
  return !member.heldByPerson && !isBudgetSpent(state, member.plan.name);
}
