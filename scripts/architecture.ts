/**
 * Who may import whom in src/, as one table, and the names that no file may have.
 *
 * It is a program of ours because no linter says it: Biome's import rule matches the text of a specifier and knows
 * neither where `../x.ts` leads from a deeper folder nor that only types may cross a border. What Biome can say (the
 * purity of core/, default exports, file names in kebab case) is in biome.json. test/architecture.test.ts breaks each
 * rule on purpose.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix, relative, sep } from "node:path";

/** One file: its path from the root of the project, with `/`, and its text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/**
 * What a part of src/ may import besides itself. Parts are folders (`core`) or files (`ports.ts`) directly in src/;
 * packages are the first part of a specifier (`zod`, `@opencode-ai`), and `node:` is every module of Node.
 */
interface Row {
  readonly values: readonly string[];
  /** Additionally allowed, if it is written `import type`: what is needed to talk about a thing, not the thing. */
  readonly types: readonly string[];
  readonly packages: readonly string[];
  readonly typePackages: readonly string[];
}

const ADAPTER: Row = {
  values: ["core", "records", "ports.ts", "errors.ts"],
  types: [],
  packages: ["node:", "jsonc-parser", "zod"],
  typePackages: [],
};

const SURFACE: Row = {
  values: ["app", "errors.ts", "options.ts"],
  types: ["core"],
  packages: ["zod"],
  typePackages: ["@opencode-ai"],
};

const EVERYTHING: Row = {
  values: ["*"],
  types: [],
  packages: ["node:", "jsonc-parser", "zod"],
  typePackages: [],
};

/** The table of docs/architecture.md. A part without a row is refused, so that a new folder is a decision. */
const TABLE: Readonly<Record<string, Row>> = {
  core: { values: [], types: [], packages: [], typePackages: [] },
  "errors.ts": { values: [], types: ["core"], packages: [], typePackages: [] },
  "ports.ts": { values: [], types: ["core"], packages: [], typePackages: [] },
  "registry.ts": { values: [], types: [], packages: [], typePackages: [] },
  "options.ts": { values: ["errors.ts"], types: ["core"], packages: ["zod"], typePackages: [] },
  records: { values: [], types: ["core"], packages: ["zod"], typePackages: [] },
  app: { values: ["core", "ports.ts", "errors.ts"], types: [], packages: [], typePackages: [] },

  config: { ...ADAPTER, values: [...ADAPTER.values, "options.ts"] },
  git: ADAPTER,
  opencode: { ...ADAPTER, typePackages: ["@opencode-ai"] },
  storage: ADAPTER,
  system: ADAPTER,
  telemetry: {
    ...ADAPTER,
    packages: [...ADAPTER.packages, "@opentelemetry"],
    typePackages: ["@opentelemetry"],
  },
  tmux: ADAPTER,

  tools: SURFACE,
  hooks: SURFACE,
  cli: { ...SURFACE, packages: ["node:", "jsonc-parser", "zod"], typePackages: [] },

  "compose.ts": { ...EVERYTHING, typePackages: ["@opencode-ai"] },
  "index.ts": EVERYTHING,
  "plugin.ts": { ...EVERYTHING, typePackages: ["@opencode-ai"] },
  "cli/main.ts": EVERYTHING,
};

/** Names that say nothing about what is inside. */
const EMPTY_NAMES = /^(utils?|helpers?|common|managers?|handlers?|info|data)$/;

/** Everything that is wrong with the given files, one line each: where, what, and what would be right. */
export function check(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [
    ...emptyNames(file),
    ...unfinished(file),
    ...(file.path.startsWith("src/") ? [...forbiddenImports(file), ...extraExports(file)] : []),
  ]);
}

/** The project's own sources below `root`. */
export function readTree(root: string): SourceFile[] {
  return ["src", "test", "scripts", "bench", "demo"]
    .map((folder) => join(root, folder))
    .filter((folder) => existsSync(folder))
    .flatMap(filesBelow)
    .filter((path) => /\.(ts|mjs)$/.test(path))
    .map((path) => ({
      path: relative(root, path).split(sep).join("/"),
      text: readFileSync(path, "utf8"),
    }));
}

function emptyNames({ path }: SourceFile): string[] {
  return path
    .split(/[/.-]/)
    .filter((word) => EMPTY_NAMES.test(word))
    .map((word) => `${path}: "${word}" says nothing about what is inside; name what it does`);
}

/** The brackets keep this line from finding itself. */
function unfinished({ path, text }: SourceFile): string[] {
  return [...text.matchAll(/\b(TO[D]O|FIX[M]E)\b/g)].map(
    ({ index }) => `${path}:${lineAt(text, index)}: do it, or write the weakness down for its reader`,
  );
}

/** OpenCode calls every export of a module that it does not recognise, and rejects the plugin for one it cannot call. */
function extraExports({ path, text }: SourceFile): string[] {
  if (path !== "src/plugin.ts") return [];
  return [...text.matchAll(/^export\s+(?!default\b).*/gm)].map(
    ({ index }) => `${path}:${lineAt(text, index)}: the plugin's door exports its default and nothing else`,
  );
}

function forbiddenImports(file: SourceFile): string[] {
  const part = partOf(file.path);
  const row = TABLE[part];
  if (row === undefined)
    return [`${file.path}: "${part}" has no row in the table of scripts/architecture.ts`];
  return importsOf(file.text).flatMap(({ specifier, typeOnly, line }) => {
    if (isAllowed(file.path, row, specifier, typeOnly)) return [];
    const found = `${typeOnly ? "import type" : "import"} "${specifier}"`;
    return [`${file.path}:${line}: ${part} may not ${found}; it may import ${describe(part, row)}`];
  });
}

function isAllowed(path: string, row: Row, specifier: string | undefined, typeOnly: boolean): boolean {
  if (specifier === undefined) return false;
  if (!specifier.startsWith(".")) {
    const name = specifier.startsWith("node:") ? "node:" : (specifier.split("/")[0] ?? specifier);
    return row.packages.includes(name) || (typeOnly && row.typePackages.includes(name));
  }
  const target = posix.join(posix.dirname(path), specifier);
  if (!target.startsWith("src/")) return false;
  const part = partOf(target);
  if (part === partOf(path) || row.values.includes("*") || row.values.includes(part)) return true;
  return typeOnly && row.types.includes(part);
}

/** The folder or file directly in src/ that a path belongs to. The command's door is a part of its own. */
function partOf(path: string): string {
  if (path === "src/cli/main.ts") return "cli/main.ts";
  return path.split("/")[1] ?? path;
}

interface Import {
  /** Absent where the name is computed: what cannot be read cannot be allowed. */
  readonly specifier: string | undefined;
  readonly typeOnly: boolean;
  readonly line: number;
}

/**
 * Statements are found at the start of a line, where the formatter puts them, so comments and strings do not look
 * like them. `import { type A }` counts as a value: with verbatimModuleSyntax it still loads the module.
 */
function importsOf(text: string): Import[] {
  const statements =
    /^(?:import|export)(\s+type\b(?!\s*from\b|\s*,))?(?:[^'";]*?\bfrom)?\s*["']([^"']+)["']/gm;
  const found = [...text.matchAll(statements)].map(
    (match): Import => ({
      specifier: match[2],
      typeOnly: match[1] !== undefined,
      line: lineAt(text, match.index),
    }),
  );
  const calls = /\b(?:import|require)\(\s*(?:["'`]([^"'`$]+)["'`]\s*[,)])?/g;
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    if (/^\s*(\/\/|\/?\*)/.test(line)) continue;
    for (const match of line.matchAll(calls)) {
      found.push({ specifier: match[1], typeOnly: false, line: index + 1 });
    }
  }
  return found;
}

function describe(part: string, row: Row): string {
  const types = [...row.types, ...row.typePackages].map((name) => `types of ${name}`);
  return [part, ...row.values, ...row.packages, ...types].join(", ");
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

if (import.meta.main) {
  const wrong = check(readTree(join(import.meta.dirname, "..")));
  for (const line of wrong) console.error(line);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
