import { dirname } from "node:path";
import { type TeamModeOptions, teamModeSchema } from "../options.ts";
import {
  type Path,
  type Problem,
  problemsOf,
  sayPath,
  sayValue,
  unknownKey,
  valueAt,
} from "../records/problem.ts";
import { type JsoncText, readJsonc } from "./jsonc.ts";
import { mentions, SECTION } from "./mention.ts";
import { configFiles, defaultBaseDir, expandPath, type Standpoint } from "./places.ts";
import { type ConfigProblem, inOrder, located, type Origin } from "./problem.ts";
import { readText } from "./read-text.ts";
import { resolveReferences } from "./references.ts";

/** The configuration, or everything that is wrong with it; then the feature stays off. */
export type ConfigReading = {
  /**
   * Where each value that was set comes from, by its path below `team_mode`: `max_members`, `telemetry.endpoint`,
   * `categories.docs`. What is not here has its default.
   */
  readonly origins: ReadonlyMap<string, Origin>;
} & ({ readonly options: TeamModeOptions } | { readonly problems: readonly ConfigProblem[] });

const PLUGIN_OPTIONS = "plugin options";

/** Zod compiles a schema for speed when it parses first, which a start that parses once only waits for. */
const ONE_OFF = { jitless: true };

/** Keys that are objects and merge entry by entry; every other value replaces the earlier one as a whole. */
const MERGED: ReadonlySet<string> = new Set(["telemetry", "categories", "agent_eligibility"]);

/**
 * Reads `team_mode` from everywhere (`places.ts`), key by key, later wins; `OPENCODE_CONFIG_CONTENT` comes after all
 * files and the plugin's options last. Reads only, and never throws for what a user wrote.
 *
 * @param pluginOptions what the host passes as the second argument of a plugin: `{ team_mode: {…} }` or nothing.
 */
export function readConfig(at: Standpoint, pluginOptions?: unknown): ConfigReading {
  const layers = [...fileLayers(at), ...contentLayer(at), ...pluginLayer(at, pluginOptions)];
  const problems = layers.flatMap((layer) => layer.problems);
  const { values, origins } = merge(layers);
  if (problems.length > 0) return { problems, origins };
  // Each layer passed the same schema and no rule spans two keys that merge apart, so this cannot fail.
  const options = teamModeSchema.parse({ base_dir: defaultBaseDir(at.env), ...values }, ONE_OFF);
  return { options, origins };
}

/** What one source says. */
interface Layer {
  readonly source: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly text?: JsoncText;
  readonly problems: readonly ConfigProblem[];
}

function fileLayers(at: Standpoint): readonly Layer[] {
  return configFiles(at).flatMap((path) => {
    const reading = readText(path);
    if (reading.kind === "absent") return [];
    if (reading.kind === "text") return textLayer(path, reading.text, dirname(path), at);
    const text = `the file cannot be read (${reading.code}).`;
    return [{ source: path, values: {}, problems: [{ source: path, path: [], text }] }];
  });
}

function contentLayer(at: Standpoint): readonly Layer[] {
  const content = at.env["OPENCODE_CONFIG_CONTENT"];
  return content ? textLayer("OPENCODE_CONFIG_CONTENT", content, at.directory, at) : [];
}

/** A text that does not speak of us is the host's business alone, whatever is wrong with it. */
function textLayer(source: string, content: string, folder: string, at: Standpoint): readonly Layer[] {
  if (!mentions(content)) return [];
  const text = readJsonc(content);
  const faults = text.faults
    .filter(({ path }) => path.length === 0 || path[0] === SECTION)
    .map(({ at: position, path, message }): ConfigProblem => {
      const key = sayPath(path);
      return { source, position, path, text: `${key === "" ? "" : `${key}: `}${message}.` };
    });
  if (faults.some(({ path }) => path.length === 0)) return [{ source, values: {}, text, problems: faults }];
  const written = valueAt(text.value, [SECTION]);
  if (written === undefined) return [];
  const resolved = resolveReferences(written, { path: [SECTION], folder, env: at.env });
  const problems = [...resolved.problems, ...judge(resolved.value, written)];
  return [
    {
      source,
      values: settled(resolved.value, folder, at),
      text,
      problems: inOrder([...faults, ...problems.map((problem) => located(problem, source, text))]),
    },
  ];
}

/** The host has replaced references in these already, and says nothing of where they stand. */
function pluginLayer(at: Standpoint, options: unknown): readonly Layer[] {
  if (options === undefined || options === null) return [];
  if (typeof options !== "object" || Array.isArray(options)) {
    const text = `received ${sayValue(options)}. Allowed: an object {${SECTION}}.`;
    return [{ source: PLUGIN_OPTIONS, values: {}, problems: [{ source: PLUGIN_OPTIONS, path: [], text }] }];
  }
  const strangers = Object.keys(options).filter((key) => key !== SECTION);
  const written = valueAt(options, [SECTION]);
  const problems = [
    ...strangers.map((key) => unknownKey([key], [SECTION])),
    ...(written === undefined ? [] : judge(written, written).map(withoutReferences)),
  ];
  return [
    {
      source: PLUGIN_OPTIONS,
      values: settled(written, at.directory, at),
      problems: problems.map((problem) => located(problem, PLUGIN_OPTIONS, undefined)),
    },
  ];
}

/** What is wrong with one source's section. Errors show what was written, never what a reference stands for. */
function judge(value: unknown, written: unknown): readonly Problem[] {
  const result = teamModeSchema.safeParse(value, ONE_OFF);
  if (result.success) return [];
  return problemsOf(teamModeSchema, written, result.error).map((problem) => {
    const veiled = isSecret(problem.path) ? withoutValue(problem) : problem;
    return { ...veiled, path: [SECTION, ...problem.path] };
  });
}

function isSecret([first, second]: Path): boolean {
  return first === "telemetry" && (second === "headers" || second === "endpoint");
}

function withoutValue(problem: Problem): Problem {
  if (problem.received === undefined || problem.atKey) return problem;
  return { ...problem, message: "received a value that is not shown here", received: "a value" };
}

/** In the plugin's options a reference arrives as what it stands for: a header cannot be told from a secret. */
function withoutReferences(problem: Problem): Problem {
  if (problem.path[2] !== "headers") return problem;
  const elsewhere = `under ${SECTION} in opencode.json, because the host replaces references in plugin options`;
  return { ...problem, allowed: `${problem.allowed}, ${elsewhere}` };
}

/** The section with its paths made absolute; nothing if it is no object. */
function settled(value: unknown, folder: string, at: Standpoint): Layer["values"] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const base = valueAt(value, ["base_dir"]);
  if (typeof base !== "string" || base === "") return { ...value };
  return { ...value, base_dir: expandPath(base, folder, at.env) };
}

function merge(layers: readonly Layer[]): {
  readonly values: Readonly<Record<string, unknown>>;
  readonly origins: ReadonlyMap<string, Origin>;
} {
  const values = new Map<string, unknown>();
  const origins = new Map<string, Origin>();
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer.values)) {
      const entries = MERGED.has(key) ? entriesOf(value) : undefined;
      values.set(key, entries ? { ...entriesOf(values.get(key)), ...entries } : value);
      const paths = entries ? Object.keys(entries).map((entry) => [key, entry]) : [[key]];
      for (const path of paths) origins.set(sayPath(path), originOf(layer, path));
    }
  }
  return { values: Object.fromEntries(values), origins };
}

function originOf({ source, text }: Layer, path: Path): Origin {
  return text === undefined ? { source } : { source, position: text.keyAt([SECTION, ...path]) };
}

function entriesOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value as Readonly<Record<string, unknown>>;
}
