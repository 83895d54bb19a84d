import type { PermissionAnswer } from "../core/effects.ts";
import type { CallId, Gate } from "../core/facts.ts";
import type { Instant, SessionId } from "../core/ids.ts";
import { sendFor, sendOk, type Transport } from "./client.ts";
import { type Fields, fields, finite, list, present, text } from "./decode.ts";
import { readMessage } from "./transcript.ts";

/** A permission that waits for its answer, as the event `permission.asked` and `GET /permission` both have it. */
export function gateOfPermission(request: Fields, openedAt: Instant): Gate | undefined {
  const requestId = text(request["id"]);
  const subject = text(request["permission"]);
  if (requestId === undefined || subject === undefined) return undefined;
  const detail = list(request["patterns"]).map(String).join(", ");
  const always = list(request["always"]).map(String);
  return present({
    kind: "permission" as const,
    requestId,
    subject,
    detail,
    always: always.length > 0 ? always : undefined,
    call: callOf(request["tool"]),
    openedAt,
  });
}

/** A question that waits for its answer, as the event `question.asked` and `GET /question` both have it. */
export function gateOfQuestion(request: Fields, openedAt: Instant): Gate | undefined {
  const requestId = text(request["id"]);
  if (requestId === undefined) return undefined;
  const questions = list(request["questions"]).map(fields);
  const subject = text(questions[0]?.["header"]) ?? "question";
  const detail = questions.flatMap((question) => text(question["question"]) ?? []).join(" / ");
  return present({
    kind: "question" as const,
    requestId,
    subject,
    detail,
    call: callOf(request["tool"]),
    openedAt,
  });
}

function callOf(tool: unknown): CallId | undefined {
  const { messageID, callID } = fields(tool);
  const [hostMessageId, callId] = [text(messageID), text(callID)];
  return hostMessageId === undefined || callId === undefined ? undefined : { hostMessageId, callId };
}

/**
 * What waits for an answer in one directory. The host's lists carry no time, so `now` stands for it: it is right for
 * what is first heard of here, and whoever knew the request before keeps the time it knew.
 *
 * The host never takes a request off its list whose turn was stopped (measured). Such a one belongs to a session that rests,
 * or to a message that is complete.
 */
export async function openGates(
  transport: Transport,
  directory: string,
  deadlineMs: number,
  now: Instant,
): Promise<readonly { readonly sessionId: SessionId; readonly gate: Gate }[]> {
  const [listed, status] = await Promise.all([
    listedGates(transport, directory, deadlineMs, now),
    sendOk(transport, { method: "GET", path: "/session/status", directory, deadlineMs }),
  ]);
  const working = fields(status.body);
  const open = listed.map(async ({ sessionId, gate, request }) => {
    if (!Object.hasOwn(working, sessionId)) return [];
    return (await isUnderway(transport, sessionId, request)) ? [{ sessionId, gate }] : [];
  });
  return (await Promise.all(open)).flat();
}

/** A request on one of the host's lists, whatever has become of its turn. */
interface Listed {
  readonly sessionId: SessionId;
  readonly gate: Gate;
  readonly request: Fields;
}

async function listedGates(
  transport: Transport,
  directory: string,
  deadlineMs: number,
  now: Instant,
): Promise<readonly Listed[]> {
  const requestsIn = async (path: string): Promise<readonly Fields[]> =>
    list((await sendOk(transport, { method: "GET", path, directory, deadlineMs })).body).map(fields);
  const listed = (request: Fields, gate: Gate | undefined): readonly Listed[] => {
    const sessionId = text(request["sessionID"]);
    return sessionId === undefined || !gate ? [] : [{ sessionId, gate, request }];
  };
  const [permissions, questions] = await Promise.all([requestsIn("/permission"), requestsIn("/question")]);
  return [
    ...permissions.flatMap((request) => listed(request, gateOfPermission(request, now))),
    ...questions.flatMap((request) => listed(request, gateOfQuestion(request, now))),
  ];
}

/** The step whose tool asks is not over. */
async function isUnderway(transport: Transport, sessionId: SessionId, request: Fields): Promise<boolean> {
  const messageId = text(fields(request["tool"])["messageID"]);
  if (messageId === undefined) return true;
  const message = await readMessage(transport, sessionId, messageId);
  return finite(fields(message?.info["time"])["completed"]) === undefined;
}

/**
 * Takes away what a session that was stopped still asks for. The host leaves such requests open for ever, and shows them to
 * the person, whose answer would do nothing.
 */
export async function dropGates(
  transport: Transport,
  sessionId: SessionId,
  directory: string,
  deadlineMs: number,
): Promise<void> {
  const left = await listedGates(transport, directory, deadlineMs, 0);
  for (const { gate } of left.filter((one) => one.sessionId === sessionId)) {
    const { requestId } = gate;
    if (gate.kind === "permission") {
      await answerPermission(transport, directory, { requestId, reply: "reject" });
    } else {
      const path = `/question/${encodeURIComponent(requestId)}/reject`;
      await sendFor(transport, { method: "POST", path, directory });
    }
  }
}

/** Answers a permission; false when nothing waits under that id any more. */
export async function answerPermission(
  transport: Transport,
  directory: string,
  { requestId, reply, message }: PermissionAnswer,
): Promise<boolean> {
  const path = `/permission/${encodeURIComponent(requestId)}/reply`;
  const answer = await sendFor(transport, {
    method: "POST",
    path,
    directory,
    body: present({ reply, message }),
  });
  return answer !== undefined;
}
