import type {
  Agent,
  AssistantMessage,
  Message,
  Part,
  PermissionRequest,
  PermissionRule,
  Session,
  SessionStatus,
} from "@opencode-ai/sdk/v2/types";
import { eventually } from "./eventually.ts";
import { DEFAULT_WAIT_MS } from "./recording.ts";

export interface StoredMessage<Kind extends Message = Message> {
  readonly info: Kind;
  readonly parts: readonly Part[];
}

export interface NewSession {
  readonly title?: string;
  readonly parentId?: string;
  readonly agent?: string;
  readonly permission?: readonly PermissionRule[];
  readonly metadata?: Readonly<Record<string, unknown>>;
  /** Default: the work tree. */
  readonly directory?: string;
}

export interface PromptOptions {
  /** Default `build`. Sent always, because the host otherwise switches the session to its default agent. */
  readonly agent?: string;
  /** Of the provider `mock`; default `m`. */
  readonly model?: string;
  readonly variant?: string;
  /** `msg_…`; the host chooses one when absent. */
  readonly messageId?: string;
  readonly noReply?: boolean;
  readonly timeoutMs?: number;
}

/** The endpoints of a running host that tests need, by raw HTTP: as another program would use them. */
export interface HostApi {
  session(options?: NewSession): Promise<Session>;
  sessions(directory?: string): Promise<readonly Session[]>;
  find(sessionId: string): Promise<Session | undefined>;
  children(sessionId: string): Promise<readonly Session[]>;
  messages(sessionId: string): Promise<readonly StoredMessage[]>;
  patch(sessionId: string, change: Readonly<Record<string, unknown>>): Promise<Session>;
  remove(sessionId: string): Promise<void>;
  abort(sessionId: string): Promise<void>;
  /** Waits for the turn and answers its last message. */
  prompt(sessionId: string, text: string, options?: PromptOptions): Promise<StoredMessage<AssistantMessage>>;
  /** Returns on 204, which is before anything is stored. */
  promptAsync(sessionId: string, text: string, options?: PromptOptions): Promise<void>;
  /** The sessions that are not idle. A directory has a status of its own. */
  status(directory?: string): Promise<Readonly<Record<string, SessionStatus>>>;
  /**
   * Waits until no turn runs *and* the newest message is a completed answer: idle alone may be false (facts G7).
   * A session whose turn was aborted or crashed without that shape never gets there; ask `status` for those.
   */
  settled(
    sessionId: string,
    options?: { readonly timeoutMs?: number },
  ): Promise<StoredMessage<AssistantMessage>>;
  permissions(): Promise<readonly PermissionRequest[]>;
  replyPermission(requestId: string, reply: "once" | "always" | "reject", message?: string): Promise<void>;
  agents(): Promise<readonly Agent[]>;
  /** Any other endpoint. Throws on a status that is not 2xx. */
  call<Answer = unknown>(method: string, path: string, options?: CallOptions): Promise<Answer>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
}

/** What the host answered instead of 2xx. */
export class HostAnswer extends Error {
  readonly status: number;
  readonly body: string;
  constructor(request: string, status: number, body: string) {
    super(`${request} answered ${status}: ${body.slice(0, 2_000)}`);
    this.status = status;
    this.body = body;
  }
}

/** The text of a message: its text parts, joined. */
export function textOf(message: StoredMessage): string {
  return message.parts.map((part) => (part.type === "text" ? part.text : "")).join("");
}

export function hostApi(
  baseUrl: () => string,
  work: string,
  credentials: Readonly<Record<string, string>> = {},
): HostApi {
  async function call<Answer>(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const url = new URL(path, baseUrl());
    for (const [name, value] of Object.entries(options.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    const response = await fetch(url, {
      method,
      headers: { ...credentials, "content-type": "application/json" },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
      signal: AbortSignal.timeout(options.timeoutMs ?? DEFAULT_WAIT_MS),
    });
    const text = await response.text();
    if (!response.ok) throw new HostAnswer(`${method} ${path}`, response.status, text);
    return (text === "" ? undefined : JSON.parse(text)) as Answer;
  }

  const messages = (sessionId: string): Promise<readonly StoredMessage[]> =>
    call("GET", `/session/${sessionId}/message`);
  const status = (directory: string = work): Promise<Readonly<Record<string, SessionStatus>>> =>
    call("GET", "/session/status", { query: { directory } });
  const find = async (sessionId: string): Promise<Session | undefined> => {
    try {
      return await call<Session>("GET", `/session/${sessionId}`);
    } catch (answer) {
      if (answer instanceof HostAnswer && answer.status === 404) return undefined;
      throw answer;
    }
  };

  return {
    call,
    messages,
    status,
    find,
    session: ({ title = "a session", parentId, agent, permission, metadata, directory = work } = {}) =>
      call("POST", "/session", {
        query: { directory },
        body: { title, parentID: parentId, agent, permission, metadata },
      }),
    sessions: (directory = work) => call("GET", "/session", { query: { directory } }),
    children: (sessionId) => call("GET", `/session/${sessionId}/children`),
    patch: (sessionId, change) => call("PATCH", `/session/${sessionId}`, { body: change }),
    remove: (sessionId) => call("DELETE", `/session/${sessionId}`),
    abort: (sessionId) => call("POST", `/session/${sessionId}/abort`),
    prompt: (sessionId, text, options = {}) =>
      call("POST", `/session/${sessionId}/message`, {
        body: promptBody(text, options),
        timeoutMs: options.timeoutMs ?? 60_000,
      }),
    promptAsync: (sessionId, text, options = {}) =>
      call("POST", `/session/${sessionId}/prompt_async`, { body: promptBody(text, options) }),
    settled: (sessionId, { timeoutMs = DEFAULT_WAIT_MS } = {}) =>
      eventually(
        async () => {
          const session = await find(sessionId);
          if (session === undefined) throw new Error(`session ${sessionId} does not exist`);
          const turn = (await status(session.directory))[sessionId];
          if (turn !== undefined && turn.type !== "idle")
            throw new Error(`session ${sessionId} is ${turn.type}`);
          const newest = (await messages(sessionId)).at(-1);
          if (newest === undefined || !isCompletedAnswer(newest)) {
            throw new Error(
              `the newest message of ${sessionId} is no completed answer: ${JSON.stringify(newest?.info)}`,
            );
          }
          return newest;
        },
        { timeoutMs, everyMs: 50 },
      ),
    permissions: () => call("GET", "/permission", { query: { directory: work } }),
    replyPermission: (requestId, reply, message) =>
      call("POST", `/permission/${requestId}/reply`, {
        query: { directory: work },
        body: { reply, message },
      }),
    agents: () => call("GET", "/agent", { query: { directory: work } }),
  };
}

function isCompletedAnswer(message: StoredMessage): message is StoredMessage<AssistantMessage> {
  return message.info.role === "assistant" && message.info.time.completed !== undefined;
}

function promptBody(text: string, options: PromptOptions): Readonly<Record<string, unknown>> {
  return {
    agent: options.agent ?? "build",
    model: { providerID: "mock", modelID: options.model ?? "m" },
    variant: options.variant,
    messageID: options.messageId,
    noReply: options.noReply,
    parts: [{ type: "text", text }],
  };
}
