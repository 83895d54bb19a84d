import { LEAD, type Participant, type RunId, type SessionId } from "../core/ids.ts";
import { mayCall } from "../core/policy.ts";
import { memberOf, type RunState, type RunStatus } from "../core/run.ts";
import type { ToolName } from "../core/tool-names.ts";
import { FlotillaError } from "../errors.ts";
import type { Fleet } from "./fleet.ts";
import type { Call } from "./verbs.ts";

/** Who calls a tool. */
export type Caller =
  | { readonly role: "stranger" }
  | { readonly role: "subagent"; readonly of: Participant; readonly state: RunState }
  | { readonly role: "former"; readonly member: Participant; readonly runId: RunId }
  | {
      readonly role: "lead" | "member" | "ended";
      readonly participant: Participant;
      readonly state: RunState;
    };

export type ParticipantCaller = Extract<Caller, { readonly participant: Participant }>;

/** Whom the session belongs to, from our own record of sessions; never from anything the model says. */
async function identify(fleet: Fleet, call: Call): Promise<Caller> {
  await fleet.meet(call.sessionId);
  const own = seated(fleet, call.sessionId);
  if (own) return own;
  let session = await fleet.world.host.session(call.sessionId);
  // However deep it is: a session is opened below one that is there, so the way up ends.
  while (session?.parentId !== undefined) {
    // A member of another day is a child of the same lead: what it was comes before whose child it is.
    if (session.mark) return { role: "former", ...session.mark };
    const above = seated(fleet, session.parentId);
    if (above) return { role: "subagent", of: above.participant, state: above.state };
    session = await fleet.world.host.session(session.parentId);
  }
  return { role: "stranger" };
}

function seated(fleet: Fleet, sessionId: SessionId): ParticipantCaller | undefined {
  const seat = fleet.index.seat(sessionId);
  const state = seat && fleet.index.state(seat.runId);
  if (!state) return undefined;
  if (seat.participant === LEAD) return { role: "lead", participant: LEAD, state };
  return { role: seat.live ? "member" : "ended", participant: seat.participant, state };
}

/** The gate inside every tool: holds even if every hook that hides tools were switched off. */
export async function authorize(fleet: Fleet, tool: ToolName, call: Call): Promise<Caller> {
  const caller = await identify(fleet, call);
  const state = "state" in caller ? caller.state : undefined;
  if (!mayCall(tool, caller.role, state?.status)) throw refusal(tool, caller);
  if (call.teamRunId !== undefined && state !== undefined && call.teamRunId !== state.runId) {
    throw new FlotillaError({
      code: "run_not_found",
      message: `run "${call.teamRunId}" is not the caller's; this session is in run ${state.runId}`,
      hint: "Leave teamRunId out: a session is in at most one run.",
      details: { teamRunId: call.teamRunId, runId: state.runId },
    });
  }
  return caller;
}

/** As {@link authorize}, for tools that only participants have. */
export async function authorizeParticipant(
  fleet: Fleet,
  tool: ToolName,
  call: Call,
): Promise<ParticipantCaller> {
  const caller = await authorize(fleet, tool, call);
  if ("participant" in caller) return caller;
  throw refusal(tool, caller);
}

function refusal(tool: ToolName, caller: Caller): FlotillaError {
  switch (caller.role) {
    case "stranger":
      return new FlotillaError({
        code: "not_a_participant",
        message: `this session is in no run, so it cannot call ${tool}`,
        hint: "Create a team with team_create first.",
        details: { tool },
      });
    case "subagent":
      return new FlotillaError({
        code: "not_allowed",
        message: `this session is a subagent of ${caller.of} and has no voice in the team`,
        hint: `Finish your task and return the result; ${caller.of} speaks for you.`,
        details: { tool, of: caller.of },
      });
    case "former":
      return new FlotillaError({
        code: "member_ended",
        message: `this session was ${caller.member} in run ${caller.runId}; that part is over, and it may not call ${tool} any more`,
        hint: "Your part is over: end your turn.",
        details: { tool, member: caller.member, runId: caller.runId },
      });
    case "lead":
    case "member":
    case "ended":
      return participantRefusal(tool, caller);
  }
}

const NOT_LIVE: Readonly<Partial<Record<RunStatus, string>>> & { readonly other: string } = {
  creating: "Wait until team_create has answered.",
  closing: "It ends by itself once its members' sessions have stopped; then team_create begins a new one.",
  other: "Create a new team with team_create.",
};

function participantRefusal(tool: ToolName, { role, participant, state }: ParticipantCaller): FlotillaError {
  if (role === "ended") {
    return new FlotillaError({
      code: "member_ended",
      message: `${participant} is ${memberOf(state, participant)?.status ?? "gone"} and may not call ${tool} any more`,
      hint: "Your part is over: end your turn.",
      details: { tool, member: participant },
    });
  }
  const wrongRole = !mayCall(tool, role, "active");
  return new FlotillaError({
    code: wrongRole ? "not_allowed" : "run_not_live",
    message: wrongRole
      ? `${participant} is a ${role} of run ${state.runId}; ${tool} is the lead's`
      : `run ${state.runId} is ${state.status}`,
    hint: wrongRole
      ? "Ask the lead with team_send_message, to: lead."
      : (NOT_LIVE[state.status] ?? NOT_LIVE.other),
    details: { tool, role, status: state.status },
  });
}
