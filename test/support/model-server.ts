import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { pause, type Reply, type StreamReply, say } from "./model-replies.ts";
import { digest, type ModelRequest, readRequest } from "./model-request.ts";
import { openRecording, type WaitOptions } from "./recording.ts";

/**
 * A scripted, OpenAI-compatible chat model on loopback. It runs under Bun and under Node (only `node:` modules).
 *
 * Who answers a request: titles are answered by the server itself; otherwise the newest rule that returns a reply;
 * otherwise a plain "ok.", so that nothing hangs on a request no test cared about.
 */
export interface ModelServer extends AsyncDisposable {
  /** For the provider's `baseURL`: ends in `/v1`. */
  readonly url: string;
  readonly requests: readonly ModelRequest[];
  /** The requests of one session (id) or of one named speaker, oldest first; titles left out. */
  requestsOf(session: string): readonly ModelRequest[];
  /** A rule: asked for every turn and compaction, newest rule first; `undefined` passes on to the next. */
  script(rule: Rule): void;
  /** A sequence: each step answers one request of a session, every session walks through the steps by itself. */
  program(program: Program): void;
  /** Gives a session a name, by its id or by the first request that `matches`; the name sticks to the session. */
  name(speaker: string, session: string | ((request: Omit<ModelRequest, "speaker">) => boolean)): void;
  /** The first request, already recorded or still to come, that `matches`. */
  request(matches: (request: ModelRequest) => boolean, options?: WaitOptions): Promise<ModelRequest>;
  /** Forgets all rules; names and recorded requests stay. */
  unscript(): void;
  /** Forgets all recorded requests and answers them: a long run would not fit into memory. */
  forget(): readonly ModelRequest[];
  /** One line for every recorded request. */
  digest(): string;
  /**
   * Breaks open streams, ends hanging ones, closes the port. Rejects with what a script threw, if one did: an
   * `expect` that fails inside a rule must fail the test, not vanish in an HTTP error.
   */
  close(): Promise<void>;
}

export type Rule = (request: ModelRequest) => Reply | undefined;

export interface Program {
  /** Which requests this is about; a string is a session id or a speaker's name. Default: every turn. */
  readonly when?: string | ((request: ModelRequest) => boolean);
  /** Run out of steps, a session falls through to older rules and then to "ok.". */
  readonly steps: readonly Step[];
}

/** A function that returns `undefined` lets the request pass without using the step up. */
export type Step = Reply | ((request: ModelRequest) => Reply | undefined);

const UNSCRIPTED = say("ok.");
const TITLE = say("Scripted title");
const COMPACTION = say("Summary of the conversation so far.");

/** Deltas without a pause between them are sent in pieces of about this size: 20,000 single writes cost seconds. */
const BATCH_CHARS = 16_384;

export async function startModelServer(): Promise<ModelServer> {
  const recording = openRecording<ModelRequest>("model request", digest);
  const closing = new AbortController();
  const speakers = speakerBook();
  const scriptFailures: unknown[] = [];
  let received = 0;
  let rules: readonly Rule[] = [];

  function choose(request: ModelRequest): Reply {
    if (request.kind === "title") {
      request.answeredBy = "the server (title)";
      return TITLE;
    }
    for (const [index, rule] of rules.entries()) {
      const reply = rule(request);
      if (reply === undefined) continue;
      request.answeredBy = `rule ${rules.length - index}`;
      return reply;
    }
    request.answeredBy = "nobody (unscripted)";
    return request.kind === "compaction" ? COMPACTION : UNSCRIPTED;
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    if (incoming.method !== "POST" || !incoming.url?.endsWith("/chat/completions")) {
      response.writeHead(404).end();
      return;
    }
    const gone = hangUpSignal(response, closing.signal);
    const rawBody = await readAll(incoming);
    received += 1;
    const request = readRequest(received, incoming.headers, rawBody, speakers.of);
    const reply = chooseOrExplain(request);
    recording.add(request);
    request.outcome = await answer(request, reply, response, gone);
    recording.touch(request);
  }

  function chooseOrExplain(request: ModelRequest): Reply {
    try {
      return choose(request);
    } catch (cause) {
      scriptFailures.push(cause);
      request.answeredBy = `a script that threw: ${cause instanceof Error ? cause.message : String(cause)}`;
      return say(request.answeredBy);
    }
  }

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((cause: unknown) => {
      response.destroy(cause instanceof Error ? cause : new Error(String(cause)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  async function close(): Promise<void> {
    closing.abort();
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const [failure] = scriptFailures.splice(0);
    if (failure !== undefined) throw failure;
  }

  return {
    url: `http://127.0.0.1:${port}/v1`,
    requests: recording.items,
    requestsOf: (session) =>
      recording.items.filter((request) => request.kind !== "title" && isFrom(request, session)),
    script(rule) {
      rules = [rule, ...rules];
    },
    program(program) {
      rules = [ruleOf(program), ...rules];
    },
    name: speakers.name,
    request: recording.first,
    unscript() {
      rules = [];
    },
    forget: recording.forget,
    digest: () => digest(recording.items),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function isFrom(request: ModelRequest, session: string): boolean {
  return request.sessionId === session || request.speaker === session;
}

function ruleOf({ when, steps }: Program): Rule {
  const nextOf = new Map<string, number>();
  const concerns = (request: ModelRequest): boolean => {
    if (typeof when === "string") return isFrom(request, when);
    return when === undefined || when(request);
  };
  return (request) => {
    if (request.kind !== "turn" || !concerns(request)) return undefined;
    const session = request.sessionId ?? "";
    const index = nextOf.get(session) ?? 0;
    const step = steps[index];
    const reply = typeof step === "function" ? step(request) : step;
    if (reply !== undefined) nextOf.set(session, index + 1);
    return reply;
  };
}

interface SpeakerBook {
  readonly name: ModelServer["name"];
  readonly of: (request: Omit<ModelRequest, "speaker">) => string | undefined;
}

function speakerBook(): SpeakerBook {
  const bySession = new Map<string, string>();
  const byMatch: {
    readonly speaker: string;
    readonly matches: (request: Omit<ModelRequest, "speaker">) => boolean;
  }[] = [];
  return {
    name(speaker, session) {
      if (typeof session === "string") bySession.set(session, speaker);
      else byMatch.push({ speaker, matches: session });
    },
    of(request) {
      const known = request.sessionId === undefined ? undefined : bySession.get(request.sessionId);
      if (known !== undefined) return known;
      const speaker = byMatch.find(({ matches }) => matches(request))?.speaker;
      if (speaker !== undefined && request.sessionId !== undefined) bySession.set(request.sessionId, speaker);
      return speaker;
    },
  };
}

async function answer(
  request: ModelRequest,
  reply: Reply,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<ModelRequest["outcome"]> {
  for (const wait of reply.waits) await wait(gone);
  if (gone.aborted) return "left";
  if (reply.kind === "failure") {
    response.writeHead(reply.status, reply.headers).end(reply.body);
    return "failed";
  }
  return await stream(request, reply, response, gone);
}

async function stream(
  request: ModelRequest,
  reply: StreamReply,
  response: ServerResponse,
  gone: AbortSignal,
): Promise<ModelRequest["outcome"]> {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  const send = chunkSender(request, response, gone);
  await send({ role: "assistant", content: "" });

  const cutAfter = reply.cutAfterDeltas ?? Number.POSITIVE_INFINITY;
  for (const [index, text] of reply.deltas.entries()) {
    if (index >= cutAfter || gone.aborted) break;
    if (reply.betweenDeltasMs > 0) {
      await pause(reply.betweenDeltasMs, gone);
      await send({ content: text }, null, "now");
    } else await send({ content: text });
  }
  if (reply.cutAfterDeltas !== undefined && !gone.aborted) {
    await send.flush();
    response.destroy();
    return "cut";
  }
  for (const [index, planned] of reply.calls.entries()) {
    const id = `call_${request.seq}_${index}`;
    const called = { name: planned.name, arguments: "" };
    await send({ tool_calls: [{ index, id, type: "function", function: called }] });
    await send({ tool_calls: [{ index, function: { arguments: JSON.stringify(planned.args) } }] });
  }
  await send({}, reply.calls.length > 0 ? "tool_calls" : "stop");
  await send.usage(reply);
  if (gone.aborted) return "left";
  response.end("data: [DONE]\n\n");
  return "answered";
}

interface ChunkSender {
  (delta: unknown, finishReason?: string | null, urgency?: "now"): Promise<void>;
  usage(reply: StreamReply): Promise<void>;
  flush(): Promise<void>;
}

function chunkSender(request: ModelRequest, response: ServerResponse, gone: AbortSignal): ChunkSender {
  const head = {
    id: `chatcmpl-${request.seq}`,
    object: "chat.completion.chunk",
    created: Math.floor(request.receivedAt / 1000),
    model: request.model,
  };
  let waiting = "";

  async function flush(): Promise<void> {
    if (waiting === "" || gone.aborted) return;
    const piece = waiting;
    waiting = "";
    if (response.write(piece)) return;
    await new Promise<void>((resolve) => {
      function go(): void {
        response.off("drain", go);
        gone.removeEventListener("abort", go);
        resolve();
      }
      response.on("drain", go);
      gone.addEventListener("abort", go);
    });
  }

  async function push(rest: unknown, atOnce: boolean): Promise<void> {
    waiting += `data: ${JSON.stringify(Object.assign({}, head, rest))}\n\n`;
    if (atOnce || waiting.length >= BATCH_CHARS) await flush();
  }

  const send = (delta: unknown, finishReason: string | null = null, urgency?: "now"): Promise<void> =>
    push(
      { choices: [{ index: 0, delta, finish_reason: finishReason }] },
      urgency === "now" || finishReason !== null,
    );

  return Object.assign(send, {
    flush,
    usage: ({ usage }: StreamReply): Promise<void> =>
      push(
        {
          choices: [],
          usage: {
            prompt_tokens: usage.inputTokens,
            completion_tokens: usage.outputTokens,
            total_tokens: usage.inputTokens + usage.outputTokens,
            prompt_tokens_details: { cached_tokens: usage.cachedTokens },
          },
        },
        true,
      ),
  });
}

/** Aborted when the caller hangs up before the reply is complete, or when this server closes. */
function hangUpSignal(response: ServerResponse, closing: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  closing.addEventListener("abort", leave);
  response.once("close", () => {
    closing.removeEventListener("abort", leave);
    if (!response.writableFinished) leave();
  });
  return gone.signal;
}

async function readAll(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
