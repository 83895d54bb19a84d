import type { MemberStatus } from "../core/run.ts";
import { standingOf } from "./run-facts.ts";
import { cut, plain } from "./table.ts";
import type { RunView } from "./world.ts";

/** Fits beside a clock and a branch. */
const LONGEST = 80;
/** Beyond these, people are counted. */
const NAMED = 2;

const WANTING: ReadonlySet<MemberStatus> = new Set<MemberStatus>(["failed", "lost", "interrupted"]);
const COUNTED: readonly MemberStatus[] = ["working", "starting", "waiting", "done"];

/**
 * A run in one line, for a prompt or a bar: whom a person should look after first, then how many do what.
 *
 *     explorers: ada needs approval (bash), bo interrupted, 2 working
 */
export function statusLine(view: RunView): string {
  const { state, owner } = view;
  const members = Object.values(state.members).map((member) => ({
    name: member.plan.name,
    gates: member.gates,
    ...standingOf(view, member),
  }));
  const seats = owner?.alive ? [{ name: "lead", gates: state.lead.gates }, ...members] : [];
  const asking = seats.filter(({ gates }) => gates.length > 0);
  const wanting = members.filter(({ status }) => WANTING.has(status));
  const parts = [
    ...(owner?.alive === false ? ["nobody moves it"] : []),
    ...(state.status === "active" ? [] : [state.status]),
    ...(asking.length > NAMED
      ? [`${asking.length} need approval`]
      : asking.map(({ name, gates }) => `${name} needs approval (${gates[0]?.subject})`)),
    ...(wanting.length > NAMED
      ? [`${wanting.length} want attention`]
      : wanting.map(({ name, status }) => `${name} ${status}`)),
    ...COUNTED.flatMap((status) => {
      const { length } = members.filter((member) => member.status === status);
      return length === 0 ? [] : [`${length} ${status}`];
    }),
  ];
  return cut(plain(`${state.team.name}: ${parts.join(", ")}`), LONGEST);
}
