import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeCheckout, ROOT } from "../support/checkout.ts";
import { start } from "../support/processes.ts";
import type { Fault } from "./faults.ts";

/** What the named tests said. */
export interface Verdict {
  readonly green: boolean;
  /** The first test that failed, with its file. */
  readonly firstRed: { readonly file: string; readonly title: string } | undefined;
  readonly output: string;
}

/** A test of a defect may wait for what never comes; honest ones take milliseconds. */
const TEST_TIMEOUT_MS = 20_000;
/** The slowest file takes 15 s; what runs longer than this hangs, and is red. */
const DEADLINE_MS = 180_000;

/** A copy of the project in which defects can be planted, one at a time. The work tree is never touched. */
export class Nursery implements AsyncDisposable {
  readonly #checkout = makeCheckout(["report", "src", "test"]);

  /** Runs the fault's tests with the fault in place, and takes it out again. */
  async try(fault: Fault): Promise<Verdict> {
    const path = join(this.#checkout, "src", fault.file);
    const sound = readFileSync(path, "utf8");
    writeFileSync(path, planted(fault, sound));
    try {
      return await this.run(fault.suite);
    } finally {
      writeFileSync(path, sound);
    }
  }

  /** @param files below test/ */
  async run(files: readonly string[]): Promise<Verdict> {
    const child = start(
      process.execPath,
      ["test", "--bail", `--timeout=${TEST_TIMEOUT_MS}`, ...files.map((file) => `./test/${file}`)],
      { cwd: this.#checkout, env: { PATH: process.env["PATH"] ?? "", NO_COLOR: "1", CI: "true" } },
    );
    const deadline = setTimeout(() => child.kill("SIGKILL"), DEADLINE_MS);
    const code = await child.ended;
    clearTimeout(deadline);
    const output = child.stdout() + child.stderr();
    return { green: code === 0, firstRed: firstRed(output), output };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#checkout, { recursive: true, force: true });
  }
}

/** The source with the fault in it. Throws if the fault does not fit exactly once: then the source has changed. */
export function planted(
  { name, file, find, replace }: Fault,
  source: string = readFileSync(join(ROOT, "src", file), "utf8"),
): string {
  const times = source.split(find).length - 1;
  if (times !== 1) throw new Error(`"${name}": its snippet stands ${times} times in ${file}`);
  return source.replace(find, () => replace);
}

/** bun names the file in a line of its own, above its tests. A file that does not even load fails no test: no verdict. */
function firstRed(output: string): Verdict["firstRed"] {
  let file = "";
  for (const line of output.split("\n")) {
    if (/^test\/\S+\.test\.ts:$/.test(line)) file = line.slice(0, -1);
    const [, title] = /^\(fail\) (.+?)(?: \[[\d.]+ ?m?s\])?$/.exec(line) ?? [];
    if (title !== undefined) return { file, title };
  }
  return undefined;
}

/** The commit that was tried, and whether the tree had changes on top of it. */
export function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain", "--", "src", "test") !== "";
  return `${git("rev-parse", "--short=12", "HEAD")}${changed ? " with changes that are not committed" : ""}`;
}
