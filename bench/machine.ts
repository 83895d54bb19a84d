import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { PROJECT_ROOT } from "../test/support/host-ground.ts";

/** Where the numbers come from, in one line. */
export function describeMachine(): string {
  const [first] = cpus();
  const memory = `${Math.round(totalmem() / 1024 ** 3)} GB`;
  const load = loadavg()[0]?.toFixed(1);
  return `${cpus().length} × ${first?.model.trim() ?? "unknown processor"}, ${memory}, ${process.platform} ${release()}, load ${load} at the start; OpenCode ${versionOf("opencode-ai")}, Bun ${process.versions.bun ?? "none"}`;
}

/** What was measured; with a note if the sources differ from it. */
export function describeCommit(): string {
  const commit = git("rev-parse", "--short", "HEAD");
  const changed = git("status", "--porcelain", "--", "src", "package-lock.json") !== "";
  return changed ? `${commit} with changes` : commit;
}

function git(...args: readonly string[]): string {
  return execFileSync("git", args, { cwd: PROJECT_ROOT, encoding: "utf8" }).trim();
}

function versionOf(name: string): string {
  const path = join(PROJECT_ROOT, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
