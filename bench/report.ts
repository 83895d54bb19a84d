import { join } from "node:path";
import type { Section } from "./section.ts";

/** Where the page is. */
export const PAGE: string = join(import.meta.dir, "README.md");

export interface Provenance {
  readonly machine: string;
  readonly commit: string;
  readonly measuredAt: Date;
}

const HEAD = `# What flotilla costs

Written by \`npm run bench\`; changes by hand are lost. Each number stands beside the one of the bare host from the same run on the same machine, because only their ratio means anything elsewhere. Medians are compared; the brackets say what this run can tell apart from chance (bootstrap, 95 %): where those of a ratio span 1.000, no difference was found. Each part says when and from which commit it was measured.`;

const PART = "\n\n## ";

/** bench/README.md with these sections in place of their former ones; the others stay as they were measured. */
export function renderReport(page: string, sections: readonly Section[], provenance: Provenance): string {
  const parts = new Map(
    page
      .trimEnd()
      .split(PART)
      .slice(1)
      .map((part) => [part.split("\n", 1)[0], part]),
  );
  for (const section of sections)
    parts.set(section.title, renderSection(section, provenance).slice("## ".length));
  return `${[HEAD, ...parts.values()].join(PART)}\n`;
}

export function renderSection(
  { title, method, header, lines, notes }: Section,
  { machine, commit, measuredAt }: Provenance,
): string {
  const rows = [header, header.map((_, at) => (at === 0 ? "---" : "---:")), ...lines];
  return [
    `## ${title}`,
    method,
    rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n"),
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join("\n")]),
    `Commit ${commit}, ${measuredAt.toISOString().slice(0, 10)}. ${machine}.`,
  ].join("\n\n");
}
