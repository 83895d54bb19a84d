import { type Path, type Problem, sayProblem } from "../records/problem.ts";
import type { JsoncText, Position } from "./jsonc.ts";

/** Where something in the configuration comes from. */
export interface Origin {
  /** A file's path, `OPENCODE_CONFIG_CONTENT`, `plugin options` or `default`. */
  readonly source: string;
  /** Absent where there is no text to point into. */
  readonly position?: Position;
}

/** One reason why the configuration cannot be used. */
export interface ConfigProblem extends Origin {
  /** From the top of the file, e.g. `team_mode.max_members`. */
  readonly path: Path;
  /** What is wrong, what was received and what is allowed, without the place. */
  readonly text: string;
}

/** `~/opencode.jsonc:4:20`. */
export function sayOrigin({ source, position }: Origin): string {
  return position === undefined ? source : `${source}:${position.line}:${position.column}`;
}

/** One line: place, key, what was received, what is allowed. */
export function sayConfigProblem(problem: ConfigProblem): string {
  return `${sayOrigin(problem)}: ${problem.text}`;
}

/** A problem with its place in the text that it was found in. */
export function located(problem: Problem, source: string, text: JsoncText | undefined): ConfigProblem {
  const position = problem.atKey ? text?.keyAt(problem.path) : text?.valueAt(problem.path);
  return {
    source,
    ...(position === undefined ? {} : { position }),
    path: problem.path,
    text: sayProblem(problem),
  };
}

/** As one reads the text, from the top. */
export function inOrder<Place extends Origin>(problems: readonly Place[]): readonly Place[] {
  return problems.toSorted((one, other) => {
    const lines = (one.position?.line ?? 0) - (other.position?.line ?? 0);
    return lines === 0 ? (one.position?.column ?? 0) - (other.position?.column ?? 0) : lines;
  });
}
