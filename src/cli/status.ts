import { baseDirOf, readRuns, runsCalled } from "./live-runs.ts";
import { reportRun } from "./report-run.ts";
import { sayRun } from "./say-run.ts";
import { plain } from "./table.ts";
import type { Outcome, Screen, World } from "./world.ts";

/** The live runs, or the one that is meant, as they lie on disk: no lock is taken and no process is asked. */
export async function status(
  world: World,
  screen: Screen,
  { run, json }: { readonly run: string | undefined; readonly json: boolean },
): Promise<Outcome> {
  const baseDir = baseDirOf(world);
  const { views, unreadable } = await readRuns(world, baseDir);
  const chosen = run === undefined ? views : runsCalled(views, run);
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
