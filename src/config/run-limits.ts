import type { Limits } from "../core/run.ts";
import { limitsIn, runLimitsSchema } from "../options.ts";
import { problemsOf, sayProblem } from "../records/problem.ts";

/** Limits of a run by their keys in the configuration, or everything that is wrong with them, one line each. */
export function readRunLimits(
  values: Readonly<Record<string, unknown>>,
): { readonly limits: Partial<Limits> } | { readonly problems: readonly string[] } {
  const result = runLimitsSchema.safeParse(values);
  if (result.success) return { limits: limitsIn(result.data) };
  return { problems: problemsOf(runLimitsSchema, values, result.error).map(sayProblem) };
}
