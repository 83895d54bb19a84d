import type { ShutdownReport } from "../app/verbs.ts";
import type { ShutdownStatus } from "../core/run.ts";
import { row } from "./answer.ts";
import type { Answer } from "./tool.ts";

const NEXT: Readonly<Record<ShutdownStatus, string>> = {
  none: "Who asked has been told. The member goes on.",
  requested: "The answer comes by mail; there is no need to wait for it.",
  approved: "The member ends when its current turn does. If that is you, finish your turn now.",
  complete: "The member has ended.",
};

/** What the three tools of the handshake say: where it stands now. */
export function shutdownAnswer({ changed, ...report }: ShutdownReport): Answer {
  const known: Readonly<Record<string, string | undefined>> = NEXT;
  return {
    ...row({ ...report, changed: changed ? undefined : false }),
    next: known[report.shutdown],
  };
}
