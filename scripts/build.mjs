import { chmodSync, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT, run } from "./process.mjs";

/**
 * Writes dist/ anew, so that a file whose source is gone is not shipped. Resolves to the exit code of what failed.
 *
 * tsc writes one file a file. What the host loads is then written once more, as one file: the host waits for it at
 * every start, and finding some 200 modules one by one takes three times as long as reading them.
 */
export async function build() {
  const dist = join(ROOT, "dist");
  rmSync(dist, { recursive: true, force: true });
  const code =
    (await run("tsc", ["-p", "tsconfig.build.json"])) || (await bundle("compose", "telemetry/otlp"));
  const command = join(dist, "cli", "main.js");
  // npm sets the bit on install, but not for who runs a checkout.
  if (existsSync(command)) chmodSync(command, 0o755);
  return code;
}

/**
 * Names stay, and the map leads to the sources, so that a stack trace can be read. What is imported only when it is needed
 * stays a file of its own, with the packages that it alone uses inside.
 */
function bundle(...modules) {
  const files = modules.map((module) => `src/${module}.ts`);
  const how = ["--target=bun", "--sourcemap=linked", "--splitting", "--root=src", "--outdir=dist"];
  return run("bun", ["build", ...files, ...how]);
}
