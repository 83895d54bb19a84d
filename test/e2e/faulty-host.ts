import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Instant } from "../../src/core/ids.ts";
import { eventually } from "../support/eventually.ts";

/** Loaded in the plugin's place: the plugin, in a host that answers it as a test wants. */
export const FAULTY_HOST: string = fileURLToPath(new URL("./faulty-host-plugin.ts", import.meta.url));

/** In the host's home: where the plugin takes orders. */
export const ADDRESS_FILE = "faulty-host.address";

/** Requests of the plugin to the host; `path` is a regular expression for all of it. */
export interface Which {
  readonly method: "GET" | "POST" | "PATCH";
  readonly path: string;
}

export type Treatment =
  /** The host never sees it. */
  | { readonly kind: "answer"; readonly status: number; readonly reason?: string }
  /** Nobody ever answers. */
  | { readonly kind: "never" }
  /** The connection fails. */
  | { readonly kind: "break" }
  /** A prompt is stored, and no turn comes of it. */
  | { readonly kind: "store" }
  /** Forwarded once the test has healed the host. */
  | { readonly kind: "keep" };

export interface Treated {
  readonly method: string;
  readonly path: string;
  readonly how: Treatment["kind"];
}

/** What a test may order. */
export interface Orders {
  /** From now on, the newest order first; `times` times, or until healed. */
  treat(which: Which, how: Treatment, times?: number): Promise<void>;
  /** From now on the plugin hears of nothing that happens. */
  deafen(): Promise<void>;
  /** Everything is told and answered as it should be again, and what was kept goes on. */
  heal(): Promise<void>;
  /** Requests that were not answered as they should be, oldest first. */
  treated(): Promise<readonly Treated[]>;
  /** Sets the plugin's clock forward by so much. */
  turn(ms: number): Promise<void>;
  /** Sets the plugin's clock forward to that instant, unless it has passed. */
  reach(at: Instant): Promise<void>;
}

/** @param home of a host that has the plugin loaded. */
export function faultyHost(home: () => string): Orders {
  const order =
    (name: keyof Orders) =>
    async (...args: readonly unknown[]): Promise<never> => {
      // Read each time: a host that was started again listens elsewhere.
      const url = await eventually(() => readFile(join(home(), ADDRESS_FILE), "utf8"));
      const response = await fetch(url, { method: "POST", body: JSON.stringify({ order: name, args }) });
      return (await response.json()) as never;
    };
  return {
    treat: order("treat"),
    deafen: order("deafen"),
    heal: order("heal"),
    treated: order("treated"),
    turn: order("turn"),
    reach: order("reach"),
  };
}

/** Prompts to a session. */
export function prompts(sessionId: string): Which {
  return { method: "POST", path: `/session/${sessionId}/prompt_async` };
}

/** Everything that is asked about a session and its messages. */
export function readings(sessionId: string): Which {
  return { method: "GET", path: `/session/${sessionId}(/message.*)?` };
}
