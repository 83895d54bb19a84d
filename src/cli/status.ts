import type { RunId } from "../core/ids.ts";
import { FlotillaError } from "../errors.ts";
import { reportRun } from "./report-run.ts";
import { sayRun } from "./say-run.ts";
import { readSetup } from "./setup.ts";
import { plain } from "./table.ts";
import type { Outcome, RunView, Screen, UnreadableFile, World } from "./world.ts";

/** The live runs, or the one that is meant, as they lie on disk: no lock is taken and no process is asked. */
export async function status(
  world: World,
  screen: Screen,
  { run, json }: { readonly run: string | undefined; readonly json: boolean },
): Promise<Outcome> {
  const baseDir = baseDirOf(world);
  const { views, unreadable } = await readAll(world, baseDir);
  const chosen = run === undefined ? views : choose(views, run);
  if (json) {
    const text = JSON.stringify({ baseDir, runs: chosen.map(reportRun), unreadable }, null, 2);
    return { text, code: 0 };
  }
  const blocks = chosen.length === 0 ? [`No live runs in ${baseDir}.`] : [];
  blocks.push(...chosen.map((view) => sayRun(world, screen, view)));
  const broken = unreadable.map(({ path, fault }) => plain(`Not readable: ${path}: ${fault}`));
  if (broken.length > 0) blocks.push(broken.join("\n"));
  return { text: blocks.join("\n\n"), code: 0 };
}

function baseDirOf(world: World): string {
  const { options, problems } = readSetup(world).config;
  if (options) return options.base_dir;
  throw new FlotillaError({
    code: "config_invalid",
    message: `the configuration does not say where the runs are:\n${problems.join("\n")}`,
    hint: "Correct it, then call again.",
  });
}

interface AllRuns {
  /** Oldest first. */
  readonly views: readonly RunView[];
  readonly unreadable: readonly UnreadableFile[];
}

async function readAll(world: World, baseDir: string): Promise<AllRuns> {
  const runs = world.openRuns(baseDir);
  const views: RunView[] = [];
  const unreadable: UnreadableFile[] = [];
  for (const runId of await runs.list()) {
    try {
      const view = await runs.read(runId);
      views.push(view);
      unreadable.push(...view.unreadable);
    } catch (fault) {
      unreadable.push(...unreadableRun(runId, fault));
    }
  }
  return { views: views.toSorted((one, other) => one.state.createdAt - other.state.createdAt), unreadable };
}

/** A run that was archived since the list was made is over. */
function unreadableRun(runId: RunId, fault: unknown): readonly UnreadableFile[] {
  if (!(fault instanceof FlotillaError)) throw fault;
  if (fault.code === "run_not_found") return [];
  const { path = runId, fault: reason = fault.message } = fault.details;
  return [{ path: String(path), fault: String(reason) }];
}

/** By id, the beginning of one, the team's name or the label. */
function choose(views: readonly RunView[], wanted: string): readonly RunView[] {
  const found = views.filter(
    ({ state: { runId, team, label } }) =>
      runId.startsWith(wanted) || team.name === wanted || label === wanted,
  );
  if (found.length > 0) return found;
  const known = views.map(({ state }) => `${state.team.name} (${state.runId})`).join(", ");
  throw new FlotillaError({
    code: "run_not_found",
    message: `no live run is called "${wanted}"; live are: ${known || "none"}`,
    hint: "Name a run by its id, the beginning of its id, its team or its label.",
    details: { wanted },
  });
}
