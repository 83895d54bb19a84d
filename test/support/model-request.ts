import type { IncomingHttpHeaders } from "node:http";

/**
 * One request of the host to the model, read once and made easy to assert on: what the model was *sent* is the
 * evidence of an end-to-end test.
 */
export interface ModelRequest {
  /** 1, 2, 3… in order of arrival at this server. */
  readonly seq: number;
  readonly receivedAt: number;
  /**
   * Whose turn this is. The host sends `x-session-affinity` and `x-session-id` with every request to a provider whose
   * id does not begin with "opencode", titles and compactions included (seen in 1.18.33).
   */
  readonly sessionId: string | undefined;
  /** The parent of that session, from `x-parent-session-id`; absent for a root session. */
  readonly parentSessionId: string | undefined;
  /** The name a test gave this session with `model.name`, if any. */
  readonly speaker: string | undefined;
  readonly kind: RequestKind;
  readonly model: string;
  /** All but the system messages. */
  readonly messages: readonly ModelMessage[];
  /** The system messages, joined by an empty line. */
  readonly system: string;
  readonly tools: readonly OfferedTool[];
  readonly lastUserText: string;
  /** Results after the newest user message: empty at the start of a turn, and right after a steered message. */
  readonly toolResultsSinceLastUser: readonly ToolResult[];
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  /** Changes while the reply is under way. */
  outcome: Outcome;
  /** Which rule answered, for the digest of a failed wait. */
  answeredBy: string;
}

/** `title` and `compaction` are calls the host makes on its own behalf; everything else is somebody's turn. */
export type RequestKind = "turn" | "title" | "compaction";

/** `left`: the caller hung up first, which is what an abort or a killed host looks like from here. */
export type Outcome = "pending" | "answered" | "failed" | "cut" | "left";

export interface ModelMessage {
  readonly role: "user" | "assistant" | "tool";
  readonly text: string;
  readonly toolCalls: readonly ModelToolCall[];
  /** On a `tool` message: the call it answers. */
  readonly toolCallId: string | undefined;
}

export interface ModelToolCall {
  readonly id: string;
  readonly name: string;
  readonly args: unknown;
}

export interface ToolResult {
  readonly callId: string;
  readonly name: string;
  readonly args: unknown;
  readonly text: string;
}

export interface OfferedTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema. */
  readonly parameters: unknown;
}

export function readRequest(
  seq: number,
  headers: IncomingHttpHeaders,
  rawBody: string,
  speakerOf: (request: Omit<ModelRequest, "speaker">) => string | undefined,
): ModelRequest {
  const body = JSON.parse(rawBody) as Record<string, unknown>;
  const all = listOf(body["messages"]);
  const system = all
    .filter((message) => message["role"] === "system")
    .map((message) => textOf(message["content"]))
    .join("\n\n");
  const messages = all.filter((message) => message["role"] !== "system").map(readMessage);
  const anonymous: Omit<ModelRequest, "speaker"> = {
    seq,
    receivedAt: Date.now(),
    sessionId: headerOf(headers, "x-session-affinity") ?? headerOf(headers, "x-opencode-session"),
    parentSessionId: headerOf(headers, "x-parent-session-id"),
    kind: kindOf(system),
    model: String(body["model"] ?? ""),
    messages,
    system,
    tools: listOf(body["tools"]).map(readTool),
    lastUserText: messages.findLast((message) => message.role === "user")?.text ?? "",
    toolResultsSinceLastUser: toolResultsOf(
      messages,
      messages.findLastIndex((message) => message.role === "user"),
    ),
    headers,
    body,
    outcome: "pending",
    answeredBy: "",
  };
  return Object.assign(anonymous, { speaker: speakerOf(anonymous) });
}

/** Every tool result in what the model was sent, oldest first. */
export function toolResults(request: ModelRequest): readonly ToolResult[] {
  return toolResultsOf(request.messages, -1);
}

/** How often `text` occurs in what the model was sent: system prompt, messages and the arguments of earlier calls. */
export function mentions(request: ModelRequest, text: string): number {
  const pieces = [
    request.system,
    ...request.messages.flatMap((message) => [
      message.text,
      ...message.toolCalls.map((toolCall) => JSON.stringify(toolCall.args)),
    ]),
  ];
  return pieces.reduce((sum, piece) => sum + piece.split(text).length - 1, 0);
}

export function toolNames(request: ModelRequest): readonly string[] {
  return request.tools.map((tool) => tool.name);
}

/** One line a request, newest last: what a failed wait shows. */
export function digest(requests: readonly ModelRequest[]): string {
  if (requests.length === 0) return "  (no request at all)";
  return requests
    .map((request) => {
      const results = request.toolResultsSinceLastUser.map(
        (result) => `${result.name}=${brief(result.text, 60)}`,
      );
      return [
        `  #${request.seq} ${request.kind}`,
        request.speaker ?? request.sessionId ?? "unknown session",
        `${request.messages.length} messages`,
        `${request.tools.length} tools`,
        `user: ${brief(request.lastUserText, 80)}`,
        ...(results.length === 0 ? [] : [`results: ${results.join(", ")}`]),
        `${request.outcome} by ${request.answeredBy}`,
      ].join(" | ");
    })
    .join("\n");
}

function brief(text: string, length: number): string {
  const line = text.replace(/\s+/g, " ").trim();
  return JSON.stringify(line.length > length ? `${line.slice(0, length)}…` : line);
}

/** The host's own words: the only thing that tells these calls from a turn, since all share one session id. */
function kindOf(system: string): RequestKind {
  if (system.startsWith("You are a title generator")) return "title";
  if (/context summarization assistant|context summarization agent/i.test(system.slice(0, 400)))
    return "compaction";
  return "turn";
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function readMessage(message: Record<string, unknown>): ModelMessage {
  const role = message["role"];
  return {
    role: role === "tool" || role === "assistant" ? role : "user",
    text: textOf(message["content"]),
    toolCalls: listOf(message["tool_calls"]).map(readToolCall),
    toolCallId: typeof message["tool_call_id"] === "string" ? message["tool_call_id"] : undefined,
  };
}

function readToolCall(toolCall: Record<string, unknown>): ModelToolCall {
  const called = recordOf(toolCall["function"]);
  return {
    id: String(toolCall["id"]),
    name: String(called["name"]),
    args: parsed(String(called["arguments"] ?? "")),
  };
}

function readTool(tool: Record<string, unknown>): OfferedTool {
  const offered = recordOf(tool["function"]);
  return {
    name: String(offered["name"]),
    description: String(offered["description"] ?? ""),
    parameters: offered["parameters"],
  };
}

function toolResultsOf(messages: readonly ModelMessage[], afterIndex: number): readonly ToolResult[] {
  const called = new Map(
    messages.flatMap((message) => message.toolCalls).map((toolCall) => [toolCall.id, toolCall]),
  );
  return messages.slice(afterIndex + 1).flatMap((message) => {
    if (message.role !== "tool" || message.toolCallId === undefined) return [];
    const origin = called.get(message.toolCallId);
    return [
      { callId: message.toolCallId, name: origin?.name ?? "?", args: origin?.args, text: message.text },
    ];
  });
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  return listOf(content)
    .map((part) => (typeof part["text"] === "string" ? part["text"] : ""))
    .join("");
}

function listOf(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? (value as readonly Record<string, unknown>[]) : [];
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** Arguments that are not JSON are kept as they came: a test may want to see them. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (notJson) {
    if (notJson instanceof SyntaxError) return text;
    throw notJson;
  }
}
