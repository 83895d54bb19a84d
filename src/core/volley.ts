import { type Change, mail, patchRun, tell } from "./change.ts";
import { LEAD, type Participant, SYSTEM } from "./ids.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { memberOf, type RunState } from "./run.ts";
import { goingInCircles } from "./wording.ts";

/** Two members that answer each other: who spoke last, and how often it went to and fro. */
export interface Volley {
  readonly last: Participant;
  readonly count: number;
}

/**
 * Two members that only answer each other spend turns and get nowhere. So many alternations without a change in the task
 * list are still a discussion; then the lead is told, and the two are stopped until a task changes or the lead or a person
 * speaks to one of them.
 */
export const VOLLEY_MAX = 20;

/** Refuses the next message of a pair that has gone to and fro too often. */
export function checkVolley(
  state: RunState,
  from: Participant,
  to: Participant,
): { readonly kind: "refused"; readonly refusal: Refusal } | undefined {
  const volley = state.volleys?.[pairOf(from, to)];
  if (!volley || volley.count < VOLLEY_MAX) return undefined;
  return refuse(
    "going_in_circles",
    `${from} and ${to} have answered each other ${volley.count} times without any task changing`,
    "Do something else: finish or create a task, or write to the lead. The lead has been told.",
    { from, to, alternations: volley.count },
  );
}

/** Counts a message between two members; at the limit the lead hears of it. */
export function countVolley(change: Change, from: string, to: Participant): Change {
  const { state } = change;
  if (!memberOf(state, from) || !memberOf(state, to)) return change;
  const pair = pairOf(from, to);
  const before = state.volleys?.[pair];
  const count = before === undefined ? 0 : before.count + (before.last === from ? 0 : 1);
  const next = patchRun(change, { volleys: { ...state.volleys, [pair]: { last: from, count } } });
  if (count !== VOLLEY_MAX || before?.count === VOLLEY_MAX) return next;
  return mail(tell(next, { event: "volley_stopped", members: [from, to], alternations: count }), {
    from: SYSTEM,
    to: LEAD,
    kind: "stuck",
    body: goingInCircles(from, to, count),
  });
}

/** A task has changed: what was said has led to something. */
export function endVolleys(change: Change): Change {
  if (change.state.volleys === undefined) return change;
  const { volleys: _over, ...state } = change.state;
  return { ...change, state };
}

/** The lead or a person has spoken to a member: it has something new to go by. */
export function endVolleysOf(change: Change, member: Participant): Change {
  const { volleys } = change.state;
  if (volleys === undefined) return change;
  const left = Object.entries(volleys).filter(([pair]) => !pair.split(" ").includes(member));
  return patchRun(change, { volleys: Object.fromEntries(left) });
}

/** Names have no spaces, so the pair reads back. */
function pairOf(one: Participant, other: Participant): string {
  return [one, other].toSorted().join(" ");
}
