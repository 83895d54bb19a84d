import type { MemberName } from "./ids.ts";
import { isLive, type Member, type MemberStatus, type RunState } from "./run.ts";

/** A member for which a graceful end would come too early, and what would let it come. */
export interface Unrest {
  readonly member: MemberName;
  /** What is so, for a sentence that begins with its name. */
  readonly standing: string;
  readonly wayOut: WayOut;
}

/** What the lead can do about a member that is not at rest. */
export type WayOut = "wait" | "shut_down" | "answer" | "write";

const WAYS_OUT: Readonly<Record<WayOut, (names: string) => string>> = {
  wait: (names) => `Wait for ${names} with team_status (waitFor: idle).`,
  shut_down: (names) =>
    `Shut ${names} down with team_shutdown_request, or wait with team_status (waitFor: idle).`,
  answer: (names) => `The person has to answer ${names}: \`flotilla answer\`, or OpenCode's own dialog.`,
  write: (names) =>
    `${names} goes on when you write to it; or end it with team_shutdown_request and team_approve_shutdown.`,
};

/** What helps by status; a member that has ended keeps nobody. */
const BY_STATUS: Readonly<Record<MemberStatus, WayOut | undefined>> = {
  starting: "wait",
  waiting: "wait",
  working: "shut_down",
  needs_approval: "answer",
  interrupted: "write",
  failed: undefined,
  lost: undefined,
  done: undefined,
};

/** Whoever keeps a run from ending gracefully: all that live, but those that wait with nothing to read. */
export function unrestOf(state: RunState, unread: Readonly<Record<MemberName, number>>): readonly Unrest[] {
  return Object.values(state.members).flatMap((member) => {
    const { plan, status } = member;
    const count = unread[plan.name] ?? 0;
    const wayOut = BY_STATUS[status];
    if (!isLive(member) || wayOut === undefined || (status === "waiting" && count === 0)) return [];
    const leaves = member.shutdown.status === "approved" && wayOut === "shut_down";
    return [
      { member: plan.name, standing: standingOf(member, count), wayOut: leaves ? "wait" : wayOut } as const,
    ];
  });
}

/** One sentence a way out, each with those whom it helps. */
export function waysOut(unrest: readonly Unrest[]): string {
  const ways = [...new Set(unrest.map(({ wayOut }) => wayOut))];
  return ways
    .map((way) =>
      WAYS_OUT[way](
        unrest
          .filter(({ wayOut }) => wayOut === way)
          .map(({ member }) => member)
          .join(", "),
      ),
    )
    .join(" ");
}

function standingOf({ status, reason, shutdown }: Member, unread: number): string {
  const why = reason === undefined ? "" : ` (${reason})`;
  const mail = unread > 0 ? ` with ${unread} unread` : "";
  const end = {
    none: "",
    requested: ", asked to shut down and not answered yet",
    approved: ", and ends with this turn",
    complete: "",
  };
  return `${status}${why}${mail}${end[shutdown.status]}`;
}
