import type { Fact, Gate, GateReply, ModelStep, RetryNotice } from "../core/facts.ts";
import type { Instant } from "../core/ids.ts";
import { type Fields, fields, finite, list, present, text } from "./decode.ts";
import { faultOf } from "./faults.ts";
import { gateOfPermission, gateOfQuestion } from "./gates.ts";
import { markOf, memberIn } from "./marks.ts";
import { Recent } from "./recent.ts";
import { stepOf } from "./steps.ts";
import { isNewOfCall, toolFactOf } from "./tool-calls.ts";
import { isUndoStaged } from "./undo.ts";

/**
 * Decodes what the host publishes into facts. The event's payload follows the newer of the host's two type packages, not
 * the `Event` type of the plugin package.
 *
 * Every event has an id of its own and several plugin instances may hand in the same one, so one decoder serves the
 * process and forgets an id only after {@link REMEMBERED} others.
 */
export interface EventDecoder {
  /** The fact in it, or undefined: another kind of event, or one that was decoded before. */
  decode(event: unknown): Fact | undefined;
}

/** About 30 events a turn: the repeats of two instances lie milliseconds apart, so this is a wide margin. */
const REMEMBERED = 4_096;

type Reader = (properties: Fields, sessionId: string, now: () => Instant) => Fact | undefined;

const READERS: Readonly<Record<string, Reader>> = {
  "session.created": (properties, sessionId) =>
    present({
      type: "session_opened" as const,
      sessionId,
      parentId: text(fields(properties["info"])["parentID"]),
      isMember: memberIn(fields(properties["info"])) && (true as const),
    }),
  "session.updated": (properties, sessionId) =>
    isUndoStaged(fields(properties["info"])) ? undefined : { type: "undo_absent", sessionId },
  "session.deleted": (_, sessionId) => ({ type: "session_deleted", sessionId }),
  "session.compacted": (_, sessionId) => ({ type: "session_compacted", sessionId }),
  "session.idle": (_, sessionId) => ({ type: "session_idle", sessionId }),
  "session.status": (properties, sessionId) => statusFact(fields(properties["status"]), sessionId),
  "session.error": (properties, sessionId) => {
    const error = faultOf(properties["error"]);
    return error && { type: "session_errored", sessionId, error };
  },
  "message.updated": (properties, sessionId) => {
    const step = stepOf(fields(properties["info"]));
    return step && { type: "step_ended", sessionId, step };
  },
  "message.part.updated": (properties, sessionId, now) =>
    toolFactOf(fields(properties["part"]), sessionId, now),
  "message.removed": (properties, sessionId) => {
    const hostMessageId = text(properties["messageID"]);
    return hostMessageId === undefined ? undefined : { type: "message_removed", sessionId, hostMessageId };
  },
  "permission.asked": (properties, sessionId, now) =>
    gateFact(sessionId, gateOfPermission(properties, now())),
  "question.asked": (properties, sessionId, now) => gateFact(sessionId, gateOfQuestion(properties, now())),
  "permission.replied": (properties, sessionId) => gateClosed(properties, sessionId, replyOf(properties)),
  "question.replied": (properties, sessionId) => gateClosed(properties, sessionId, "answered"),
  "question.rejected": (properties, sessionId) => gateClosed(properties, sessionId, "reject"),
};

export function eventDecoder(now: () => Instant): EventDecoder {
  const seen = new Recent<true>(REMEMBERED);
  const ended = new Recent<string>(REMEMBERED);
  const calls = new Recent<string>(REMEMBERED);
  /** Some things are published again and again, under new ids. */
  const isNews = (fact: Fact): boolean => {
    switch (fact.type) {
      case "step_ended":
        return ended.add(fact.step.hostMessageId, endOf(fact.step));
      case "tool_started":
      case "tool_ended":
        return isNewOfCall(calls, fact);
      default:
        return true;
    }
  };
  return {
    decode(event) {
      const { type, id, properties } = fields(event);
      const read = typeof type === "string" && Object.hasOwn(READERS, type) ? READERS[type] : undefined;
      if (!read) return undefined;
      const payload = fields(properties);
      const sessionId = sessionOf(payload);
      if (sessionId === undefined) return undefined;
      const fact = read(payload, sessionId, now);
      // Only what is a fact is remembered: a talkative tool would push everything else out.
      if (!fact || !isNews(fact)) return undefined;
      return typeof id === "string" && !seen.add(id, true) ? undefined : fact;
    },
  };
}

/** What the `chat.message` hook tells: a prompt of anybody's has reached the session. */
export function promptReceived(input: unknown, output: unknown): Fact | undefined {
  const { message, parts } = fields(output);
  const sessionId = text(fields(input)["sessionID"]) ?? text(fields(message)["sessionID"]);
  const hostMessageId = text(fields(message)["id"]) ?? text(fields(input)["messageID"]);
  if (sessionId === undefined || hostMessageId === undefined) return undefined;
  const mark = list(parts).map(markOf).find(Boolean);
  return { type: "prompt_received", sessionId, hostMessageId, ...(mark ? { mark } : {}) };
}

/** What the `experimental.session.compacting` hook tells. */
export function compactionStarted(input: unknown): Fact | undefined {
  const sessionId = text(fields(input)["sessionID"]);
  return sessionId === undefined ? undefined : { type: "compaction_started", sessionId };
}

/** A completed message is published again when its summary or its error is added; only then is it news. */
function endOf(step: ModelStep): string {
  return `${step.finish ?? ""} ${step.error?.name ?? ""} ${step.completedAt}`;
}

/** Most events name their session at the top; those about a session itself may name it inside `info`. */
function sessionOf(properties: Fields): string | undefined {
  const info = fields(properties["info"]);
  return text(properties["sessionID"]) ?? text(info["sessionID"]) ?? text(info["id"]);
}

function statusFact(status: Fields, sessionId: string): Fact | undefined {
  if (status["type"] === "idle") return { type: "session_idle", sessionId };
  if (status["type"] === "busy") return { type: "session_busy", sessionId };
  if (status["type"] === "retry") return { type: "session_busy", sessionId, retry: retryOf(status) };
  return undefined;
}

function retryOf(status: Fields): RetryNotice {
  return {
    attempt: finite(status["attempt"]) ?? 1,
    message: text(status["message"]) ?? "",
    nextAt: finite(status["next"]) ?? 0,
  };
}

function gateFact(sessionId: string, gate: Gate | undefined): Fact | undefined {
  return gate && { type: "gate_opened", sessionId, gate };
}

function gateClosed(properties: Fields, sessionId: string, reply: GateReply | undefined): Fact | undefined {
  const requestId = text(properties["requestID"]);
  if (requestId === undefined) return undefined;
  return { type: "gate_closed", sessionId, requestId, ...(reply === undefined ? {} : { reply }) };
}

function replyOf({ reply }: Fields): GateReply | undefined {
  return reply === "once" || reply === "always" || reply === "reject" ? reply : undefined;
}
