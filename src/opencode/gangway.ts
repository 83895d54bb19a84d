import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Gangway } from "../ports.ts";
import type { Transport } from "./client.ts";

/** Of one connection: each side makes its own. A body is handed on as it was read, not as it was sent. */
const OF_THE_CONNECTION = [
  ...["connection", "keep-alive", "transfer-encoding", "upgrade", "te", "trailer"],
  ...["content-length", "content-encoding", "accept-encoding", "host", "authorization"],
];

const USER = "flotilla";

/**
 * Opens a way into this very process for `opencode attach`. A plain terminal UI and `run` listen nowhere, and where a server
 * does listen its password is none of a pane's business; so in every case the panes of a run come in here.
 *
 * Promise: it listens on 127.0.0.1 alone, answers nobody who does not know a secret that was made for it, and nobody who
 * was sent by a web page (whose requests name another host). The secret is in this process's memory and in the environment of
 * those it is given to; nothing here is logged. It is gone with {@link Gangway.close}, and with the process.
 */
export async function openGangway(transport: () => Transport): Promise<Gangway> {
  const secret = randomBytes(32).toString("base64url");
  const expected = digest(`Basic ${Buffer.from(`${USER}:${secret}`).toString("base64")}`);
  const underway = new Set<AbortController>();
  let address = "";

  const server = createServer((request, response) => {
    const refusal = refusalOf(request, address, expected);
    if (refusal !== undefined) {
      response.writeHead(refusal).end();
      return;
    }
    const gone = new AbortController();
    underway.add(gone);
    response.once("close", () => {
      underway.delete(gone);
      gone.abort();
    });
    pass(transport(), request, response, gone.signal).catch(() => {
      // The host refused the call or the caller has left; either way there is nobody else to tell.
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // What shows members keeps no process alive.
  server.unref();
  address = `127.0.0.1:${(server.address() as AddressInfo).port}`;

  return {
    command: (sessionId, directory) => [
      ...[programOf(process), "attach", `http://${address}`],
      ...["--session", sessionId, "--dir", directory],
    ],
    environment: {
      OPENCODE_SERVER_USERNAME: USER,
      OPENCODE_SERVER_PASSWORD: secret,
      // The pane's title is ours.
      OPENCODE_DISABLE_TERMINAL_TITLE: "true",
    },
    async close() {
      for (const gone of underway) gone.abort();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The status with which a request is turned away, if it is. */
function refusalOf({ headers }: IncomingMessage, address: string, expected: Buffer): number | undefined {
  if (headers.host !== address) return 421;
  return timingSafeEqual(digest(headers.authorization ?? ""), expected) ? undefined : 401;
}

/** Of equal length whatever was sent, as the comparison wants it. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

async function pass(
  { baseUrl, headers, fetch }: Transport,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const { method = "GET", url = "/" } = incoming;
  const hasBody = method !== "GET" && method !== "HEAD";
  const body = hasBody ? await whole(incoming) : undefined;
  const answer = await fetch(
    // As text, so that no path can name another host.
    new Request(baseUrl.replace(/\/$/, "") + (url.startsWith("/") ? url : "/"), {
      method,
      headers: headersFor(headers, incoming),
      signal,
      ...(body === undefined || body.length === 0 ? {} : { body }),
    }),
  );
  outgoing.writeHead(answer.status, [
    ...[...answer.headers].filter(([name]) => !OF_THE_CONNECTION.includes(name)).flat(),
  ]);
  outgoing.flushHeaders();
  if (answer.body) await stream(answer.body, outgoing, signal);
  outgoing.end();
}

/** Our own credentials, and of the caller's headers whatever is about the call. */
function headersFor(own: Headers, { headers }: IncomingMessage): Headers {
  const all = new Headers(own);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !OF_THE_CONNECTION.includes(name)) all.set(name, String(value));
  }
  return all;
}

async function whole(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Piece by piece as it comes: events are of use while they are new. */
async function stream(
  body: ReadableStream<Uint8Array>,
  outgoing: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const reader = body.getReader();
  const leave = (): void => {
    reader.cancel().catch(() => undefined);
  };
  signal.addEventListener("abort", leave);
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      if (!outgoing.write(value)) await once(outgoing, "drain", { signal });
    }
  } finally {
    signal.removeEventListener("abort", leave);
  }
}

/** The program that this process is; run from its sources, it is looked for where users have it. */
function programOf({ argv, execPath }: NodeJS.Process): string {
  return argv[1]?.startsWith("/$bunfs/") ? execPath : "opencode";
}
