import { join } from "node:path";
import type { ParticipantSurvey } from "../core/survey.ts";
import { namesIn, textOf } from "./files.ts";
import { type Finding, fine, warning } from "./finding.ts";
import type { Setup } from "./setup.ts";
import type { World } from "./world.ts";

/** Where members are to be shown in panes: whether they can be from here, and whether those of live runs are. */
export async function checkPanes(
  world: World,
  { config }: Setup,
  baseDir: string,
): Promise<readonly Finding[]> {
  if (config.options?.tmux_visualization !== true) return [];
  return [checkPlace(world), ...(await checkShown(world, baseDir))];
}

/** By the environment alone: asking tmux would start a program. */
function checkPlace({ env }: World): Finding {
  if (env["TMUX"])
    return fine("programs", "this is inside tmux: an OpenCode started here shows members in panes");
  const text =
    "tmux_visualization is on and this is not inside tmux: an OpenCode started here shows no panes";
  return warning("programs", text, "Start OpenCode inside tmux, or take the setting out.");
}

async function checkShown(world: World, baseDir: string): Promise<readonly Finding[]> {
  const findings = await Promise.all(
    namesIn(join(baseDir, "runs")).map(async (runId) => {
      const status = await world.readStatus(textOf(join(baseDir, "runs", runId, "status.json")) ?? "");
      // What a process has said of its panes is over with the process.
      return status?.alive ? status.survey.members.flatMap((member) => checkMember(runId, member)) : [];
    }),
  );
  return findings.flat();
}

/** A pane's id alone is a pane in which all is well. */
function checkMember(runId: string, { participant, pane }: ParticipantSurvey): readonly Finding[] {
  if (pane === undefined || /^%\d+$/.test(pane)) return [];
  const todo = "The team goes on without it. docs/panes.md says what helps.";
  return [warning("runs", `the pane of ${participant} in run ${runId}: ${pane}`, todo)];
}
