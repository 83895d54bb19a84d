import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Plugin } from "@opencode-ai/plugin";
import type { Fact } from "../../src/core/facts.ts";
import { TOOL_NAMES } from "../../src/core/tool-names.ts";
import { FlotillaError } from "../../src/errors.ts";
import {
  compactionStarted,
  type EventDecoder,
  eventDecoder,
  promptReceived,
} from "../../src/opencode/events.ts";
import { type OpencodeHost, openHost } from "../../src/opencode/host.ts";
import { type Launch, launchOf } from "../../src/opencode/launch.ts";
import { withholdTools } from "../../src/opencode/tool-offer.ts";
import { shownIn } from "../../src/opencode/witness.ts";
import { DOOR_VARIABLE } from "./adapter-door.ts";

/**
 * A plugin that is nothing but the adapter with a door: the test, outside the host's process, calls the adapter's
 * methods by name over loopback and reads the facts that the hooks decoded. The tools of the team are there in name
 * only, to see in which sessions they are offered.
 */

interface Adapter {
  readonly host: OpencodeHost;
  readonly decoder: EventDecoder;
  readonly facts: Fact[];
  readonly instances: { directory: string; alive: boolean }[];
}

/** One for all instances of the process, as the real plugin has it. */
let shared: Adapter | undefined;

function adapter(): Adapter {
  if (shared) return shared;
  shared = { host: openHost(Date.now), decoder: eventDecoder(Date.now), facts: [], instances: [] };
  openDoor(shared);
  return shared;
}

/** What the test may call besides the host's own methods. */
type Question = (adapter: Adapter, args: readonly never[]) => unknown;
const QUESTIONS: Readonly<Record<string, Question>> = {
  facts: ({ facts }) => facts,
  instances: ({ instances }) => instances,
  launch: (): Launch => launchOf(process.argv),
};

export const AdapterWithDoor: Plugin = async ({ client, directory }) => {
  const { host, decoder, facts, instances } = adapter();
  const detach = host.attach(directory, client);
  const instance = { directory, alive: true };
  instances.push(instance);
  const note = (fact: Fact | undefined): void => {
    if (fact) facts.push(fact);
  };
  return {
    config: async (config) => withholdTools(config as { permission?: unknown }),
    event: async ({ event }) => note(decoder.decode(event)),
    "chat.message": async (input, output) => note(promptReceived(input, output)),
    "experimental.chat.messages.transform": async (_, output) => note(shownIn(output.messages)),
    "experimental.session.compacting": async (input) => note(compactionStarted(input)),
    dispose: async () => {
      instance.alive = false;
      detach();
    },
    tool: Object.fromEntries(
      TOOL_NAMES.map((name) => [name, { description: name, args: {}, execute: async () => "ok" }]),
    ),
  };
};

function openDoor(own: Adapter): void {
  const file = process.env[DOOR_VARIABLE];
  if (file === undefined) throw new Error(`${DOOR_VARIABLE} is not set`);
  const server = createServer((request, response) => {
    void answer(own, request).then((said) => response.end(JSON.stringify(said)));
  });
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    void writeFile(file, `http://127.0.0.1:${port}`);
  });
  server.unref();
}

async function answer(own: Adapter, request: IncomingMessage): Promise<unknown> {
  try {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const { method, args } = JSON.parse(Buffer.concat(pieces).toString("utf8"));
    const question = QUESTIONS[method];
    if (question) return { value: await question(own, args) };
    const call = own.host[method as keyof OpencodeHost] as (...args: unknown[]) => unknown;
    return { value: await call(...args) };
  } catch (fault) {
    const { code, message, details } = fault as FlotillaError;
    return { fault: { code: fault instanceof FlotillaError ? code : "unknown", message, details } };
  }
}
