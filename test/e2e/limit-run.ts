import type { Host } from "../support/host.ts";
import { flotilla } from "./flotilla.ts";

/** A person at a shell in the host's work tree calls `flotilla limit`; answers what it said. */
export async function limitRun(host: Host, ...words: readonly string[]): Promise<string> {
  const { code, out, err } = await flotilla(host, "limit", ...words);
  if (code !== 0) throw new Error(err);
  return out;
}
