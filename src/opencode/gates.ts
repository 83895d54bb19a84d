import type { Gate } from "../core/facts.ts";
import type { Instant, SessionId } from "../core/ids.ts";
import type { PermissionReply } from "../ports.ts";
import { sendFor, sendOk, type Transport } from "./client.ts";
import { type Fields, fields, list, present, text } from "./decode.ts";

/** A permission that waits for its answer, as the event `permission.asked` and `GET /permission` both have it. */
export function gateOfPermission(request: Fields, openedAt: Instant): Gate | undefined {
  const requestId = text(request["id"]);
  const subject = text(request["permission"]);
  if (requestId === undefined || subject === undefined) return undefined;
  const detail = list(request["patterns"]).map(String).join(", ");
  return { kind: "permission", requestId, subject, detail, openedAt };
}

/** A question that waits for its answer, as the event `question.asked` and `GET /question` both have it. */
export function gateOfQuestion(request: Fields, openedAt: Instant): Gate | undefined {
  const requestId = text(request["id"]);
  if (requestId === undefined) return undefined;
  const questions = list(request["questions"]).map(fields);
  const subject = text(questions[0]?.["header"]) ?? "question";
  const detail = questions.flatMap((question) => text(question["question"]) ?? []).join(" / ");
  return { kind: "question", requestId, subject, detail, openedAt };
}

/**
 * What waits for an answer in one directory. The host's lists carry no time, so `now` stands for it: it is right for
 * what is first heard of here, and whoever knew the request before keeps the time it knew.
 */
export async function openGates(
  transport: Transport,
  directory: string,
  deadlineMs: number,
  now: Instant,
): Promise<readonly { readonly sessionId: SessionId; readonly gate: Gate }[]> {
  const [permissions, questions] = await Promise.all(
    ["/permission", "/question"].map((path) =>
      sendOk(transport, { method: "GET", path, directory, deadlineMs }),
    ),
  );
  return [
    ...list(permissions?.body).flatMap((entry) =>
      waiting(fields(entry), gateOfPermission(fields(entry), now)),
    ),
    ...list(questions?.body).flatMap((entry) => waiting(fields(entry), gateOfQuestion(fields(entry), now))),
  ];
}

function waiting(
  request: Fields,
  gate: Gate | undefined,
): readonly { readonly sessionId: SessionId; readonly gate: Gate }[] {
  const sessionId = text(request["sessionID"]);
  return sessionId === undefined || !gate ? [] : [{ sessionId, gate }];
}

/** Answers a permission; false when nothing waits under that id any more. */
export async function answerPermission(
  transport: Transport,
  directory: string,
  { requestId, reply, message }: PermissionReply,
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
