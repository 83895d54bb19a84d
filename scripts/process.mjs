import { spawn } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds package.json. Every command runs in it, wherever npm was called. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

const BIN = join(ROOT, "node_modules", ".bin");

/**
 * Runs a program with our terminal, the installed binaries first on its path, and resolves to its exit code.
 * A death by signal counts as 1, so that nobody takes it for success; a program that cannot be started is 127,
 * as in a shell.
 *
 * `deadlineMs` ends a program that hangs: nobody watches a test run in CI.
 */
export function run(program, args, { env = {}, deadlineMs } = {}) {
  return new Promise((resolve) => {
    const path = `${BIN}${delimiter}${process.env.PATH ?? ""}`;
    const child = spawn(program, args, {
      cwd: ROOT,
      env: { ...process.env, PATH: path, ...env },
      shell: process.platform === "win32",
      stdio: "inherit",
    });
    const deadline =
      deadlineMs === undefined
        ? undefined
        : setTimeout(() => {
            console.error(`\n${program} still runs after ${deadlineMs / 60_000} minutes and is ended.`);
            child.kill("SIGKILL");
          }, deadlineMs);
    const end = (code) => {
      clearTimeout(deadline);
      resolve(code);
    };
    child.on("error", (error) => {
      console.error(`${program} cannot be started: ${error.message}`);
      end(127);
    });
    child.on("exit", (code) => end(code ?? 1));
  });
}
