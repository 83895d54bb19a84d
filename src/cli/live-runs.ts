import { sep } from "node:path";
import type { RunId } from "../core/ids.ts";
import type { RunState } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import { readSetup } from "./setup.ts";
import type { RunView, UnreadableFile, World } from "./world.ts";

/** The runs that lie in the base folder, and how a person names one of them. */

export function baseDirOf(world: World): string {
  const { options, problems } = readSetup(world).config;
  if (options) return options.base_dir;
  throw new FlotillaError({
    code: "config_invalid",
    message: `the configuration does not say where the runs are:\n${problems.join("\n")}`,
    hint: "Correct it, then call again.",
  });
}

export interface AllRuns {
  /** Oldest first. */
  readonly views: readonly RunView[];
  readonly unreadable: readonly UnreadableFile[];
}

export async function readRuns(world: World, baseDir: string): Promise<AllRuns> {
  const runs = world.openRuns(baseDir);
  const { found: views, unreadable } = await readEach(await runs.list(), (runId) => runs.read(runId));
  return {
    views: views.toSorted((one, other) => one.state.createdAt - other.state.createdAt),
    unreadable: [...views.flatMap((view) => view.unreadable), ...unreadable],
  };
}

/** Those that are over and still kept, oldest first. There may be a thousand: only what is committed of each. */
export async function readArchive(world: World, baseDir: string): Promise<readonly RunState[]> {
  const runs = world.openRuns(baseDir);
  const { found } = await readEach(await runs.archived(), (runId) => runs.readState(runId));
  return found.toSorted((one, other) => one.createdAt - other.createdAt);
}

async function readEach<T>(
  ids: readonly RunId[],
  read: (runId: RunId) => Promise<T>,
): Promise<{ readonly found: readonly T[]; readonly unreadable: readonly UnreadableFile[] }> {
  const found: T[] = [];
  const unreadable: UnreadableFile[] = [];
  for (const runId of ids) {
    try {
      found.push(await read(runId));
    } catch (fault) {
      unreadable.push(...unreadableRun(runId, fault));
    }
  }
  return { found, unreadable };
}

/** A run that was archived since the list was made is over. */
function unreadableRun(runId: RunId, fault: unknown): readonly UnreadableFile[] {
  if (!(fault instanceof FlotillaError)) throw fault;
  if (fault.code === "run_not_found") return [];
  const { path = runId, fault: reason = fault.message } = fault.details;
  return [{ path: String(path), fault: String(reason) }];
}

/** By id, the beginning of one, the team's name or the label: all that fit. */
export function runsCalled(views: readonly RunView[], wanted: string): readonly RunView[] {
  const found = views.filter(({ state }) => isCalled(wanted, state));
  if (found.length > 0) return found;
  throw new FlotillaError({
    code: "run_not_found",
    message: `no live run is called "${wanted}"; live are: ${named(views)}`,
    hint: "Name a run by its id, the beginning of its id, its team or its label.",
    details: { wanted },
  });
}

/** The one run that is meant: by that name, or, without one, the only run of the project in which the caller stands. */
export function theRun({ project }: World, views: readonly RunView[], wanted: string | undefined): RunView {
  const found =
    wanted === undefined ? views.filter(({ state }) => isLedIn(project, state)) : runsCalled(views, wanted);
  const [only, ...others] = found;
  if (only && others.length === 0) return only;
  const what = wanted === undefined ? `are led from ${project}` : `are called "${wanted}"`;
  throw new FlotillaError({
    code: "run_not_found",
    message: only
      ? `${found.length} live runs ${what}: ${named(found)}`
      : `no live run is led from ${project}; live are: ${named(views)}`,
    hint: "Name one run by its id or the beginning of its id.",
  });
}

/** All that are meant: by that name, or, without one, those of the project in which the caller stands. */
export function runsMeant(
  world: World,
  views: readonly RunView[],
  wanted: string | undefined,
): readonly RunView[] {
  const here = views.filter(({ state }) => isLedIn(world.project, state));
  return wanted === undefined && here.length > 0 ? here : [theRun(world, views, wanted)];
}

export function isCalled(wanted: string, { runId, team, label }: RunState): boolean {
  return runId.startsWith(wanted) || team.name === wanted || label === wanted;
}

export function isLedIn(project: string, { lead }: RunState): boolean {
  return lead.directory === project || lead.directory.startsWith(`${project}${sep}`);
}

/** One to read of: a live one by that name or led from here; if there is none, the last that is over. */
export async function anyRun(world: World, baseDir: string, wanted: string | undefined): Promise<RunId> {
  const { views } = await readRuns(world, baseDir);
  const isMeant = (state: RunState): boolean =>
    wanted === undefined ? isLedIn(world.project, state) : isCalled(wanted, state);
  if (!views.some(({ state }) => isMeant(state))) {
    const last = (await readArchive(world, baseDir)).findLast(isMeant);
    if (last) return last.runId;
  }
  return theRun(world, views, wanted).state.runId;
}

function named(views: readonly RunView[]): string {
  return views.map(({ state }) => `${state.team.name} (${state.runId})`).join(", ") || "none";
}
