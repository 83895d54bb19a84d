import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Fact } from "../../src/core/facts.ts";
import type { OpencodeHost } from "../../src/opencode/host.ts";
import type { Launch } from "../../src/opencode/launch.ts";
import { eventually } from "../support/eventually.ts";

/** The adapter inside the host's process, as a test outside of it calls it. */
export type AdapterDoor = Omit<OpencodeHost, "attach" | "log"> & {
  log(...args: Parameters<OpencodeHost["log"]>): Promise<void>;
  facts(): Promise<readonly Fact[]>;
  instances(): Promise<readonly { readonly directory: string; readonly alive: boolean }[]>;
  launch(): Promise<Launch>;
};

export const ADAPTER_PLUGIN: string = fileURLToPath(new URL("./adapter-plugin.ts", import.meta.url));

/** Names the file into which the plugin writes the address of its door. */
export const DOOR_VARIABLE = "FLOTILLA_TEST_DOOR";

/** What the adapter threw, as far as it crosses the door. */
export class DoorFault extends Error {
  readonly code: string;
  readonly details: unknown;
  constructor(fault: { readonly code: string; readonly message: string; readonly details?: unknown }) {
    super(fault.message);
    this.code = fault.code;
    this.details = fault.details;
  }
}

/** As long as a host may take to start on a machine that runs several at once. */
const START_TIMEOUT_MS = 30_000;

/** Waits for the plugin to have started, then answers every method with a call through its door. */
export async function enter(file: string): Promise<AdapterDoor> {
  const url = await eventually(
    async () => {
      const address = await readFile(file, "utf8");
      if (address === "") throw new Error("the door has no address yet");
      return address;
    },
    { timeoutMs: START_TIMEOUT_MS },
  );
  return new Proxy({} as AdapterDoor, {
    get: (_, method) =>
      // A promise is recognised by its `then`; this is none.
      method === "then" ? undefined : (...args: unknown[]) => ask(url, String(method), args),
  });
}

async function ask(url: string, method: string, args: readonly unknown[]): Promise<unknown> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify({ method, args }) });
  const { value, fault } = (await response.json()) as {
    value?: unknown;
    fault?: ConstructorParameters<typeof DoorFault>[0];
  };
  if (fault) throw new DoorFault(fault);
  return value;
}
