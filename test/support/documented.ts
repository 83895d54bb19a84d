import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT_ROOT } from "./host-ground.ts";

/** The n-th block of that language on a page of docs/, exactly as it stands there. */
export function documented(page: string, language: string, n = 0): string {
  const text = readFileSync(join(PROJECT_ROOT, "docs", page), "utf8");
  const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === language);
  const block = blocks[n]?.[2];
  if (block === undefined) throw new Error(`docs/${page} has no ${language} block ${n}`);
  return block;
}
