import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Host } from "../support/host.ts";
import { PROJECT_ROOT } from "../support/host-ground.ts";

const run = promisify(execFile);

/** A person at a shell in the host's work tree calls `flotilla limit`; answers what it said. */
export async function limitRun(host: Host, ...words: readonly string[]): Promise<string> {
  const command = join(PROJECT_ROOT, "src", "cli", "main.ts");
  const { stdout } = await run(process.execPath, [command, "limit", ...words], {
    cwd: host.work,
    env: host.ground.env,
  });
  return stdout;
}
