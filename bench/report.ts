import { join } from "node:path";
import type { Section } from "./section.ts";

/** Where the page is. */
export const PAGE: string = join(import.meta.dir, "README.md");

export interface Provenance {
  readonly machine: string;
  readonly commit: string;
  readonly measuredAt: Date;
}

/** bench/README.md. */
export function renderReport(
  sections: readonly Section[],
  { machine, commit, measuredAt }: Provenance,
): string {
  return `${[
    "# What flotilla costs",
    "Written by `npm run bench`; changes by hand are lost. Each number stands beside the one of the bare host from the same run on the same machine, because only their ratio means anything elsewhere. Medians are compared; the brackets say what this run can tell apart from chance (bootstrap, 95 %): where those of a ratio span 1.000, no difference was found.",
    `Commit ${commit}, ${measuredAt.toISOString().slice(0, 10)}. ${machine}.`,
    ...sections.map(renderSection),
  ].join("\n\n")}\n`;
}

export function renderSection({ title, method, header, lines, notes }: Section): string {
  const rows = [header, header.map((_, at) => (at === 0 ? "---" : "---:")), ...lines];
  return [
    `## ${title}`,
    method,
    rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n"),
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join("\n")]),
  ].join("\n\n");
}
