import { FlotillaError } from "../errors.ts";
import { error, type Finding, fine, warning } from "./finding.ts";
import { counted } from "./table.ts";
import type { RunView, World } from "./world.ts";

/** Whether each run can be read, and whether somebody moves it. */
export async function checkRuns(world: World, baseDir: string): Promise<readonly Finding[]> {
  const runs = world.openRuns(baseDir);
  const found = await orFault("the runs", async () => {
    const findings: Finding[] = [];
    for (const runId of await runs.list()) {
      findings.push(...(await orFault(`run ${runId}`, async () => checkRun(await runs.read(runId)))));
    }
    return findings;
  });
  return found.length === 0 ? [fine("runs", "no live runs")] : found;
}

function checkRun({ state, owner, unreadable }: RunView): readonly Finding[] {
  const { runId, team, status, lead, members } = state;
  const what = `${team.name} (${runId}), ${status}, ${counted(Object.keys(members).length, "member")}`;
  const todo = `Start OpenCode in ${lead.directory}: it takes the run over and goes on.`;
  const broken = unreadable.map(({ path, fault }) =>
    warning("runs", `${path} cannot be read: ${fault}`, "Keep it for a look; OpenCode sets it aside."),
  );
  if (owner?.alive) return [fine("runs", `${what}, owned by process ${owner.pid}`), ...broken];
  if (owner) {
    const text = `${what}, orphaned: its owner, process ${owner.pid}, is gone`;
    return [warning("runs", text, todo), ...broken];
  }
  return [fine("runs", `${what}, at rest: no OpenCode has it open. ${todo}`), ...broken];
}

/** What was found, or why nothing could be. A run that was archived since the list was made is nobody's concern. */
async function orFault(what: string, look: () => Promise<readonly Finding[]>): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (fault) {
    if (!(fault instanceof FlotillaError)) throw fault;
    return fault.code === "run_not_found" ? [] : [error("runs", `${what}: ${fault.message}`, fault.hint)];
  }
}
