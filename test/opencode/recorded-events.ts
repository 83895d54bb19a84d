/** Events as OpenCode 1.18.33 handed them to the `event` hook, with ids shortened and long fields left out. */

const TOKENS = { total: 107, input: 60, output: 7, reasoning: 0, cache: { write: 0, read: 40 } };
const ZERO = { input: 0, output: 0, reasoning: 0, cache: { read: 0, write: 0 } };
const STEP = {
  id: "msg_step",
  parentID: "msg_ours",
  role: "assistant",
  mode: "build",
  agent: "build",
  variant: "high",
  path: { cwd: "/w", root: "/w" },
  cost: 0,
  tokens: ZERO,
  modelID: "m",
  providerID: "mock",
  time: { created: 1795244991689 },
  sessionID: "ses_a",
};

const event = (id: string, type: string, properties: unknown): unknown => ({ id, type, properties });
const status = (id: string, value: unknown): unknown =>
  event(id, "session.status", { sessionID: "ses_a", status: value });
const message = (id: string, info: unknown): unknown =>
  event(id, "message.updated", { sessionID: "ses_a", info });

export const OPENED: unknown = event("evt_01", "session.created", {
  sessionID: "ses_a",
  info: {
    id: "ses_a",
    parentID: "ses_lead",
    directory: "/w",
    title: "kid",
    time: { created: 1, updated: 1 },
  },
});
export const OPENED_ROOT: unknown = event("evt_02", "session.created", {
  sessionID: "ses_lead",
  info: { id: "ses_lead", directory: "/w", title: "root", time: { created: 1, updated: 1 } },
});
export const DELETED: unknown = event("evt_03", "session.deleted", {
  sessionID: "ses_a",
  info: { id: "ses_a", parentID: "ses_lead" },
});
/** An older host names the session only inside. */
export const DELETED_INSIDE: unknown = event("evt_04", "session.deleted", { info: { id: "ses_a" } });
export const COMPACTED: unknown = event("evt_05", "session.compacted", { sessionID: "ses_a" });
export const UNDO_STAGED: unknown = event("evt_06", "session.updated", {
  sessionID: "ses_a",
  info: { id: "ses_a", directory: "/w", title: "kid", revert: { messageID: "msg_ours" } },
});
export const UNDO_TAKEN_BACK: unknown = event("evt_07", "session.updated", {
  sessionID: "ses_a",
  info: { id: "ses_a", directory: "/w", title: "kid" },
});
export const USER_MESSAGE: unknown = message("evt_10", {
  id: "msg_ours",
  role: "user",
  sessionID: "ses_a",
  time: { created: 1795244990422 },
  agent: "build",
  model: { providerID: "mock", modelID: "m" },
});
/** The three of one step: made, finished, completed. */
export const STEP_MADE: unknown = message("evt_11", STEP);
export const STEP_FINISHED: unknown = message("evt_12", { ...STEP, tokens: TOKENS, finish: "stop" });
export const STEP_COMPLETED: unknown = message("evt_13", {
  ...STEP,
  tokens: TOKENS,
  finish: "stop",
  time: { created: 1795244991689, completed: 1795244992462 },
});
/** Published again, as it is when something is added to it afterwards. */
export const STEP_REPEATED: unknown = { ...(STEP_COMPLETED as object), id: "evt_14" };
export const STEP_ABORTED: unknown = message("evt_15", {
  ...STEP,
  id: "msg_cut",
  time: { created: 1795245316036, completed: 1795245316741 },
  error: { name: "MessageAbortedError", data: { message: "Aborted" } },
});
export const SUMMARY: unknown = message("evt_16", {
  ...STEP,
  id: "msg_summary",
  mode: "compaction",
  agent: "compaction",
  summary: true,
  finish: "stop",
  time: { created: 1795245101995, completed: 1795245102022 },
});
export const REMOVED: unknown = event("evt_17", "message.removed", {
  sessionID: "ses_a",
  messageID: "msg_ours",
});
const part = (id: string, value: unknown): unknown =>
  event(id, "message.part.updated", {
    sessionID: "ses_a",
    part: { sessionID: "ses_a", ...(value as object) },
  });
const BASH = { id: "prt_2", type: "tool", callID: "call_1_0", messageID: "msg_step", tool: "bash" };
const LS = { input: { command: "ls secret", description: "List" }, time: { start: 1795283501124 } };
export const TEXT_PART: unknown = part("evt_40", { id: "prt_1", type: "text", text: "answer" });
/** Its arguments are being written. */
export const TOOL_PENDING: unknown = part("evt_41", {
  ...BASH,
  state: { status: "pending", input: {}, raw: "" },
});
export const TOOL_RUNNING: unknown = part("evt_42", { ...BASH, state: { status: "running", ...LS } });
export const TOOL_TALKING: unknown = part("evt_43", {
  ...BASH,
  state: { status: "running", ...LS, metadata: { output: "secret\n" } },
});
export const TOOL_COMPLETED: unknown = part("evt_44", {
  ...BASH,
  state: {
    status: "completed",
    input: LS.input,
    output: "secret\n",
    metadata: { output: "secret\n", exit: 0, truncated: false },
    title: "ls secret",
    time: { start: 1795283501124, end: 1795283501490 },
  },
});
/** A call of which the host never said that it ran. */
export const TOOL_REFUSED: unknown = part("evt_45", {
  ...BASH,
  callID: "call_1_1",
  state: { status: "error", input: {}, error: "Invalid input", time: { start: 5, end: 5 } },
});
const TASK = { id: "prt_3", type: "tool", callID: "call_2_0", messageID: "msg_task", tool: "task" };
const SUBWORK = {
  input: { description: "sub", prompt: "work", subagent_type: "general" },
  time: { start: 1795283502971 },
};
const SUBAGENT = { parentSessionId: "ses_a", sessionId: "ses_sub" };
/** Before its approval. */
export const TASK_WAITING: unknown = part("evt_46", { ...TASK, state: { status: "running", ...SUBWORK } });
export const TASK_RUNNING: unknown = part("evt_47", {
  ...TASK,
  state: { status: "running", ...SUBWORK, title: "sub", metadata: SUBAGENT },
});
export const TASK_ABORTED: unknown = part("evt_48", {
  ...TASK,
  state: {
    status: "error",
    input: SUBWORK.input,
    error: "Task cancelled",
    metadata: { ...SUBAGENT, interrupted: true },
    time: { start: 1795283502971, end: 1795283504836 },
  },
});
export const DELTA: unknown = event("evt_18", "message.part.delta", {
  sessionID: "ses_a",
  messageID: "msg_step",
  partID: "prt_1",
  field: "text",
  delta: "answer",
});
export const BUSY: unknown = status("evt_20", { type: "busy" });
export const IDLE: unknown = status("evt_21", { type: "idle" });
export const IDLE_TOO: unknown = event("evt_22", "session.idle", { sessionID: "ses_a" });
export const RETRY: unknown = status("evt_23", {
  type: "retry",
  attempt: 1,
  message: "scripted failure",
  next: 1795245062757,
});
export const ERRORED: unknown = event("evt_24", "session.error", {
  sessionID: "ses_a",
  error: {
    name: "APIError",
    data: { message: "scripted failure", statusCode: 400, isRetryable: false, responseBody: "{}" },
  },
});
/** A plugin that failed to load: about no session. */
export const ERRORED_NOWHERE: unknown = event("evt_25", "session.error", {
  error: { name: "UnknownError", data: { message: "Failed to load plugin" } },
});
export const PERMISSION_ASKED: unknown = event("evt_30", "permission.asked", {
  id: "per_1",
  sessionID: "ses_a",
  permission: "bash",
  patterns: ["ls -la", "pwd"],
  metadata: { command: "ls -la && pwd" },
  always: ["ls *"],
  tool: { messageID: "msg_step", callID: "call_1" },
});
export const PERMISSION_REPLIED: unknown = event("evt_31", "permission.replied", {
  sessionID: "ses_a",
  requestID: "per_1",
  reply: "once",
});
export const QUESTION_ASKED: unknown = event("evt_32", "question.asked", {
  id: "que_1",
  sessionID: "ses_a",
  questions: [
    { question: "Which colour?", header: "Colour", options: [] },
    { question: "Which size?", header: "Size", options: [] },
  ],
  tool: { messageID: "msg_step", callID: "call_2" },
});
export const QUESTION_REPLIED: unknown = event("evt_33", "question.replied", {
  sessionID: "ses_a",
  requestID: "que_1",
  answers: [["B"]],
});
export const QUESTION_REJECTED: unknown = event("evt_34", "question.rejected", {
  sessionID: "ses_a",
  requestID: "que_1",
});
