import { checkBaseFolder } from "./check-base-folder.ts";
import { checkConfiguration } from "./check-configuration.ts";
import { checkPlugin } from "./check-plugin.ts";
import { checkPrograms } from "./check-programs.ts";
import { checkRuns } from "./check-runs.ts";
import { checkWorktrees } from "./check-worktrees.ts";
import { exitCodeOf, type Finding, sayFindings, warning } from "./finding.ts";
import { readSetup } from "./setup.ts";
import { counted } from "./table.ts";
import type { Outcome, Screen, World } from "./world.ts";

/**
 * What is set up here, what is wrong with it and what to do about it. Looks only: nothing is created, no mode is
 * changed, no lock is taken and no program that would is started.
 */
export async function doctor(world: World, screen: Screen, json: boolean): Promise<Outcome> {
  const findings = await examine(world);
  const code = exitCodeOf(findings);
  if (json)
    return { text: JSON.stringify({ version: world.version, exitCode: code, findings }, null, 2), code };
  const lines = [
    `opencode-flotilla ${world.version}`,
    ...sayFindings(findings, screen),
    "",
    verdict(findings),
  ];
  return { text: lines.join("\n"), code };
}

async function examine(world: World): Promise<readonly Finding[]> {
  const setup = readSetup(world);
  const baseDir = setup.config.options?.base_dir;
  return [
    ...checkConfiguration(setup),
    ...checkPlugin(world, setup),
    ...checkPrograms(world, setup),
    ...(baseDir === undefined
      ? [warning("base_dir", "not looked at: the configuration does not say where", "Correct it first.")]
      : [
          ...(await checkBaseFolder(world, baseDir)),
          ...(await checkRuns(world, baseDir)),
          ...checkWorktrees(baseDir),
        ]),
  ];
}

function verdict(findings: readonly Finding[]): string {
  const count = (level: Finding["level"]): number => findings.filter((one) => one.level === level).length;
  const [errors, warnings] = [count("error"), count("warning")];
  if (errors + warnings === 0) return "All is well.";
  return `${counted(errors, "error")}, ${counted(warnings, "warning")}.`;
}
