import type { ModelChoice } from "../core/run.ts";

/** Splits `provider/model` at the first slash: model ids may have slashes of their own. */
export function parseModel(text: string, variant?: string): ModelChoice | undefined {
  const slash = text.indexOf("/");
  const providerId = text.slice(0, slash).trim();
  const modelId = text.slice(slash + 1).trim();
  if (slash <= 0 || providerId === "" || modelId === "") return undefined;
  return { providerId, modelId, ...(variant === undefined ? {} : { variant }) };
}
