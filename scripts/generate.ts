/**
 * Writes every file that is made from the source: `bun scripts/generate.ts`. With `--check` it writes nothing and ends with
 * 1 if a file differs from what would be written. A new page is one more entry in {@link PAGES}.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { commandPage } from "./pages/command.ts";
import { configurationPage } from "./pages/configuration.ts";
import { errorsPage } from "./pages/errors.ts";
import { lifecyclePage } from "./pages/lifecycle.ts";
import { recoveryPage } from "./pages/recovery.ts";
import {
  configSchemaPage,
  participantStatusSchemaPage,
  teamSchemaPage,
  teamStatusSchemaPage,
} from "./pages/schemas.ts";
import { toolsPage } from "./pages/tools.ts";

export interface Page {
  /** From the root of the project. */
  readonly path: string;
  render(): string;
}

export const PAGES: readonly Page[] = [
  configSchemaPage,
  teamSchemaPage,
  teamStatusSchemaPage,
  participantStatusSchemaPage,
  configurationPage,
  commandPage,
  errorsPage,
  lifecyclePage,
  recoveryPage,
  toolsPage,
];

/** Paths of the pages below `root` that are not what they would be if they were written now. */
export function stalePages(root: string): readonly string[] {
  return PAGES.filter(({ path, render }) => {
    const file = join(root, path);
    return !existsSync(file) || readFileSync(file, "utf8") !== render();
  }).map(({ path }) => path);
}

export function writePages(root: string): readonly string[] {
  const stale = stalePages(root);
  for (const { path, render } of PAGES.filter((page) => stale.includes(page.path))) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), render());
  }
  return stale;
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  if (process.argv.includes("--check")) {
    const stale = stalePages(root);
    for (const path of stale) console.error(`${path} is out of date. Run: npm run generate`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const path of writePages(root)) console.log(`wrote ${path}`);
  }
}
