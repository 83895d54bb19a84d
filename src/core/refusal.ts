/**
 * A refusal is an answer, not an exception: what is so (with the values received) and the next step, written for its
 * reader, who is most often a model.
 */
const CODES = {
  not_a_participant: "The calling session belongs to no live run.",
  not_allowed: "The caller's role may not do this.",
  already_in_a_run: "The calling session leads or serves in a live run already.",
  run_not_found: "No run of that id is known.",
  run_not_live: "The run is closing or closed, or not active yet.",
  run_busy: "The run cannot be closed gracefully: some members are not done.",
  spec_invalid: "The team's description breaks a rule.",
  team_not_found: "No declared team of that name.",
  member_unknown: "No member of that name in the run.",
  member_ended: "The member is done, failed or lost and can take no mail.",
  request_unknown: "Nobody waits for an answer to that request.",
  member_exists: "A live member of that name is in the run already.",
  agent_unknown: "The host has no agent of that name.",
  agent_ineligible: "The agent cannot serve as a member.",
  too_many_members: "The run would exceed max_members.",
  recipient_self: "Sender and recipient are the same.",
  broadcast_not_allowed: "Only the lead may address everyone, unless the team allows members to.",
  no_recipient: "Nobody is left who could receive the message.",
  body_empty: "The message has no text.",
  body_too_large: "The body exceeds message_payload_max_bytes.",
  header_too_large:
    "What stands beside a message's body (summary, correlationId, references) is longer than a header may be.",
  inbox_full: "The recipient's unread mail exceeds recipient_unread_max_bytes.",
  going_in_circles: "Two members have answered each other too often without a task changing.",
  message_budget_spent: "max_messages_per_run is reached.",
  task_unknown: "No task of that number in the run.",
  task_not_ready: "A blocker of the task is not completed.",
  task_taken: "The task is owned by, or assigned to, another participant.",
  task_not_owner: "Only the task's owner or the lead may do this.",
  task_transition: "The task's status does not allow this change.",
  task_blocker_unknown: "A named blocker does not exist or is deleted.",
  task_cycle: "The change would make tasks wait for each other in a circle.",
  task_limit: "The tasks, or what one of them would be linked to, exceed what a change may touch.",
  task_field_reserved: "Only the lead may set this field.",
  shutdown_not_requested: "There is no open shutdown request for the member.",
  shutdown_already_approved: "The shutdown has been approved and cannot be taken back.",
  subagent_unknown: "No subagent can be resumed under that task_id.",
  subagent_foreign: "The session to be resumed is no subagent of the calling session.",
  subagent_type_differs: "The session to be resumed runs another agent than subagent_type says.",
  subagent_unchecked: "The session to be resumed could not be looked at.",
  subagent_busy: "The subagent to be resumed works already.",
  argument_invalid: "An argument has the wrong type, form or bound.",
} as const;

export type RefusalCode = keyof typeof CODES;

/** Every reason for which something is refused, with its meaning. */
export const REFUSAL_CODES: Readonly<Record<RefusalCode, string>> = CODES;

export interface Refusal {
  readonly code: RefusalCode;
  /** What is so, with the values received. One sentence, no trailing advice. */
  readonly message: string;
  /** The next useful step. */
  readonly hint: string;
  /** The same facts for programs. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export function refuse(
  code: RefusalCode,
  message: string,
  hint: string,
  details?: Readonly<Record<string, unknown>>,
): { readonly kind: "refused"; readonly refusal: Refusal } {
  return { kind: "refused", refusal: details ? { code, message, hint, details } : { code, message, hint } };
}
