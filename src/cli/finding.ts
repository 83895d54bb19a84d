import { type Paint, paint } from "./paint.ts";
import { plain } from "./table.ts";
import type { Screen } from "./world.ts";

/** One thing that was looked at. What is not fine says what to do about it. */
export type Finding = {
  readonly area: Area;
  readonly text: string;
} & ({ readonly level: "ok" } | { readonly level: "warning" | "error"; readonly todo: string });

/** In the order in which they are shown. */
const AREAS = {
  configuration: "Configuration",
  plugin: "Plugin",
  programs: "Programs",
  base_dir: "Run folder",
  runs: "Runs",
  subagents: "Subagents",
  telemetry: "Telemetry",
} as const;

export type Area = keyof typeof AREAS;

/** 0: all is well; 1: something deserves a look; 2: something does not work. */
export function exitCodeOf(findings: readonly Finding[]): number {
  if (findings.some(({ level }) => level === "error")) return 2;
  return findings.some(({ level }) => level === "warning") ? 1 : 0;
}

/** For people: what is not fine stands out, and under it what to do. */
export function sayFindings(findings: readonly Finding[], screen: Screen): readonly string[] {
  return Object.entries(AREAS).flatMap(([area, title]) => {
    const own = findings.filter((finding) => finding.area === area);
    return own.length === 0 ? [] : ["", title, ...own.flatMap((finding) => lines(finding, screen))];
  });
}

const COLOURS: Readonly<Record<Finding["level"], Paint>> = { ok: "green", warning: "yellow", error: "red" };

function lines(finding: Finding, screen: Screen): readonly string[] {
  const { level } = finding;
  const shown = paint(screen, COLOURS[level], level.padEnd("warning".length));
  const first = `  ${shown}  ${plain(finding.text)}`;
  return finding.level === "ok" ? [first] : [first, `           -> ${plain(finding.todo)}`];
}

export function fine(area: Area, text: string): Finding {
  return { area, level: "ok", text };
}

export function warning(area: Area, text: string, todo: string): Finding {
  return { area, level: "warning", text, todo };
}

export function error(area: Area, text: string, todo: string): Finding {
  return { area, level: "error", text, todo };
}
