import { FlotillaError } from "../errors.ts";
import { fields, text } from "./decode.ts";

/**
 * The one place that calls the host.
 *
 * Under `opencode run` and in the plain TUI nothing listens: `serverUrl` is a placeholder, and only the `fetch` inside
 * the client that the host hands to the plugin reaches it. That client's own methods are those of an older API without
 * permissions, questions and metadata, so its transport is taken out and every endpoint is called by its path.
 */
export interface Transport {
  readonly baseUrl: string;
  readonly headers: Headers;
  readonly fetch: (request: Request) => Promise<Response>;
}

export interface Call {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  /** Which instance answers; without it the one the client belongs to. Beats the client's own directory header. */
  readonly directory?: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
  readonly deadlineMs?: number;
}

/** Any HTTP answer, whatever its status: what a status means is the caller's to say. */
export interface Answer {
  readonly status: number;
  /** Parsed JSON, or the text when it is none. */
  readonly body: unknown;
  readonly headers: Headers;
}

/** A warm host answers within 0.1 s, a loaded one within 2 s (measured); beyond 5 s something is wrong. */
export const CALL_DEADLINE_MS = 5_000;
/**
 * The first call for a directory starts the host's instance for it, which installs what its config directory lacks:
 * 14.4 s on a fresh home (measured).
 */
export const BOOT_DEADLINE_MS = 20_000;

/** Takes the transport out of the plugin's client. Rejects a client of a form that is not known. */
export function transportOf(client: unknown): Transport {
  const raw = fields(fields(client)["_client"]);
  const read = raw["getConfig"];
  const config = typeof read === "function" ? fields(read.call(raw)) : fields(undefined);
  const baseUrl = text(config["baseUrl"]);
  const send = config["fetch"];
  if (baseUrl === undefined || typeof send !== "function") {
    throw new FlotillaError({
      code: "host_unreachable",
      message: "The client that the host gave to the plugin has no transport of a known form.",
      hint: "This version of OpenCode is not supported; run `flotilla doctor`.",
      details: { configKeys: Object.keys(config) },
    });
  }
  return {
    baseUrl,
    headers: new Headers(config["headers"] as ConstructorParameters<typeof Headers>[0]),
    fetch: (request) => send(request) as Promise<Response>,
  };
}

/** Sends one request. Rejects with `host_timeout` or `host_unreachable`; resolves with any answer. */
export async function send(transport: Transport, call: Call): Promise<Answer> {
  const deadlineMs = call.deadlineMs ?? CALL_DEADLINE_MS;
  const controller = new AbortController();
  let ring: ReturnType<typeof setTimeout> | undefined;
  // The in-process fetch need not heed the signal, so the deadline also races the answer.
  const deadline = new Promise<never>((_, reject) => {
    ring = setTimeout(() => {
      const late = tooLate(call, deadlineMs);
      reject(late);
      controller.abort(late);
    }, deadlineMs);
    ring.unref?.();
  });
  try {
    return await Promise.race([exchange(transport, call, controller.signal), deadline]);
  } catch (cause) {
    if (cause instanceof FlotillaError) throw cause;
    throw unreachable(call, cause);
  } finally {
    clearTimeout(ring);
  }
}

/** Like {@link send}, and any status but 2xx rejects with `host_refused`. */
export async function sendOk(transport: Transport, call: Call): Promise<Answer> {
  const answer = await send(transport, call);
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw refused(call, answer);
}

/** Like {@link sendOk}, and a 404 is the answer `undefined`. */
export async function sendFor(transport: Transport, call: Call): Promise<Answer | undefined> {
  const answer = await send(transport, call);
  if (answer.status === 404) return undefined;
  if (answer.status >= 200 && answer.status < 300) return answer;
  throw refused(call, answer);
}

/** What the host says in an error's body, or the body's beginning. */
export function reasonOf(answer: Answer): string {
  const body = fields(answer.body);
  const said = text(fields(body["data"])["message"]) ?? text(body["message"]) ?? text(answer.body);
  return said ? brief(said) : `status ${answer.status}`;
}

/** An HTML page or a stack trace in an error is of no use to its reader. */
export function brief(message: string): string {
  const [first = ""] = message.split(/\n\s+at /, 1);
  return first.length > MAX_REASON ? `${first.slice(0, MAX_REASON)}…` : first;
}
/** About ten lines of a terminal. */
const MAX_REASON = 1_000;

async function exchange(transport: Transport, call: Call, signal: AbortSignal): Promise<Answer> {
  const response = await transport.fetch(requestFor(transport, call, signal));
  const raw = await response.text();
  return { status: response.status, body: parsed(raw), headers: response.headers };
}

function requestFor(transport: Transport, call: Call, signal: AbortSignal): Request {
  const url = new URL(transport.baseUrl.replace(/\/$/, "") + call.path);
  for (const [name, value] of Object.entries(call.query ?? {})) url.searchParams.set(name, String(value));
  if (call.directory !== undefined) url.searchParams.set("directory", call.directory);
  const headers = new Headers(transport.headers);
  if (call.body === undefined) return new Request(url.href, { method: call.method, headers, signal });
  headers.set("content-type", "application/json");
  return new Request(url.href, { method: call.method, headers, signal, body: JSON.stringify(call.body) });
}

function parsed(raw: string): unknown {
  try {
    return JSON.parse(raw);
  } catch {
    // Not JSON: an empty 204, or a proxy's page. The text is then the answer.
    return raw;
  }
}

function tooLate(call: Call, deadlineMs: number): FlotillaError {
  return new FlotillaError({
    code: "host_timeout",
    message: `${call.method} ${call.path} had no answer within ${deadlineMs} ms.`,
    hint: "The host may be busy; it is asked again when it matters.",
    details: { method: call.method, path: call.path, deadlineMs },
  });
}

function refused(call: Call, answer: Answer): FlotillaError {
  const reason = reasonOf(answer);
  return new FlotillaError({
    code: "host_refused",
    message: `${call.method} ${call.path} was answered with status ${answer.status}: ${reason}.`,
    hint: "The reason is the host's own; its log says more.",
    details: { method: call.method, path: call.path, status: answer.status, reason },
  });
}

function unreachable(call: Call, cause: unknown): FlotillaError {
  const reason = cause instanceof Error ? brief(cause.message) : String(cause);
  return new FlotillaError({
    code: "host_unreachable",
    message: `${call.method} ${call.path} did not reach the host: ${reason}.`,
    hint: "It is tried again when it matters; if it stays so, restart OpenCode.",
    details: { method: call.method, path: call.path },
    cause,
  });
}
