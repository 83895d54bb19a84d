import type { MemberStatus } from "./run.ts";

/**
 * The status of a run for one glance: the highest of `needs_approval` > `working` > `starting` > `waiting` > `done` over its
 * members. Those that failed, are lost or were interrupted do not change it and are counted apart; when nothing works any
 * more, they are the reason why the run waits.
 */
export interface Glance {
  readonly status: MemberStatus;
  readonly reason?: "attention";
}

const ORDER: readonly MemberStatus[] = ["needs_approval", "working", "starting", "waiting", "done"];
const GOES_ON: ReadonlySet<MemberStatus> = new Set<MemberStatus>(["needs_approval", "working", "starting"]);

export function glanceOf(statuses: readonly MemberStatus[]): Glance {
  const highest = ORDER.find((status) => statuses.includes(status)) ?? "waiting";
  return !GOES_ON.has(highest) && statuses.some(wantsAttention)
    ? { status: "waiting", reason: "attention" }
    : { status: highest };
}

/** Something has gone wrong with the member that it may not get out of by itself. */
export function wantsAttention(status: MemberStatus): boolean {
  return status === "failed" || status === "lost" || status === "interrupted";
}

/** Something goes on that a process has to keep up. */
export function goesOn(status: MemberStatus): boolean {
  return GOES_ON.has(status);
}
