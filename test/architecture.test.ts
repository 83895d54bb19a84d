import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { check, readTree } from "../scripts/architecture.ts";

const ROOT = join(import.meta.dir, "..");

/** What the table of scripts/architecture.ts refuses, each beside the nearest thing that it allows. */
const IMPORTS: readonly { path: string; forbidden: readonly string[]; allowed: readonly string[] }[] = [
  {
    path: "src/core/run.ts",
    forbidden: [
      'import { z } from "zod";',
      'import { join } from "node:path";',
      'import type { Stats } from "node:fs";',
      'import type { RunStore } from "../ports.ts";',
      'import { lock } from "../storage/lock.ts";',
      'import {\n  lock,\n  unlock,\n} from "../storage/lock.ts";',
      'export { lock } from "../storage/lock.ts";',
      'export * from "../storage/lock.ts";',
      'import "../storage/lock.ts";',
      'const lock = await import("../storage/lock.ts");',
      'const lock = require("../storage/lock.ts");',
      "const lock = await import(name);",
      'import { x } from "../../test/x.ts";',
    ],
    allowed: [
      'import { runId } from "./ids.ts";',
      'export type { RunId } from "./ids.ts";',
      '// import { lock } from "../storage/lock.ts"',
      ' * like import("../storage/lock.ts")',
    ],
  },
  {
    path: "src/core/delivery/batch.ts",
    forbidden: ['import { lock } from "../../storage/lock.ts";'],
    allowed: ['import { storage } from "../storage/lock.ts";', 'import { runId } from "../ids.ts";'],
  },
  {
    path: "src/records/run.ts",
    forbidden: [
      'import { runId } from "../core/ids.ts";',
      'import { type RunId } from "../core/ids.ts";',
      'import { readFile } from "node:fs/promises";',
      'import { Failure } from "../errors.ts";',
    ],
    allowed: ['import type { RunId } from "../core/ids.ts";', 'import { z } from "zod";'],
  },
  {
    path: "src/ports.ts",
    forbidden: ['import { runId } from "./core/ids.ts";', 'import type { Entry } from "./records/run.ts";'],
    allowed: ['import type { RunId } from "./core/ids.ts";'],
  },
  {
    path: "src/errors.ts",
    forbidden: ['import { runId } from "./core/ids.ts";', 'import type { Host } from "./ports.ts";'],
    allowed: ['import type { Refusal } from "./core/refusal.ts";'],
  },
  {
    path: "src/options.ts",
    forbidden: ['import { lock } from "./storage/lock.ts";', 'import { homedir } from "node:os";'],
    allowed: ['import { z } from "zod";', 'import { Failure } from "./errors.ts";'],
  },
  {
    path: "src/app/send-message.ts",
    forbidden: [
      'import { lock } from "../storage/lock.ts";',
      'import type { Layout } from "../storage/layout.ts";',
      'import { readFile } from "node:fs/promises";',
      'import { z } from "zod";',
      'import type { Plugin } from "@opencode-ai/plugin";',
      'import { compose } from "../compose.ts";',
    ],
    allowed: [
      'import { decide } from "../core/decision.ts";',
      'import type { Clock } from "../ports.ts";',
      'import { Failure } from "../errors.ts";',
      'import { transact } from "./transact.ts";',
    ],
  },
  ...["config", "git", "opencode", "storage", "system", "telemetry", "tmux"].map((adapter) => {
    const other = adapter === "git" ? "tmux" : "git";
    return {
      path: `src/${adapter}/thing.ts`,
      forbidden: [
        `import { other } from "../${other}/other.ts";`,
        `import type { Other } from "../${other}/other.ts";`,
        'import { transact } from "../app/transact.ts";',
        'import { compose } from "../compose.ts";',
        'import { createOpencodeClient } from "@opencode-ai/sdk";',
        ...(adapter === "opencode" ? [] : ['import type { Plugin } from "@opencode-ai/plugin";']),
      ],
      allowed: [
        'import { runId } from "../core/ids.ts";',
        'import { parseRun } from "../records/run.ts";',
        'import type { RunStore } from "../ports.ts";',
        'import { Failure } from "../errors.ts";',
        'import { readFile } from "node:fs/promises";',
        'import { second } from "./second.ts";',
        ...(adapter === "opencode" ? ['import type { Plugin } from "@opencode-ai/plugin";'] : []),
      ],
    };
  }),
  ...["tools", "hooks"].map((surface) => ({
    path: `src/${surface}/thing.ts`,
    forbidden: [
      'import { decide } from "../core/decision.ts";',
      'import { lock } from "../storage/lock.ts";',
      'import { parseRun } from "../records/run.ts";',
      'import { tool } from "@opencode-ai/plugin";',
      'import { readFile } from "node:fs/promises";',
    ],
    allowed: [
      'import { sendMessage } from "../app/send-message.ts";',
      'import type { RunId } from "../core/ids.ts";',
      'import type { Hooks } from "@opencode-ai/plugin";',
      'import { z } from "zod";',
      'import { parseOptions } from "../options.ts";',
    ],
  })),
  {
    path: "src/cli/status.ts",
    forbidden: [
      'import { lock } from "../storage/lock.ts";',
      'import { compose } from "../compose.ts";',
      'import type { Plugin } from "@opencode-ai/plugin";',
    ],
    allowed: ['import { report } from "../app/report.ts";', 'import { readFile } from "node:fs/promises";'],
  },
  {
    path: "src/cli/main.ts",
    forbidden: ['import { createOpencodeClient } from "@opencode-ai/sdk";'],
    allowed: ['import { compose } from "../compose.ts";', 'import { status } from "./status.ts";'],
  },
  {
    path: "src/plugin.ts",
    forbidden: ['import { tool } from "@opencode-ai/plugin";'],
    allowed: [
      'import type { PluginModule } from "@opencode-ai/plugin";',
      'import { compose } from "./compose.ts";',
    ],
  },
  {
    path: "src/compose.ts",
    forbidden: ['import { tool } from "@opencode-ai/plugin";', 'import { effect } from "effect";'],
    allowed: [
      'import type { Hooks } from "@opencode-ai/plugin";',
      'import { lock } from "./storage/lock.ts";',
      'import { panes } from "./tmux/panes.ts";',
    ],
  },
];

describe("the table of imports", () => {
  for (const { path, forbidden, allowed } of IMPORTS) {
    for (const text of forbidden) {
      test(`${path} may not say ${JSON.stringify(text)}`, () => {
        const wrong = check([{ path, text: `/** A file. */\n${text}\n` }]);
        expect(wrong).toHaveLength(1);
        expect(wrong[0]).toStartWith(`${path}:2: `);
      });
    }
    test(`${path} may say ${allowed.map((text) => JSON.stringify(text)).join(" and ")}`, () => {
      expect(check([{ path, text: `${allowed.join("\n")}\n` }])).toEqual([]);
    });
  }

  test("a folder without a row is refused", () => {
    expect(check([{ path: "src/extra/thing.ts", text: "" }])).toEqual([
      'src/extra/thing.ts: "extra" has no row in the table of scripts/architecture.ts',
    ]);
  });
});

describe("names and doors", () => {
  for (const name of ["util", "helpers", "common", "manager", "handler", "info", "data"]) {
    test(`no file and no folder is called ${name}`, () => {
      for (const path of [`src/core/${name}.ts`, `src/app/run-${name}.ts`, `test/${name}/run.test.ts`]) {
        expect(check([{ path, text: "" }])).toContain(
          `${path}: "${name}" says nothing about what is inside; name what it does`,
        );
      }
    });
  }

  test("a name that merely contains such a word is allowed", () => {
    expect(check([{ path: "src/core/database.ts", text: "" }])).toEqual([]);
  });

  test("the plugin's door exports nothing but its default", () => {
    const path = "src/plugin.ts";
    expect(check([{ path, text: "export default plugin;\n" }])).toEqual([]);
    for (const extra of ["export const VERSION = 1;", "export { plugin };", "export type Options = {};"]) {
      expect(check([{ path, text: `export default plugin;\n${extra}\n` }])).toEqual([
        "src/plugin.ts:2: the plugin's door exports its default and nothing else",
      ]);
    }
  });
});

describe("unfinished work", () => {
  for (const mark of [["TO", "DO"].join(""), ["FIX", "ME"].join("")]) {
    test(`a file that says ${mark} is refused`, () => {
      expect(check([{ path: "src/core/run.ts", text: `// A run.\n// ${mark}: end it\n` }])).toEqual([
        "src/core/run.ts:2: do it, or write the weakness down for its reader",
      ]);
    });
  }

  test("the list of what is to do is not a mark", () => {
    expect(check([{ path: "src/core/run.ts", text: "// A todo list is a list.\n" }])).toEqual([]);
  });
});

/** What biome.json and scripts/core-is-pure.grit refuse: the path, the text, and the rule that must speak. */
const LINTED: readonly { path: string; text: string; rule: string | undefined }[] = [
  ...[
    ["an-instant", "Date.now()"],
    ["a-new-date", "new Date(0)"],
    ["a-process", "process.pid"],
    ["a-timeout", "setTimeout(() => 1, 1)"],
    ["an-interval", "setInterval(() => 1, 1)"],
    ["an-immediate", "setImmediate(() => 1)"],
    ["a-microtask", "queueMicrotask(() => 1)"],
    ["a-clock", "performance.now()"],
    ["an-uuid", "crypto.randomUUID()"],
    ["a-request", 'fetch("http://127.0.0.1")'],
    ["a-world", "globalThis.name"],
    ["a-buffer", 'Buffer.from("a")'],
  ].map(([name, expression]) => ({
    path: `src/core/${name}.ts`,
    text: `export const value: unknown = ${expression};\n`,
    rule: "lint/style/noRestrictedGlobals",
  })),
  {
    path: "src/core/chance.ts",
    text: "export const value: number = Math.random();\n",
    rule: "plugin",
  },
  {
    path: "src/core/exception.ts",
    text: 'export function fail(): never {\n  throw new Error("x");\n}\n',
    rule: "plugin",
  },
  {
    path: "src/core/waiting.ts",
    text: "export async function wait(ready: Promise<void>): Promise<void> {\n  await ready;\n}\n",
    rule: "plugin",
  },
  {
    path: "src/core/pure.ts",
    text: "export function later(now: number): number {\n  return Math.max(now, 1);\n}\n",
    rule: undefined,
  },
  {
    path: "src/app/impure.ts",
    text: 'export function now(): number {\n  if (Math.random() > 1) throw new Error("x");\n  return Date.now();\n}\n',
    rule: undefined,
  },
  {
    path: "src/app/default-export.ts",
    text: "const value = 1;\nexport default value;\n",
    rule: "lint/style/noDefaultExport",
  },
  {
    path: "src/plugin.ts",
    text: "const plugin = {};\nexport default plugin;\n",
    rule: undefined,
  },
  {
    path: "src/app/CamelCase.ts",
    text: "export const value = 1;\n",
    rule: "lint/style/useFilenamingConvention",
  },
  {
    path: "src/app/empty-catch.ts",
    text: "export function quiet(act: () => void): void {\n  try {\n    act();\n  } catch {}\n}\n",
    rule: "lint/suspicious/noEmptyBlockStatements",
  },
  {
    path: "src/app/lost-cause.ts",
    text: 'export function hide(act: () => void): void {\n  try {\n    act();\n  } catch {\n    throw new Error("hidden");\n  }\n}\n',
    rule: "lint/style/useErrorCause",
  },
  {
    path: "src/app/floating.ts",
    text: "async function work(): Promise<void> {}\nexport function start(): void {\n  work();\n}\n",
    rule: "lint/nursery/noFloatingPromises",
  },
  {
    path: "test/skipped.test.ts",
    text: 'import { test } from "bun:test";\n\ntest.skip("a promise nobody checks", () => undefined);\n',
    rule: "lint/suspicious/noSkippedTests",
  },
  {
    path: "test/focused.test.ts",
    text: 'import { test } from "bun:test";\n\ntest.only("a promise that hides the others", () => undefined);\n',
    rule: "lint/suspicious/noFocusedTests",
  },
];

describe("the linter", () => {
  const tree = mkdtempSync(join(tmpdir(), "flotilla-lint-"));
  let found: ReadonlyMap<string, readonly string[]> = new Map();

  beforeAll(() => {
    for (const file of ["biome.json", "package.json", "scripts/core-is-pure.grit"]) {
      mkdirSync(dirname(join(tree, file)), { recursive: true });
      copyFileSync(join(ROOT, file), join(tree, file));
    }
    symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
    for (const { path, text } of LINTED) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), text);
    }
    found = lint(tree, "src", "test");
  });

  afterAll(() => rmSync(tree, { recursive: true }));

  for (const { path, rule } of LINTED) {
    test(rule === undefined ? `${path} is left in peace` : `${path} breaks ${rule}`, () => {
      const rules = found.get(path) ?? [];
      if (rule === undefined) expect(rules).toEqual([]);
      else expect(rules).toContain(rule);
    });
  }
});

describe("this project", () => {
  test("keeps the table, the names and the doors", () => {
    const files = readTree(ROOT);
    expect(files.map(({ path }) => path)).toContain("scripts/architecture.ts");
    expect(check(files)).toEqual([]);
  });

  test("keeps the linter's rules", () => {
    expect(Object.fromEntries(lint(ROOT, "."))).toEqual({});
  });
});

/** The rules that spoke, by file. */
function lint(root: string, ...paths: string[]): Map<string, string[]> {
  const biome = join(ROOT, "node_modules", ".bin", "biome");
  const { stdout } = spawnSync(biome, ["lint", "--reporter=json", "--max-diagnostics=none", ...paths], {
    cwd: root,
    encoding: "utf8",
  });
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { category: string; location: { path: string } }[];
  };
  const found = new Map<string, string[]>();
  for (const { category, location } of diagnostics) {
    found.set(location.path, [...(found.get(location.path) ?? []), category]);
  }
  return found;
}
