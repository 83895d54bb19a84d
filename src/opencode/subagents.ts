import type { HostFault, TaskCall } from "../core/facts.ts";
import type { Instant, SessionId } from "../core/ids.ts";
import type { ChildSight, Remains } from "../core/subagent-ending.ts";
import type { ShownList, ShownTask, StoredTask } from "../core/subagents.ts";
import type { Transport } from "./client.ts";
import { type Fields, fields, finite, list, present, text } from "./decode.ts";
import { faultOf } from "./faults.ts";
import { goesOnByItself } from "./finish.ts";
import { activityOf, readSession } from "./sessions.ts";
import { taskOf } from "./tool-calls.ts";
import { createdAt, readBack, type StoredMessage } from "./transcript.ts";

/** A subagent's call takes tens of messages, and the last ones say how it ended. */
const PAGE = 50;

/** The newest step first and the activity after it, as for a turn: see `lastTurn`. */
export async function childSight(
  transport: Transport,
  sessionId: SessionId,
  since: Instant,
): Promise<ChildSight | undefined> {
  const before = await messagesSince(transport, sessionId, since);
  const session = before && (await readSession(transport, sessionId));
  if (!session) return undefined;
  const activity = await activityOf(transport, sessionId, session.directory);
  const messages = activity === "idle" ? await messagesSince(transport, sessionId, since) : before;
  return messages && sightOf(messages, activity !== "idle");
}

async function messagesSince(
  transport: Transport,
  sessionId: SessionId,
  since: Instant,
): Promise<readonly StoredMessage[] | undefined> {
  const messages: StoredMessage[] = [];
  const isOlder = (message: StoredMessage): boolean => {
    if (createdAt(message) < since) return true;
    messages.push(message);
    return false;
  };
  return (await readBack(transport, sessionId, isOlder, PAGE)) ? messages.reverse() : undefined;
}

function sightOf(messages: readonly StoredMessage[], working: boolean): ChildSight {
  const newest = messages.findLast(({ info }) => info["role"] === "assistant");
  return present({
    working,
    step: newest && stepIn(newest),
    remains: remainsIn(messages),
    shells: messages.flatMap(({ parts }) =>
      parts.filter(isRunningShell).flatMap((part) => text(part["callID"]) ?? []),
    ),
  });
}

/** An abort during the back-off of a retry leaves a message that is complete and has neither finish nor error. */
const CUT: HostFault = { name: "MessageAbortedError", message: "" };

function stepIn({ info, parts }: StoredMessage): NonNullable<ChildSight["step"]> {
  const completed = finite(fields(info["time"])["completed"]) !== undefined;
  const finish = text(info["finish"]);
  const fault = faultOf(info["error"]) ?? (completed && finish === undefined ? CUT : undefined);
  const midTurn = finish === undefined || goesOnByItself(finish);
  return present({
    completed,
    fault,
    midTurn,
    // After such a step the host goes on by itself, unless somebody has declined one of its calls.
    refused: completed && fault === undefined && midTurn && parts.some(isFailedCall),
    said: parts.some(saysSomething),
  });
}

function isFailedCall(part: Fields): boolean {
  return part["type"] === "tool" && statusOf(part) === "error";
}

function saysSomething(part: Fields): boolean {
  return part["type"] === "text" && Boolean(text(part["text"])?.trim());
}

function remainsIn(messages: readonly StoredMessage[]): Remains {
  const parts = messages
    .filter(({ info }) => info["role"] === "assistant")
    .flatMap((message) => message.parts);
  const calls = parts.filter((part) => part["type"] === "tool" && statusOf(part) === "completed");
  return {
    calls: calls.length,
    files: new Set([...calls.flatMap(filesOfCall), ...parts.flatMap(filesOfPatch)]).size,
    text: parts.some(saysSomething),
  };
}

/** What the host's own tools that write say about it: `write` a path, `edit` a difference, `apply_patch` a list. */
function filesOfCall(part: Fields): readonly string[] {
  const metadata = fields(fields(part["state"])["metadata"]);
  const written = text(metadata["filepath"]);
  const edited = text(fields(metadata["filediff"])["file"]);
  const patched = list(metadata["files"]).flatMap((file) => text(fields(file)["filePath"]) ?? []);
  return [...(written === undefined ? [] : [written]), ...(edited === undefined ? [] : [edited]), ...patched];
}

/** With file snapshots on, the host notes after each step what has changed, by whatever tool. */
function filesOfPatch(part: Fields): readonly string[] {
  return part["type"] === "patch" ? list(part["files"]).flatMap((file) => text(file) ?? []) : [];
}

function isRunningShell(part: Fields): boolean {
  return part["type"] === "tool" && part["tool"] === "bash" && statusOf(part) === "running";
}

function statusOf(part: Fields): string | undefined {
  return text(fields(part["state"])["status"]);
}

/** A turn dies in its last message; what comes after are prompts, and turns in which the call is shown as it is. */
export async function storedTasks(
  transport: Transport,
  sessionId: SessionId,
): Promise<readonly StoredTask[]> {
  const messages: StoredMessage[] = [];
  await readBack(
    transport,
    sessionId,
    (message) => {
      messages.push(message);
      return messages.length >= PAGE;
    },
    PAGE,
  );
  return messages.reverse().flatMap(({ parts }) => parts.flatMap((part) => storedTask(part) ?? []));
}

const OUTCOMES: Readonly<Record<string, StoredTask["outcome"]>> = {
  completed: "completed",
  error: "failed",
  running: "left",
};

function storedTask(part: Fields): StoredTask | undefined {
  if (part["type"] !== "tool" || part["tool"] !== "task") return undefined;
  const state = fields(part["state"]);
  const outcome = OUTCOMES[text(state["status"]) ?? ""];
  const [hostMessageId, callId] = [text(part["messageID"]), text(part["callID"])];
  const { start, end } = fields(state["time"]);
  if (outcome === undefined || hostMessageId === undefined || callId === undefined) return undefined;
  const startedAt = finite(start) ?? 0;
  return {
    hostMessageId,
    callId,
    outcome,
    startedAt,
    endedAt: finite(end) ?? startedAt,
    task: taskOf(state),
  };
}

/** The result of a call as `tool.execute.after` has it. */
export function resultOf(result: unknown): TaskCall {
  const { metadata, output } = fields(result);
  return present({ input: {}, metadata: fields(metadata), output: text(output) });
}

/** The calls of `task` in the list of `experimental.chat.messages.transform`; undefined for a list without messages. */
export function shownTasks(messages: unknown): ShownList | undefined {
  const entries = list(messages);
  const sessionId = text(fields(fields(entries.at(-1))["info"])["sessionID"]);
  if (sessionId === undefined) return undefined;
  const prompt = entries.findLast((entry) => fields(fields(entry)["info"])["role"] === "user");
  const info = fields(fields(prompt)["info"]);
  return present({
    sessionId,
    promptId: text(info["id"]),
    agent: text(info["agent"]),
    tasks: () =>
      entries.flatMap((entry) => list(fields(entry)["parts"]).flatMap((part) => shownTask(part) ?? [])),
  });
}

function shownTask(part: unknown): ShownTask | undefined {
  const stored = storedTask(fields(part));
  return (
    stored && {
      ...stored,
      add(text) {
        const shown = part as { state: unknown };
        shown.state = withText(fields(shown.state), stored, text);
      },
    }
  );
}

/** What the host sends in place of a result that never came (measured). */
const CUT_OFF = "[Tool execution was interrupted]";

/** A new state in the old one's place: that may be the very object that the host stores. */
function withText(state: Fields, { outcome, startedAt }: StoredTask, added: string): Fields {
  if (outcome === "completed") return { ...state, output: `${text(state["output"]) ?? ""}${added}` };
  if (outcome === "failed") return { ...state, error: `${text(state["error"]) ?? ""}${added}` };
  const { input, metadata } = state;
  const time = { start: startedAt, end: startedAt };
  return { status: "error", input, metadata, time, error: `${CUT_OFF}${added}` };
}
