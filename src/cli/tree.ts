import type { Stats } from "node:fs";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { orNothing } from "./files.ts";

/** One file or folder below the base folder. */
export interface Entry {
  readonly path: string;
  /** The last part of the path. */
  readonly name: string;
  readonly stats: Stats;
}

/** What was found, and which folders could not be looked into. */
export interface Tree {
  readonly entries: readonly Entry[];
  readonly closed: readonly string[];
}

/** The folder and everything below it; links are seen and not followed. Nothing if there is no such folder. */
export function treeOf(root: string): Tree {
  const entries: Entry[] = [];
  const closed: string[] = [];
  const open: { readonly path: string; readonly name: string }[] = [{ path: root, name: root }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { path, name } = next;
    // Runs go on while they are looked at: what is gone by now was moved, not lost.
    const stats = orNothing(() => lstatSync(path));
    if (!stats) continue;
    entries.push({ path, name, stats });
    if (!stats.isDirectory()) continue;
    const names = orNothing(() => readdirSync(path));
    if (names) open.push(...names.map((inside) => ({ path: join(path, inside), name: inside })));
    else closed.push(path);
  }
  return { entries, closed };
}
