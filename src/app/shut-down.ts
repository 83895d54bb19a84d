import type { Participant } from "../core/ids.ts";
import { memberOf } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import { authorizeParticipant } from "./identify.ts";
import { loadOwned } from "./task-books.ts";
import type { VerbContext } from "./team-verbs.ts";
import type { Transaction } from "./transact.ts";
import type { Call, ShutdownReport } from "./verbs.ts";

export async function requestShutdown(
  { fleet }: VerbContext,
  call: Call,
  input: { readonly member: string; readonly reason?: string },
): Promise<ShutdownReport> {
  const { participant: by, state } = await authorizeParticipant(fleet, "team_shutdown_request", call);
  const transaction = await fleet.transact(state.runId, () => ({ type: "request_shutdown", by, ...input }));
  return report(transaction, input.member);
}

export async function approveShutdown(
  { fleet }: VerbContext,
  call: Call,
  { member }: { readonly member: string },
): Promise<ShutdownReport> {
  const { participant: by, state } = await authorizeParticipant(fleet, "team_approve_shutdown", call);
  const { runId } = state;
  // Whether it ends now or with its turn: the beginning of that turn may have been told and not been worked in.
  const sessionId = memberOf(state, member)?.sessionId;
  if (sessionId !== undefined) await fleet.caughtUp(sessionId);
  const approve = (turnAhead: boolean): Promise<Transaction> =>
    fleet.transact(runId, async (now) => ({
      type: "approve_shutdown",
      by,
      member,
      turnAhead,
      book: await loadOwned(fleet.world, now, member),
    }));
  const courier = fleet.courier(runId);
  const transaction =
    sessionId === undefined || !courier
      ? await approve(false)
      : await courier.whileStill(member, sessionId, approve);
  return report(transaction, member);
}

export async function rejectShutdown(
  { fleet }: VerbContext,
  call: Call,
  input: { readonly member: string; readonly reason: string },
): Promise<ShutdownReport> {
  const { participant: by, state } = await authorizeParticipant(fleet, "team_reject_shutdown", call);
  const transaction = await fleet.transact(state.runId, () => ({ type: "reject_shutdown", by, ...input }));
  return report(transaction, input.member);
}

function report({ kind, state }: Transaction, name: Participant): ShutdownReport {
  const member = memberOf(state, name);
  if (!member) {
    throw new FlotillaError({
      code: "internal",
      message: `member "${name}" vanished from run ${state.runId}`,
      hint: "Call team_status.",
    });
  }
  const { status, requestedBy } = member.shutdown;
  return {
    member: name,
    shutdown: status,
    ...(status === "requested" && requestedBy !== undefined ? { requestedBy } : {}),
    memberStatus: member.status,
    changed: kind === "committed",
  };
}
