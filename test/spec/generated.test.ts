import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PAGES, stalePages, writePages } from "../../scripts/generate.ts";
import { REFUSAL_CODES } from "../../src/core/refusal.ts";
import { FAULT_CODES } from "../../src/errors.ts";

const ROOT = join(import.meta.dir, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "flotilla-pages-"));
afterAll(() => rmSync(folder, { recursive: true }));

function render(path: string): string {
  return PAGES.find((page) => page.path === path)?.render() ?? "";
}

describe("generated files", () => {
  test("are what the source makes of them", () => {
    expect(stalePages(ROOT)).toEqual([]);
  });

  test("are found out of date when they are missing or differ, and are written anew", () => {
    const paths = PAGES.map(({ path }) => path);
    expect(stalePages(folder)).toEqual(paths);
    expect(writePages(folder)).toEqual(paths);
    expect(stalePages(folder)).toEqual([]);
    writeFileSync(join(folder, "docs/errors.md"), "old");
    expect(stalePages(folder)).toEqual(["docs/errors.md"]);
    expect(writePages(folder)).toEqual(["docs/errors.md"]);
    expect(readFileSync(join(folder, "docs/errors.md"), "utf8")).toBe(render("docs/errors.md"));
  });

  test("are compared by the command with --check", () => {
    const check = spawnSync(process.execPath, ["scripts/generate.ts", "--check"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect({ code: check.status, said: check.stderr }).toEqual({ code: 0, said: "" });
  });

  test("name every error code with its meaning", () => {
    const text = render("docs/errors.md");
    for (const [code, meaning] of [...Object.entries(REFUSAL_CODES), ...Object.entries(FAULT_CODES)]) {
      expect(text).toContain(`| \`${code}\` | ${meaning} |`);
    }
  });

  test("show every machine with its promise and all of its cells", () => {
    const text = render("docs/lifecycle.md");
    expect(text.match(/^## .+$/gm)).toEqual([
      "## Run",
      "## Member",
      "## Shutdown of a member",
      "## Task",
      "## Delivery of a batch of messages",
      "## Who is woken by mail",
    ]);
    expect(text).toContain("One life of a team.\n\n    creating --every member has a session");
    expect(text).toContain("|  | `request` | `approve` | `reject` | `settle` |");
    expect(text).toContain("| **requested** | · | approved | none | · |");
  });
});
