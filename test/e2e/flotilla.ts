import { join } from "node:path";
import type { Host } from "../support/host.ts";
import { PROJECT_ROOT } from "../support/host-ground.ts";

/** What a person at a shell gets to see of one call. */
export interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A person at a shell in the host's work tree calls the command. */
export async function flotilla({ work, ground }: Host, ...words: readonly string[]): Promise<Said> {
  const command = join(PROJECT_ROOT, "src", "cli", "main.ts");
  const child = Bun.spawn([process.execPath, command, ...words], {
    cwd: work,
    env: ground.env,
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, out, err };
}

/** As {@link flotilla}, where it is expected to go well; answers what it said. */
export async function expectFlotilla(host: Host, ...words: readonly string[]): Promise<string> {
  const { code, out, err } = await flotilla(host, ...words);
  if (code !== 0) throw new Error(err);
  return out;
}
