import type { SessionId } from "./ids.ts";
import { type Refusal, refuse } from "./refusal.ts";
import { type NamedSubagent, openSubagents, type SubagentLedger, subagentNamed } from "./subagents.ts";

/**
 * Whether a call of `task` may go on with the session that it names. The host takes any session for it, and silently begins a
 * new one where there is none.
 */
export interface ResumeRequest {
  readonly parentId: SessionId;
  /** A name from the list, or the id of a session. */
  readonly taskId: string;
  /** `subagent_type` of the call. */
  readonly agent: string;
}

/** The session that was found under the id. */
export interface ResumeSight {
  readonly parentId?: SessionId;
  readonly agent?: string;
  /** A call of this session waits for it, or the host works on it. */
  readonly working: boolean;
}

type Refused = { readonly kind: "refused"; readonly refusal: Refusal };

/** The session that is meant. A name is known in its own parent session and nowhere else. */
export function meantSession(
  { taskId }: ResumeRequest,
  ledger: SubagentLedger | undefined,
): { readonly kind: "session"; readonly sessionId: SessionId } | Refused {
  if (taskId.startsWith("ses")) return { kind: "session", sessionId: taskId };
  const known = ledger && subagentNamed(ledger, taskId);
  if (known) return { kind: "session", sessionId: known.sessionId };
  return refuse(
    "subagent_unknown",
    `task_id "${taskId}" is neither the name of a subagent of this session nor the id of a session`,
    `${choice(ledger)} Without task_id a new subagent starts.`,
    { taskId },
  );
}

/** Undefined: the call may go on. */
export function resumeRefusal(
  { parentId, taskId, agent }: ResumeRequest,
  sight: ResumeSight | undefined,
  ledger: SubagentLedger | undefined,
): Refused | undefined {
  const details = { taskId, agent };
  if (sight === undefined) {
    return refuse(
      "subagent_unknown",
      `there is no session ${taskId}: it was deleted or never existed`,
      `${choice(ledger)} Without task_id a new subagent starts; it knows nothing of the old one's work.`,
      details,
    );
  }
  if (sight.parentId !== parentId) {
    return refuse(
      "subagent_foreign",
      `${taskId} is no subagent of this session`,
      `${choice(ledger)} Without task_id a new subagent starts.`,
      details,
    );
  }
  if (sight.agent !== undefined && sight.agent !== agent) {
    return refuse(
      "subagent_type_differs",
      `${taskId} runs the agent "${sight.agent}", and subagent_type is "${agent}"`,
      `Call task again with subagent_type "${sight.agent}", or without task_id.`,
      details,
    );
  }
  if (!sight.working) return undefined;
  return refuse(
    "subagent_busy",
    `${taskId} works already`,
    "Its result comes to the call that waits for it. Do something else, or start another subagent without task_id.",
    details,
  );
}

/** The host gives no answer about the session. */
export function uncheckedRefusal({ taskId }: Pick<ResumeRequest, "taskId">, reason: string): Refused {
  return refuse(
    "subagent_unchecked",
    `${taskId} could not be looked at: ${reason}`,
    "Call task again; without task_id a new subagent starts.",
    { taskId },
  );
}

function choice(ledger: SubagentLedger | undefined): string {
  const open: readonly NamedSubagent[] = ledger ? openSubagents(ledger) : [];
  if (open.length === 0) return "No subagent of this session waits to be resumed.";
  return `Resumable are ${open.map(({ name, agent }) => `${name} (${agent})`).join(", ")}.`;
}
