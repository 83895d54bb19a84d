import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Plugin } from "@opencode-ai/plugin";
import { compose } from "../../src/compose.ts";
import { transportOf } from "../../src/opencode/client.ts";
import type { Clock } from "../../src/ports.ts";
import { systemClock } from "../../src/system/clock.ts";
import { ADDRESS_FILE, type Orders, type Treated, type Treatment, type Which } from "./faulty-host.ts";

/**
 * This project's plugin in a host that answers it badly, and with a clock that can be turned: the plugin is given a client
 * whose transport does what the test orders, and everything else is the real thing. The test gives its orders over
 * loopback, at the address that stands in a file of the host's home.
 */

interface Rule {
  readonly which: Which;
  readonly how: Treatment;
  left: number;
}

let rules: Rule[] = [];
const treated: Treated[] = [];
/** Requests that are kept until the test lets them go. */
const kept: (() => void)[] = [];

/** The host's events do not reach the plugin. */
let deaf = false;

const clock = turnableClock(systemClock);

const orders: Orders = {
  treat: async (which, how, times) => {
    rules = [{ which, how, left: times ?? Number.POSITIVE_INFINITY }, ...rules];
  },
  heal: async () => {
    rules = [];
    deaf = false;
    for (const letGo of kept.splice(0)) letGo();
  },
  deafen: async () => {
    deaf = true;
  },
  treated: async () => treated,
  turn: async (ms) => clock.turn(ms),
  reach: async (at) => clock.turn(Math.max(0, at - clock.now())),
};

/** The client that the host gave, with a transport that follows the test's orders. */
function faulty(client: unknown): unknown {
  const transport = transportOf(client);
  const { baseUrl, headers } = transport;
  const fetch = async (request: Request): Promise<Response> => {
    const { pathname: path } = new URL(request.url);
    const rule = rules.find(({ which, left }) => left > 0 && isMeant(which, request.method, path));
    if (!rule) return transport.fetch(request);
    rule.left -= 1;
    treated.push({ method: request.method, path, how: rule.how.kind });
    return answered(request, rule.how, transport.fetch);
  };
  return { _client: { getConfig: () => ({ baseUrl, headers, fetch }) } };
}

async function answered(
  request: Request,
  how: Treatment,
  forward: (request: Request) => Promise<Response>,
): Promise<Response> {
  switch (how.kind) {
    case "answer":
      return how.status === 204
        ? new Response(undefined, { status: 204 })
        : Response.json({ name: "Scripted", data: { message: how.reason ?? "" } }, { status: how.status });
    case "never":
      return new Promise(() => undefined);
    case "break":
      throw new TypeError("Unable to connect. Is the computer able to access the url?");
    case "store": {
      const body = { ...((await request.json()) as object), noReply: true };
      const { headers, method } = request;
      const url = request.url.replace("/prompt_async", "/message");
      await forward(new Request(url, { method, headers, body: JSON.stringify(body) }));
      return new Response(undefined, { status: 204 });
    }
    case "keep":
      await new Promise<void>((letGo) => kept.push(letGo));
      return forward(request);
  }
}

function isMeant(which: Which, method: string, path: string): boolean {
  return which.method === method && new RegExp(`^${which.path}$`).test(path);
}

/** A clock that the test sets forward; what is due by then rings at once. */
function turnableClock(real: Clock): Clock & { turn(ms: number): void } {
  let ahead = 0;
  const alarms = new Set<() => void>();
  return {
    now: () => real.now() + ahead,
    after(ms, ring) {
      const at = real.now() + ahead + ms;
      let cancel = (): void => undefined;
      const set = (): void => {
        cancel();
        cancel = real.after(Math.max(0, at - real.now() - ahead), () => {
          alarms.delete(set);
          ring();
        });
      };
      alarms.add(set);
      set();
      return () => {
        alarms.delete(set);
        cancel();
      };
    },
    turn(ms) {
      ahead += ms;
      for (const set of [...alarms]) set();
    },
  };
}

/** One for all instances of the process. */
let listening: Promise<void> | undefined;

function listen(): Promise<void> {
  listening ??= new Promise((opened) => {
    const server = createServer((request, response) => {
      void obey(request).then((said) => response.end(JSON.stringify(said ?? null)));
    });
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      opened(writeFile(join(homedir(), ADDRESS_FILE), `http://127.0.0.1:${port}`));
    });
    server.unref();
  });
  return listening;
}

async function obey(request: IncomingMessage): Promise<unknown> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const { order, args } = JSON.parse(Buffer.concat(pieces).toString("utf8"));
  return (orders[order as keyof Orders] as (...args: unknown[]) => unknown)(...args);
}

export const FaultyHost: Plugin = async (input, options) => {
  await listen();
  const client = faulty(input.client) as typeof input.client;
  const { event, ...hooks } = await compose({ ...input, client }, options, { clock });
  return event ? { ...hooks, event: async (one) => (deaf ? undefined : event(one)) } : hooks;
};
