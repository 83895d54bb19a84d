import { describe, expect, test } from "bun:test";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "jsonc-parser";
import { COMMANDS } from "../src/cli/commands.ts";
import { teamModeSchema } from "../src/options.ts";
import { sayProblem } from "../src/records/problem.ts";
import { parseTeam } from "../src/records/spec.ts";
import { PROJECT_ROOT } from "./support/host-ground.ts";

const PAGES = ["README.md", "AGENTS.md", "docs/**/*.md", "bench/*.md", "skills/**/*.md"]
  .flatMap((pattern) => globSync(pattern, { cwd: PROJECT_ROOT }))
  .sort()
  .map((path) => ({ path, text: readFileSync(join(PROJECT_ROOT, path), "utf8") }));

/** What each page says that this finds and that is not so. */
function untrue(wrongOn: (page: { path: string; text: string }) => readonly string[]): readonly string[] {
  return PAGES.flatMap((page) => wrongOn(page).map((wrong) => `${page.path}: ${wrong}`));
}

/** A heading as a link names it. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}

function anchors(file: string): readonly string[] {
  return [...readFileSync(file, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchor(heading ?? ""));
}

function prose(text: string): string {
  return text.replaceAll(/^```.*?^```$/gms, "");
}

/** What a page shows to be put into a file; a part of a file is shown without its braces. */
function examples(text: string): readonly Record<string, unknown>[] {
  return [...text.matchAll(/^```jsonc?\n(.*?)^```$/gms)].map(([, block = ""]) =>
    parse(block.trim().replace(/^(?!\{|\/\/).*/s, (part) => `{${part}}`)),
  );
}

describe("what the pages say", () => {
  test("links lead to files and headings that are there", () => {
    const wrong = untrue(({ path, text }) =>
      [...prose(text).matchAll(/\]\((?!\w+:)([^)#]*)(?:#([^)]+))?\)/g)].flatMap(
        ([, target = "", heading]) => {
          const file = target === "" ? path : join(dirname(path), target);
          const absolute = join(PROJECT_ROOT, file);
          if (!existsSync(absolute)) return [file];
          return heading === undefined || anchors(absolute).includes(heading) ? [] : [`${file}#${heading}`];
        },
      ),
    );
    expect(wrong).toEqual([]);
  });

  test("commands of flotilla exist", () => {
    const names = [...COMMANDS.map(({ name }) => name), "help"];
    const wrong = untrue(({ text }) =>
      [...text.matchAll(/(?:^|[`$] ?|npx )(?:opencode-)?flotilla ([a-z]+)/gm)]
        .map(([, name = ""]) => name)
        .filter((name) => !names.includes(name)),
    );
    expect(wrong).toEqual([]);
  });

  test("npm scripts exist", () => {
    const { scripts } = JSON.parse(readFileSync(join(PROJECT_ROOT, "package.json"), "utf8"));
    const wrong = untrue(({ text }) =>
      [...text.matchAll(/\bnpm run ([\w:-]+)/g)]
        .map(([, name = ""]) => name)
        .filter((name) => !(name in scripts)),
    );
    expect(wrong).toEqual([]);
  });

  test("settings and teams to copy are accepted as they stand", () => {
    const wrong = untrue(({ text }) =>
      examples(text).flatMap(({ team_mode, inline_spec, ...rest }) => {
        if (team_mode !== undefined) {
          const read = teamModeSchema.safeParse(team_mode);
          return read.success ? [] : [read.error.message];
        }
        if (inline_spec === undefined && !("members" in rest)) return [];
        const read = parseTeam(inline_spec ?? rest, "example");
        return read.ok ? [] : read.problems.map(sayProblem);
      }),
    );
    expect(wrong).toEqual([]);
  });
});
