import type { Host } from "../support/host.ts";
import { expectFlotilla } from "./flotilla.ts";

/** A person at a shell in the host's work tree calls `flotilla limit`; answers what it said. */
export function limitRun(host: Host, ...words: readonly string[]): Promise<string> {
  return expectFlotilla(host, "limit", ...words);
}
