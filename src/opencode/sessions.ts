import { setTimeout as sleep } from "node:timers/promises";
import type { SessionId } from "../core/ids.ts";
import type { ModelChoice, PermissionRule } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import type { HostSession, LastTurn, PromptStyle, SessionMark, SessionOrder, Step } from "../ports.ts";
import { BOOT_DEADLINE_MS, CALL_DEADLINE_MS, sendFor, sendOk, type Transport } from "./client.ts";
import { type Fields, fields, finite, list, present, text } from "./decode.ts";
import { faultOf } from "./faults.ts";
import { goesOnByItself } from "./finish.ts";
import { METADATA_KEY, markOf, memberIn, sessionMarkIn } from "./marks.ts";
import { missingRules, rulesOf } from "./rules.ts";
import { readBack, readMessage, type StoredMessage, textOf } from "./transcript.ts";
import { isUndoStaged } from "./undo.ts";

/**
 * Creates a session. The host inherits nothing to a child: its permission rules are those of the order.
 * The first one in a directory starts the host's instance for it, hence the long deadline.
 */
export async function openSession(transport: Transport, order: SessionOrder): Promise<SessionId> {
  const { model } = order;
  const body = present({
    parentID: order.parentId,
    title: order.title,
    agent: order.agent,
    model: model && present({ providerID: model.providerId, id: model.modelId, variant: model.variant }),
    metadata: { [METADATA_KEY]: order.mark },
    permission: order.rules,
  });
  const call = { method: "POST", path: "/session", directory: order.directory, body } as const;
  const answer = await sendOk(transport, { ...call, deadlineMs: BOOT_DEADLINE_MS });
  const sessionId = text(fields(answer.body)["id"]);
  if (sessionId !== undefined) return sessionId;
  throw new FlotillaError({
    code: "host_refused",
    message: "The host created a session without an id.",
    hint: "This version of OpenCode is not supported; run `flotilla doctor`.",
    details: { status: answer.status },
  });
}

/** A message is stored before its parts are: only with one is there something to see. */
export async function isStored(
  transport: Transport,
  sessionId: SessionId,
  hostMessageId: string,
): Promise<boolean> {
  const message = await readMessage(transport, sessionId, hostMessageId);
  return message !== undefined && message.parts.length > 0;
}

/** A child of the parent in whatever directory; of several with the mark the one with the same effect, else the oldest. */
export async function findSession(
  transport: Transport,
  parentId: SessionId,
  mark: SessionMark,
): Promise<SessionId | undefined> {
  const answer = await sendFor(transport, { method: "GET", path: `${pathOf(parentId)}/children` });
  const own = list(answer?.body)
    .map(fields)
    .filter((session) => carries(session, mark));
  const same = own.find((session) => sessionMarkIn(session)["effectId"] === mark.effectId);
  return text((same ?? oldest(own))?.["id"]);
}

export async function readSession(
  transport: Transport,
  sessionId: SessionId,
): Promise<HostSession | undefined> {
  const answer = await sendFor(transport, { method: "GET", path: pathOf(sessionId) });
  return answer && sessionIn({ ...fields(answer.body), id: sessionId });
}

/** Empty for a session that is gone. */
export async function readChildren(
  transport: Transport,
  sessionId: SessionId,
): Promise<readonly HostSession[]> {
  const answer = await sendFor(transport, { method: "GET", path: `${pathOf(sessionId)}/children` });
  return list(answer?.body).flatMap((child) => sessionIn(fields(child)) ?? []);
}

function sessionIn(session: Fields): HostSession | undefined {
  const sessionId = text(session["id"]);
  if (sessionId === undefined) return undefined;
  return present({
    sessionId,
    parentId: text(session["parentID"]),
    directory: text(session["directory"]) ?? "",
    agent: text(session["agent"]),
    rules: rulesOf(session["permission"]),
    undoStaged: isUndoStaged(session),
    mark: memberIn(session),
  });
}

/** Appends what of the rules does not hold yet. A running turn sees them from the session's next turn on. */
export async function addRules(
  transport: Transport,
  sessionId: SessionId,
  rules: readonly PermissionRule[],
): Promise<void> {
  const session = await readSession(transport, sessionId);
  const missing = missingRules(session?.rules ?? [], rules);
  if (missing.length === 0) return;
  await sendOk(transport, { method: "PATCH", path: pathOf(sessionId), body: { permission: missing } });
}

/** `idle` also for a session that the host does not know: its list names only those that work. */
export async function activityOf(
  transport: Transport,
  sessionId: SessionId,
  directory: string,
  deadlineMs: number = CALL_DEADLINE_MS,
): Promise<LastTurn["activity"]> {
  const answer = await sendOk(transport, { method: "GET", path: "/session/status", directory, deadlineMs });
  const status = fields(fields(answer.body)[sessionId])["type"];
  return status === "busy" || status === "retry" ? status : "idle";
}

/**
 * The newest step first and the activity after it, or a turn that starts in between would look like one that a crash cut.
 * The other way round a turn that ends in between looks the same; then the step is read once more.
 */
export async function lastTurn(
  transport: Transport,
  sessionId: SessionId,
  directory: string,
  deadlineMs: number,
): Promise<LastTurn | undefined> {
  const before = await newestStep(transport, sessionId);
  if (before === "gone") return undefined;
  const activity = await activityOf(transport, sessionId, directory, deadlineMs);
  const mayBeOld = activity === "idle" && before !== "none" && !before.completed;
  const step = mayBeOld ? await newestStep(transport, sessionId) : before;
  if (step === "gone") return undefined;
  return step === "none" ? { activity } : { activity, step };
}

async function newestStep(transport: Transport, sessionId: SessionId): Promise<Step | "none" | "gone"> {
  let newest: StoredMessage | undefined;
  const isStep = (message: StoredMessage): boolean => {
    newest = message.info["role"] === "assistant" ? message : undefined;
    return newest !== undefined;
  };
  if (!(await readBack(transport, sessionId, isStep, TAIL_PAGE))) return "gone";
  return newest ? stepIn(newest) : "none";
}
/** The newest assistant message is almost always among these: only prompts not answered yet can stand after it. */
const TAIL_PAGE = 10;

/**
 * How the newest prompt that is not ours was meant. One of ours counts only if nothing else is within reach: it repeats
 * what was before it.
 */
export async function promptStyle(
  transport: Transport,
  sessionId: SessionId,
): Promise<PromptStyle | undefined> {
  let style: PromptStyle | undefined;
  let seen = 0;
  await readBack(transport, sessionId, (message) => {
    seen += 1;
    if (message.info["role"] === "user") {
      const own = message.parts.some((part) => markOf(part) !== undefined);
      if (!own || style === undefined) style = styleIn(message.info) ?? style;
      if (!own && style !== undefined) return true;
    }
    return seen >= STYLE_REACH;
  });
  return style ?? styleOfSession(transport, sessionId);
}
/** A lead whose person is silent gets mail turn after turn; ten pages back ours still repeat the person's choice. */
const STYLE_REACH = 500;

/**
 * Stops the session's turn. Resolves when the host lists it as idle twice in a row, for an abort during a cold start is
 * answered, called idle, and then works on (measured): so it is repeated while the session works.
 *
 * A session that is gone is aborted all the same: its loop runs on without a row, in the instance of its directory.
 */
export async function abort(
  transport: Transport,
  sessionId: SessionId,
  directory: string,
  deadlineMs: number,
): Promise<void> {
  let quiet = 0;
  await sendAbort(transport, sessionId, directory, Math.max(deadlineMs, ABORT_DEADLINE_MS));
  const until = Date.now() + ABORT_DEADLINE_MS;
  while (quiet < 2) {
    const activity = await activityOf(transport, sessionId, directory, deadlineMs);
    quiet = activity === "idle" ? quiet + 1 : 0;
    if (quiet === 2) return;
    if (Date.now() > until) throw stillWorking(sessionId, directory);
    await sleep(ABORT_LOOK_MS);
    if (activity !== "idle") await sendAbort(transport, sessionId, directory, ABORT_DEADLINE_MS);
  }
}
/** An abort takes 0.3 to 0.6 s on a loaded machine (measured); tools that clean up take longer. */
const ABORT_DEADLINE_MS = 10_000;
const ABORT_LOOK_MS = 100;

async function sendAbort(
  transport: Transport,
  sessionId: SessionId,
  directory: string,
  deadlineMs: number,
): Promise<void> {
  const path = `${pathOf(sessionId)}/abort`;
  await sendOk(transport, { method: "POST", path, directory, deadlineMs });
}

function stillWorking(sessionId: SessionId, directory: string): FlotillaError {
  return new FlotillaError({
    code: "host_timeout",
    message: `Session ${sessionId} still works ${ABORT_DEADLINE_MS} ms after it was aborted.`,
    hint: "Abort it again; nothing of it was removed.",
    details: { sessionId, directory },
  });
}

async function styleOfSession(transport: Transport, sessionId: SessionId): Promise<PromptStyle | undefined> {
  const answer = await sendFor(transport, { method: "GET", path: pathOf(sessionId) });
  const session = fields(answer?.body);
  const agent = text(session["agent"]);
  if (agent === undefined) return undefined;
  return present({ agent, model: modelOf(fields(session["model"]), "id") });
}

function styleIn(info: Fields): PromptStyle | undefined {
  const agent = text(info["agent"]);
  if (agent === undefined) return undefined;
  return present({ agent, model: modelOf(fields(info["model"]), "modelID") });
}

/** A message names its model `modelID`, a session names it `id`. The variant `default` is the host's word for none. */
export function modelOf(model: Fields, key: "id" | "modelID"): ModelChoice | undefined {
  const providerId = text(model["providerID"]);
  const modelId = text(model[key]);
  if (providerId === undefined || modelId === undefined) return undefined;
  const variant = text(model["variant"]);
  return variant === undefined || variant === "default"
    ? { providerId, modelId }
    : { providerId, modelId, variant };
}

function stepIn(message: StoredMessage): Step {
  const { info } = message;
  const finish = text(info["finish"]);
  return present({
    hostMessageId: text(info["id"]) ?? "",
    completed: finite(fields(info["time"])["completed"]) !== undefined,
    finish,
    midTurn: finish === undefined || goesOnByItself(finish),
    error: faultOf(info["error"]),
    text: info["summary"] === true ? "" : textOf(message.parts),
  });
}

function carries(session: Fields, mark: SessionMark): boolean {
  const own = sessionMarkIn(session);
  return (
    own["runId"] === mark.runId && own["member"] === mark.member && own["generation"] === mark.generation
  );
}

function oldest(sessions: readonly Fields[]): Fields | undefined {
  const createdAt = (session: Fields): number => finite(fields(session["time"])["created"]) ?? 0;
  return sessions.toSorted((one, other) => createdAt(one) - createdAt(other))[0];
}

function pathOf(sessionId: SessionId): string {
  return `/session/${encodeURIComponent(sessionId)}`;
}
