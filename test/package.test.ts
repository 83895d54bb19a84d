import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { makeCheckout, ROOT } from "./support/checkout.ts";

const NAME = "opencode-flotilla";
const RUNTIME_PACKAGES = ["jsonc-parser", "zod"];

// Packs, installs and loads as a user would. npm takes seconds for it where the machine is busy.
const NPM_TIMEOUT_MS = 120_000;

let checkout = "";
let user = "";
let tarball = "";
/** The installed package. */
let installed = "";

beforeAll(() => {
  checkout = makeCheckout(["docs", "report", "schema", "scripts", "src", "test"]);
  user = mkdtempSync(join(tmpdir(), "flotilla-user-"));
  const packed = must(
    "npm",
    ["pack", "--ignore-scripts=false", "--loglevel=error", "--pack-destination", user],
    checkout,
  );
  tarball = join(user, readdirSync(user).find((name) => name.endsWith(".tgz")) ?? `no tarball: ${packed}`);
  writeFileSync(join(user, "package.json"), '{ "private": true, "type": "module" }\n');
  // An empty cache and no network: what is not in the tarball cannot arrive.
  must(
    "npm",
    ["install", "--offline", "--cache", join(user, "cache"), "--loglevel=error", "--no-audit", tarball],
    user,
  );
  installed = join(user, "node_modules", NAME);
}, NPM_TIMEOUT_MS);

afterAll(() => {
  for (const folder of [checkout, user]) rmSync(folder, { recursive: true, force: true });
});

describe("the package", () => {
  test("holds the build, the schemas, the docs and the runtime packages, and nothing else", () => {
    const own = filesBelow(installed).filter((path) => !path.startsWith("node_modules/"));
    const unexpected = own.filter(
      (path) =>
        !/^(dist\/.+\.(js|js\.map|d\.ts)|schema\/.+\.json|report\/.+\.(js|css|html)|docs\/.+\.(md|svg|png|txt))$/.test(
          path,
        ) && !["LICENSE", "README.md", "package.json"].includes(path),
    );
    expect(unexpected).toEqual([]);
    expect(own).toContain("LICENSE");
    expect(own.filter((path) => path.startsWith("report/"))).toEqual(
      readdirSync(join(ROOT, "report"))
        .filter((name) => name !== "tsconfig.json")
        .map((name) => `report/${name}`)
        .toSorted(),
    );
    const brought = readdirSync(join(installed, "node_modules")).filter((name) => !name.startsWith("."));
    expect(brought.sort()).toEqual(RUNTIME_PACKAGES);
  });

  test("has a script, its types and its map for every source file", () => {
    const expected = filesBelow(join(ROOT, "src"))
      .map((path) => path.replace(/\.ts$/, ""))
      .flatMap((path) => [`${path}.d.ts`, `${path}.js`, `${path}.js.map`]);
    expect(filesBelow(join(installed, "dist"))).toEqual(expected.sort());
  });

  test("has maps that bring their source along instead of pointing at a file that is not there", () => {
    for (const path of filesBelow(join(installed, "dist")).filter((name) => name.endsWith(".map"))) {
      const map = JSON.parse(readFileSync(join(installed, "dist", path), "utf8"));
      expect(map.sourceRoot ?? "", path).toBe("");
      expect(map.sourcesContent, path).toHaveLength(map.sources.length);
      for (const source of map.sources) expect(source, path).toMatch(/^(\.\.\/)+(src|.*node_modules)\//);
    }
  });

  test("imports nothing that it does not bring", () => {
    for (const path of filesBelow(join(installed, "dist")).filter((name) => name.endsWith(".js"))) {
      const { imports } = new Bun.Transpiler({ loader: "js" }).scan(
        readFileSync(join(installed, "dist", path), "utf8"),
      );
      const foreign = imports
        .map((found) => found.path)
        .filter((name) => !name.startsWith(".") && !isBuiltin(name) && !RUNTIME_PACKAGES.includes(name));
      expect(foreign, path).toEqual([]);
    }
  });

  test("gives the host one file to load behind its door, and a fault in it names file and line of the source", () => {
    const { imports } = new Bun.Transpiler({ loader: "js" }).scan(
      readFileSync(join(installed, "dist", "compose.js"), "utf8"),
    );
    // Telemetry is loaded with the first span, and by nobody who does not want it.
    const later = { path: "./telemetry/otlp.js", kind: "dynamic-import" } as const;
    expect(imports.filter(({ path }) => !isBuiltin(path))).toEqual([later]);
    const otlp = readFileSync(join(installed, "dist", "telemetry", "otlp.js"), "utf8");
    const packages = new Bun.Transpiler({ loader: "js" }).scan(otlp).imports;
    expect(packages.map((found) => found.path).filter((name) => !isBuiltin(name))).toEqual([]);

    const fail = `const { compose } = await import("./node_modules/${NAME}/dist/compose.js"); await compose(null).catch((fault) => console.log(fault.stack))`;
    const { output } = run(join(ROOT, "node_modules", ".bin", "bun"), ["--eval", fail], user);
    expect(output).toMatch(/at compose \(.*src\/compose\.ts:\d+:\d+\)/);
  });

  test("is clean for publint", () => {
    const { status, output } = run(
      join(ROOT, "node_modules", ".bin", "publint"),
      ["run", tarball, "--strict"],
      user,
    );
    expect(output).toContain("All good!");
    expect(status).toBe(0);
  });

  for (const [runtime, flag] of [
    ["node", ["--input-type=module", "--eval"]],
    [join(ROOT, "node_modules", ".bin", "bun"), ["--eval"]],
  ] as const) {
    const called = runtime === "node" ? "Node" : "Bun";

    test(`loads as a library under ${called}`, () => {
      const { status, output } = run(runtime, [...flag, `await import("${NAME}")`], user);
      expect(output).toBe("");
      expect(status).toBe(0);
    });

    test(`has a door for OpenCode that exports its default and nothing else, under ${called}`, () => {
      const ask = `const door = await import("${NAME}/server"); console.log(JSON.stringify([Object.keys(door), Object.keys(door.default).sort(), door.default.id, typeof door.default.server]))`;
      const { output } = run(runtime, [...flag, ask], user);
      expect(JSON.parse(output)).toEqual([["default"], ["id", "server"], NAME, "function"]);
    });
  }

  test("has types that a strict program can use", () => {
    writeFileSync(
      join(user, "program.ts"),
      `import * as flotilla from "${NAME}";\n\n// @ts-expect-error The package's types are known, so a name that it has not is an error.\nflotilla.noSuchExport;\n`,
    );
    const { output, status } = run(
      join(ROOT, "node_modules", ".bin", "tsc"),
      [
        "--noEmit",
        "--strict",
        "--target",
        "es2023",
        "--module",
        "nodenext",
        "--typeRoots",
        join(ROOT, "node_modules", "@types"),
        "--types",
        "node",
        "program.ts",
      ],
      user,
    );
    expect(output).toBe("");
    expect(status).toBe(0);
  });

  test("brings the command flotilla, which runs under Node", () => {
    const command = join(user, "node_modules", ".bin", "flotilla");
    expect(readFileSync(command, "utf8")).toStartWith("#!/usr/bin/env node\n");
    const { status, output } = run(command, ["--help"], user);
    expect(output).toContain("flotilla");
    expect(status).toBe(0);
  });

  test("stays small enough to start fast", () => {
    // zod with its locales is 1.1 MB of it, OpenTelemetry with its map 0.3; a jump means that something came along by mistake.
    expect(statSync(tarball).size).toBeLessThan(3_500_000);
  });
});

describe("the lock file", () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
    packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>;
  };

  test("names no place that the packages came from", () => {
    expect(Object.keys(packages).filter((path) => packages[path]?.resolved !== undefined)).toEqual([]);
  });

  test("knows the binaries of every platform, so that npm ci works on each", () => {
    const missing = Object.values(packages)
      .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
      .filter((name) => packages[`node_modules/${name}`] === undefined);
    expect(missing).toEqual([]);
  });
});

/** Runs a program to its end; a failure of it is a failure of the test, with what it said. */
function must(program: string, args: readonly string[], cwd: string): string {
  const { status, output } = run(program, args, cwd);
  if (status !== 0) throw new Error(`${program} ${args.join(" ")} ended with code ${status}:\n${output}`);
  return output;
}

function run(program: string, args: readonly string[], cwd: string) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: "utf8" });
  return { status, output: `${stdout}${stderr}` };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}
