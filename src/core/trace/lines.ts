import type { Happening } from "../change.ts";
import type { Command, TurnSettled } from "../commands.ts";
import type { Gate, HostFault, ToolEnded, ToolRun } from "../facts.ts";
import { LEAD, type Participant, type SessionId } from "../ids.ts";
import { memberOf, type RunState, turnNumber } from "../run.ts";

/**
 * Journal lines of what sessions do. With those of the decisions themselves they are all that a trace is made of
 * (`chronicle.ts`), so each names its session and the number of its turn: nothing has to be remembered from line to line to
 * know whose it is. No line holds a text that somebody wrote, an argument or a result.
 */
export function turnStarted(state: RunState, participant: Participant, cause: string): Happening {
  return { event: "turn_started", ...placeOf(state, participant), cause };
}

/** @param state as it was before the turn was settled. */
export function turnSettled(state: RunState, command: TurnSettled): Happening {
  const { participant, outcome, fault, abandoned, tools } = command;
  return {
    event: "turn_settled",
    ...placeOf(state, participant),
    outcome,
    error: errorOf(fault),
    abandoned,
    tools: tools?.length ? tools : undefined,
  };
}

export function stepEnded(
  state: RunState,
  { participant, step, below, tools, mail }: Extract<Command, { type: "note_step" }>,
): Happening {
  const { error, ...rest } = step;
  return {
    event: "step_ended",
    ...placeOf(state, participant),
    below,
    step: { ...rest, error: errorOf(error) },
    tools: tools.length > 0 ? tools : undefined,
    mail: mail.length > 0 ? mail : undefined,
  };
}

/** What is asked is no secret of the host's alone, what it is asked for may be: a path, a command. */
export function gateOpened(state: RunState, participant: Participant, gate: Gate): Happening {
  const { requestId, kind, subject, call } = gate;
  return { event: "gate_opened", ...placeOf(state, participant), requestId, kind, subject, call };
}

export function gateClosed(
  state: RunState,
  { participant, requestId, reply }: Extract<Command, { type: "note_gate_closed" }>,
): Happening {
  return { event: "gate_closed", ...placeOf(state, participant), requestId, reply };
}

interface Place {
  readonly participant: Participant;
  readonly generation: number;
  readonly sessionId: SessionId | undefined;
  readonly turn: number;
}

function placeOf(state: RunState, participant: Participant): Place {
  const member = memberOf(state, participant);
  const generation = member?.generation ?? 1;
  const { sessionId } = participant === LEAD ? state.lead : (member ?? {});
  return { participant, generation, sessionId, turn: turnNumber(state, participant) };
}

function errorOf(fault: HostFault | undefined): Pick<HostFault, "name" | "statusCode"> | undefined {
  if (!fault) return undefined;
  const { name, statusCode } = fault;
  return { name, ...(statusCode === undefined ? {} : { statusCode }) };
}

/** What the journal keeps of a call. */
export function toolRun({ type: _type, sessionId: _session, task: _task, ...run }: ToolEnded): ToolRun {
  return run;
}
