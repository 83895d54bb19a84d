import { chmodSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT, run } from "./process.mjs";

/** Writes dist/ anew, so that a file whose source is gone is not shipped. Resolves to tsc's exit code. */
export async function build() {
  const dist = join(ROOT, "dist");
  rmSync(dist, { recursive: true, force: true });
  const code = await run("tsc", ["-p", "tsconfig.build.json"]);
  const command = join(dist, "cli", "main.js");
  // npm sets the bit on install, but not for who runs a checkout.
  if (existsSync(command)) chmodSync(command, 0o755);
  return code;
}
