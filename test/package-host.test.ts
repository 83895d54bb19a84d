import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openBench } from "./support/bench.ts";
import { makeCheckout } from "./support/checkout.ts";
import { toolNames } from "./support/model-request.ts";

/** As plugin options, so that the same line works for a path and for a package. */
const ON = { team_mode: { enabled: true } };

// Packing takes seconds, and a host that installs a package takes some more.
const INSTALL_TIMEOUT_MS = 120_000;

let checkout = "";
let packed = "";
let tarball = "";

beforeAll(() => {
  checkout = makeCheckout(["docs", "report", "schema", "scripts", "src"]);
  packed = mkdtempSync(join(tmpdir(), "flotilla-packed-"));
  const { status, stderr } = spawnSync(
    "npm",
    ["pack", "--ignore-scripts=false", "--loglevel=error", "--pack-destination", packed],
    { cwd: checkout, encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`npm pack ended with code ${status}: ${stderr}`);
  tarball = join(packed, readdirSync(packed).find((name) => name.endsWith(".tgz")) ?? "no tarball");
}, INSTALL_TIMEOUT_MS);

afterAll(() => {
  for (const folder of [checkout, packed]) rmSync(folder, { recursive: true, force: true });
});

describe("a real OpenCode offers the team tools", () => {
  for (const { title, spec } of [
    { title: "from the tarball", spec: () => `opencode-flotilla@file:${tarball}` },
    { title: "from the folder of the package", spec: () => checkout },
    { title: "from its source file", spec: () => join(checkout, "src", "plugin.ts") },
  ]) {
    test(
      title,
      async () => {
        await using bench = await openBench({ plugin: [spec(), ON] });
        const session = await bench.host.session();
        await bench.host.prompt(session.id, "Hello");
        const [request] = bench.model.requestsOf(session.id);
        expect(request && toolNames(request).filter((name) => name.startsWith("team_"))).toEqual([
          "team_create",
          "team_list",
        ]);
      },
      INSTALL_TIMEOUT_MS,
    );
  }

  test("and does not while it is off", async () => {
    await using bench = await openBench({ plugin: [checkout, {}] });
    const session = await bench.host.session();
    await bench.host.prompt(session.id, "Hello");
    const [request] = bench.model.requestsOf(session.id);
    expect(request && toolNames(request).filter((name) => name.startsWith("team_"))).toEqual([]);
  });
});
