import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { FlotillaError } from "../errors.ts";
import type { ParsedTeam, Place, TeamFile, Teams } from "../ports.ts";
import { normalName } from "../records/names.ts";
import { type Problem, sayProblem } from "../records/problem.ts";
import { parseTeam, type TeamReading } from "../records/spec.ts";
import { NAME_PATTERN } from "../records/team-schema.ts";
import { type JsoncText, readJsonc } from "./jsonc.ts";
import { directoriesUp, type Standpoint, userFolder } from "./places.ts";
import { inOrder, located, sayConfigProblem } from "./problem.ts";
import { codeOf } from "./read-text.ts";

const FOLDER = "teams";
/** An inline team need not have a name of its own. */
const INLINE_NAME = "team";
/** Of two files of one name the first wins. */
const ENDINGS = [".jsonc", ".json"];

/** Team descriptions from calls and from files. */
export function openTeams(env: Standpoint["env"]): Teams {
  return {
    parse: parseInline,
    list: (place) => listTeams(place, env),
  };
}

function parseInline(written: unknown): ParsedTeam {
  const reading = parseTeam(written, INLINE_NAME);
  if (reading.ok) return { spec: reading.spec, source: "inline", notes: reading.notes };
  const { problems } = reading;
  throw new FlotillaError({
    code: "spec_invalid",
    message: problems.map(sayProblem).join("\n"),
    hint: `Correct ${problems.length === 1 ? "this" : `these ${problems.length} places`} and call again. Nothing was created.`,
    details: { problems },
  });
}

/**
 * Every team that the place can see, one a name, nearest first: `.opencode/teams` of the working directory, of its parents
 * up to the work tree's root, then the user's folder. A broken file hides a farther one of its name, too: to run another
 * team than the one that was written would be worse than an error.
 */
async function listTeams(place: Place, env: Standpoint["env"]): Promise<readonly TeamFile[]> {
  const folders: Folder[] = [
    ...directoriesUp(place).map((up): Folder => ({ source: "project", path: join(up, ".opencode", FOLDER) })),
    { source: "user", path: join(userFolder(env), FOLDER) },
  ];
  const files = (await Promise.all(folders.map(readFolder))).flat();
  const nearest = new Map<string, TeamFile>();
  for (const file of files) {
    if (!nearest.has(file.name)) nearest.set(file.name, file);
  }
  return [...nearest.values()];
}

interface Folder {
  readonly source: "project" | "user";
  readonly path: string;
}

async function readFolder(folder: Folder): Promise<readonly TeamFile[]> {
  const { source, path } = folder;
  try {
    const names = await readdir(path);
    const files = ENDINGS.flatMap((ending) => names.filter((name) => name.endsWith(ending)).sort());
    return await Promise.all(files.map((file) => readTeam(folder, file)));
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    return [{ name: path, source, path, error: `the folder cannot be read (${code})` }];
  }
}

async function readTeam({ source, path: folder }: Folder, file: string): Promise<TeamFile> {
  const path = join(folder, file);
  const name = normalName(stem(file));
  if (!NAME_PATTERN.test(name)) {
    return {
      name: stem(file),
      source,
      path,
      error: `${path}: the file's name is no team's name. ${NAME_RULE}`,
    };
  }
  try {
    const text = readJsonc(await readFile(path, "utf8"));
    const reading = text.faults.length === 0 ? parseTeam(text.value, name) : undefined;
    if (!reading?.ok) return { name, source, path, error: faultsOf(path, text, reading) };
    return { name, source, path, team: named(name, reading, source) };
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    return { name, source, path, error: `${path}: the file cannot be read (${code})` };
  }
}

const NAME_RULE = "Allowed: letters a-z, digits and hyphens, at most 64 characters, then .jsonc or .json.";

function faultsOf(path: string, text: JsoncText, reading: TeamReading | undefined): string {
  const faults = text.faults.map(({ at, message }) => `${path}:${at.line}:${at.column}: ${message}`);
  const problems: readonly Problem[] = reading === undefined || reading.ok ? [] : reading.problems;
  const places = inOrder(problems.map((problem) => located(problem, path, text)));
  return [...faults, ...places.map(sayConfigProblem)].join("\n");
}

/** The file's name is what the team is called by, so it is what it is called. */
function named(
  name: string,
  { spec, notes }: Extract<TeamReading, { ok: true }>,
  source: "project" | "user",
): ParsedTeam {
  if (spec.name === name) return { spec, source, notes };
  const note = `The file calls the team "${spec.name}"; it is known by the file's name, "${name}".`;
  return { spec: { ...spec, name }, source, notes: [...notes, note] };
}

function stem(file: string): string {
  return file.replace(/\.jsonc?$/, "");
}
