import { afterEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { makeCheckout, ROOT } from "./support/checkout.ts";

const made: string[] = [];

afterEach(() => {
  for (const folder of made.splice(0)) rmSync(folder, { recursive: true });
});

const SOUND = {
  "src/index.ts": "export const answer = 42;\n",
  "src/compose.ts": 'export { answer } from "./index.ts";\n',
  "src/telemetry/otlp.ts": 'export { answer } from "../index.ts";\n',
  "test/sound.test.ts": planted(
    `test('a <b> & "c"', () => expect(1).toBe(1));\ntest("two", () => expect(2).toBe(2));`,
  ),
};

describe("npm test", () => {
  test("counts types, lint, build and each test that ran", () => {
    const { status, lastLine } = npmTest(SOUND);
    expect(lastLine).toBe("5 passed, 0 failed");
    expect(status).toBe(0);
  });

  const broken: readonly { title: string; files: Record<string, string>; last: string; says: string }[] = [
    {
      title: "a failing test",
      files: { "test/x.test.ts": planted('test("x", () => expect(1).toBe(2));') },
      last: "5 passed, 1 failed",
      says: "test/x.test.ts: x: failure",
    },
    {
      title: "a skipped test",
      files: { "test/x.test.ts": planted('const later = test["skip"];\nlater("x", () => undefined);') },
      last: "5 passed, 1 failed",
      says: "test/x.test.ts: x: skipped",
    },
    {
      title: "a test that is only announced",
      files: { "test/x.test.ts": planted('const later = test["todo"];\nlater("x");') },
      last: "5 passed, 1 failed",
      says: "test/x.test.ts: x: skipped",
    },
    {
      title: "a test that outlives its time",
      files: { "test/x.test.ts": planted('test("x", () => new Promise(() => undefined), 50);') },
      last: "5 passed, 1 failed",
      says: "test/x.test.ts: x: failure",
    },
    {
      title: "a file that breaks while it is loaded",
      files: { "test/x.test.ts": planted('if (test.name !== "?") throw new Error("broken");') },
      last: "5 passed, 1 failed",
      says: "test/x.test.ts: not one test of it ran",
    },
    {
      title: "a file without a test",
      files: { "test/x.test.ts": "export const nothing = 1;\n" },
      last: "5 passed, 1 failed",
      says: "test/x.test.ts: not one test of it ran",
    },
    {
      title: "an error that no test caught",
      files: {
        "test/x.test.ts":
          'import { afterAll, test } from "bun:test";\n\nafterAll(() => {\n  throw new Error("left behind");\n});\ntest("x", () => undefined);\n',
      },
      last: "6 passed, 1 failed",
      says: "test/x.test.ts: (unnamed): failure",
    },
    {
      title: "a type error",
      files: { "test/x.ts": "export const count: number = String(1);\n" },
      last: "4 passed, 1 failed",
      says: "types: ended with code",
    },
    {
      title: "a lint error",
      files: { "src/x.ts": "export default 1;\n" },
      last: "4 passed, 1 failed",
      says: "lint: ended with code",
    },
  ];
  for (const { title, files, last, says } of broken) {
    test(`${title} is counted as failed`, () => {
      const { status, lastLine, output } = npmTest({ ...SOUND, ...files });
      expect(output).toContain(says);
      expect(lastLine).toBe(last);
      expect(status).toBe(1);
    });
  }

  test("leaves the long matrices to their own commands", () => {
    const { lastLine } = npmTest({
      ...SOUND,
      "test/soak/x.test.ts": planted('test("x", () => expect(1).toBe(2));'),
    });
    expect(lastLine).toBe("5 passed, 0 failed");
  });

  test("runs just the files that are named", () => {
    const { lastLine } = npmTest(
      { ...SOUND, "test/x.test.ts": planted('test("x", () => expect(1).toBe(2));') },
      "test/sound",
    );
    expect(lastLine).toBe("5 passed, 0 failed");
  });
});

describe("a fresh checkout", () => {
  test("installs the packages before anything else, and says why it cannot go on", () => {
    const { status, output, npmCalls } = withBareTools(["tmux", "git"], { npmCode: 3, packages: "absent" });
    expect(npmCalls).toEqual(["ci --no-audit --no-fund --loglevel=error"]);
    expect(output).toContain("Packages are not installed: npm ci");
    expect(output).toContain("npm ci ended with code 3");
    expect(status).toBe(1);
  });

  test("installs again when the lock file has moved on", () => {
    const { output, npmCalls } = withBareTools(["tmux", "git"], { npmCode: 3, packages: "outdated" });
    expect(npmCalls).toHaveLength(1);
    expect(output).toContain("node_modules/zod 0.0.1 is not installed: npm ci");
  });

  test("names the tools that the tests need and how to get them", () => {
    const { status, output, npmCalls } = withBareTools([], { npmCode: 3, packages: "present" });
    expect(npmCalls).toEqual([]);
    expect(output).toContain("tmux and git");
    expect(output).toContain("apt-get install tmux git");
    expect(status).toBe(1);
  });

  test("an unknown command is answered with the known ones", () => {
    const { status, stderr } = spawnSync("node", [join(ROOT, "scripts", "run.mjs"), "fly"], {
      encoding: "utf8",
    });
    expect(stderr).toContain('"fly" is not a command. Commands: test, check, build');
    expect(status).toBe(2);
  });
});

/** A test file's text that says `body`. */
function planted(body: string): string {
  const names = body.includes("expect") ? "expect, test" : "test";
  return `import { ${names} } from "bun:test";\n\n${body}\n`;
}

function npmTest(files: Record<string, string>, ...args: string[]) {
  const checkout = makeCheckout(["scripts"]);
  made.push(checkout);
  // What writes the generated pages reads this project's own source, which is not in this copy.
  for (const name of ["generate.ts", "pages"]) rmSync(join(checkout, "scripts", name), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(checkout, path)), { recursive: true });
    writeFileSync(join(checkout, path), text);
  }
  return start(checkout, ["test", ...args], process.env["PATH"] ?? "");
}

/** Runs `npm test` in a checkout where nothing but node, a recording npm and the given tools can be found. */
function withBareTools(
  tools: readonly string[],
  { npmCode, packages }: { npmCode: number; packages: "present" | "absent" | "outdated" },
) {
  const checkout = makeCheckout(["scripts"]);
  const bin = mkdtempSync(join(tmpdir(), "flotilla-bin-"));
  made.push(checkout, bin);
  if (packages === "absent") rmSync(join(checkout, "node_modules"));
  if (packages === "outdated") {
    const lockFile = join(checkout, "package-lock.json");
    const lock = JSON.parse(readFileSync(lockFile, "utf8"));
    lock.packages["node_modules/zod"].version = "0.0.1";
    writeFileSync(lockFile, JSON.stringify(lock));
  }
  for (const tool of ["node", ...tools]) symlinkSync(Bun.which(tool) ?? "", join(bin, tool));
  const calls = join(bin, "calls");
  writeFileSync(join(bin, "npm"), `#!/bin/sh\necho "$@" >> ${calls}\nexit ${npmCode}\n`);
  chmodSync(join(bin, "npm"), 0o755);
  const started = start(checkout, ["test"], bin);
  const npmCalls = existsSync(calls) ? readFileSync(calls, "utf8").trimEnd().split("\n") : [];
  return { ...started, npmCalls };
}

function start(checkout: string, args: readonly string[], path: string) {
  const { status, stdout, stderr } = spawnSync(
    Bun.which("node") ?? "",
    [join(checkout, "scripts", "run.mjs"), ...args],
    { cwd: checkout, encoding: "utf8", env: { ...process.env, PATH: path } },
  );
  return { status, output: stdout + stderr, lastLine: stdout.trimEnd().split("\n").at(-1) };
}
