import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type ConfigReading, readConfig } from "../../src/config/config.ts";
import { sayConfigProblem } from "../../src/config/problem.ts";
import type { TeamModeOptions } from "../../src/options.ts";
import { scratch } from "../support/scratch.ts";

/** A home with a work tree in it; nothing of the developer's own environment. */
export interface ConfigGround extends AsyncDisposable {
  readonly path: string;
  readonly env: Record<string, string>;
  /** Absolute, of a path from the scratch directory. */
  at(path: string): string;
  write(path: string, content: string | object): void;
  /** As a plugin instance of `work/<directory>` would read it. */
  read(from?: {
    readonly directory?: string;
    readonly worktree?: string;
    readonly plugin?: unknown;
  }): ConfigReading;
  options(from?: Parameters<ConfigGround["read"]>[0]): TeamModeOptions;
  /** Each with the scratch directory's path cut off. */
  problems(from?: Parameters<ConfigGround["read"]>[0]): readonly string[];
}

export async function configGround(): Promise<ConfigGround> {
  const folder = await scratch("config");
  const env: Record<string, string> = { HOME: folder.at("home") };
  mkdirSync(folder.at("work"), { recursive: true });
  const ground: ConfigGround = {
    path: folder.path,
    env,
    at: (path) => join(folder.path, path),
    write: (path, content) => {
      const file = folder.at(path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
    },
    read: ({ directory = "work", worktree = "work", plugin } = {}) =>
      readConfig({ directory: folder.at(directory), worktree: join(folder.path, worktree), env }, plugin),
    options: (from) => {
      const reading = ground.read(from);
      if ("options" in reading) return reading.options;
      throw new Error(reading.problems.map(sayConfigProblem).join("\n"));
    },
    problems: (from) => {
      const reading = ground.read(from);
      if ("options" in reading) return [];
      return reading.problems.map((problem) => sayConfigProblem(problem).replaceAll(`${folder.path}/`, ""));
    },
    [Symbol.asyncDispose]: folder.remove,
  };
  return ground;
}
