import type { ShutdownReport } from "../app/verbs.ts";
import type { ShutdownStatus } from "../core/run.ts";
import { row } from "./answer.ts";
import type { Answer } from "./tool.ts";

const NEXT: Readonly<Record<ShutdownStatus, string>> = {
  none: "The other side has been told. The member goes on.",
  requested: "The answer comes by mail; there is no need to wait for it.",
  approved: "The member ends when its current turn does. If that is you, finish your turn now.",
  complete: "The member has ended.",
};

/** What the three tools of the handshake say: where it stands now. */
export function shutdownAnswer({ changed, requestedBy, ...report }: ShutdownReport): Answer {
  const known: Readonly<Record<string, string | undefined>> = NEXT;
  return {
    ...row({
      ...report,
      requestedBy: changed ? undefined : requestedBy,
      changed: changed ? undefined : false,
    }),
    next: changed || requestedBy === undefined ? known[report.shutdown] : asked(report.member, requestedBy),
  };
}

/** Who asks for what has been asked for already may be the one whose answer is waited for. */
function asked(member: string, requestedBy: string): string {
  const whose = requestedBy === member ? "the lead's" : `${member}'s, or the lead's for it`;
  return `${requestedBy} has asked for this before. The answer is ${whose}: team_approve_shutdown or team_reject_shutdown.`;
}
