import { checkBaseFolder } from "./check-base-folder.ts";
import { checkConfiguration } from "./check-configuration.ts";
import { checkPanes } from "./check-panes.ts";
import { checkPlugin } from "./check-plugin.ts";
import { checkPrograms } from "./check-programs.ts";
import { checkRuns } from "./check-runs.ts";
import { checkSubagents } from "./check-subagents.ts";
import { checkExports, checkHeaders } from "./check-telemetry.ts";
import { checkWorktrees } from "./check-worktrees.ts";
import { type Command, command, JSON_OPTION } from "./command.ts";
import { exitCodeOf, type Finding, sayFindings, warning } from "./finding.ts";
import { readSetup } from "./setup.ts";
import { counted } from "./table.ts";
import type { World } from "./world.ts";

/**
 * What is set up here, what is wrong with it and what to do about it. Looks only: nothing is created, no mode is
 * changed, no lock is taken and no program that would is started.
 */
export const doctor: Command = command({
  name: "doctor",
  does: "what is set up here, what is wrong and what to do about it",
  about: [
    "Looks at the configuration that holds in this directory, at what loads the plugin, at the programs that it needs, at the folder of the runs and at the runs in it. What is not fine stands with what to do about it.",
    "It only looks: nothing is created or changed, and no program is started.",
  ],
  words: [],
  options: JSON_OPTION,
  examples: [
    { line: "flotilla doctor", does: "after installing, and whenever something does not work" },
    { line: "flotilla doctor --json", does: "for a program; exitCode and findings" },
  ],
  exitCodes: { 0: "all is well", 1: "there are warnings", 2: "there are errors" },
  async start(world, { screen, options }) {
    const findings = await examine(world);
    const code = exitCodeOf(findings);
    if (options.json) {
      return { text: JSON.stringify({ version: world.version, exitCode: code, findings }, null, 2), code };
    }
    const lines = [
      `opencode-flotilla ${world.version}`,
      ...sayFindings(findings, screen),
      "",
      verdict(findings),
    ];
    return { text: lines.join("\n"), code };
  },
});

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
          ...(await checkSubagents(world, baseDir)),
          ...checkHeaders(world, setup),
          ...checkExports(world, baseDir),
          ...(await checkPanes(world, setup, baseDir)),
        ]),
  ];
}

function verdict(findings: readonly Finding[]): string {
  const count = (level: Finding["level"]): number => findings.filter((one) => one.level === level).length;
  const [errors, warnings] = [count("error"), count("warning")];
  if (errors + warnings === 0) return "All is well.";
  return `${counted(errors, "error")}, ${counted(warnings, "warning")}.`;
}
