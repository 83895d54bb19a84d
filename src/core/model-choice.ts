import type { ModelChoice } from "./run.ts";

/** A model that the host can use now, with the names of its variants. */
export interface ModelProfile {
  readonly providerId: string;
  readonly modelId: string;
  readonly variants: readonly string[];
}

/** A list in an error is read, not searched: a provider may have hundreds of models. */
const LISTED_MAX = 12;

/**
 * Why a model cannot be had, or nothing if it can. The host itself says so at the member's first prompt only, and of a
 * variant that it does not know it says nothing at all.
 */
export function modelFault(wanted: ModelChoice, models: readonly ModelProfile[]): string | undefined {
  const { providerId, modelId, variant } = wanted;
  const own = models.filter((model) => model.providerId === providerId);
  if (own.length === 0) {
    const providers = [...new Set(models.map((model) => model.providerId))];
    return `Model "${providerId}/${modelId}": there is no provider "${providerId}" here. Providers are: ${listed(providers)}.`;
  }
  const model = own.find((one) => one.modelId === modelId);
  if (!model) {
    const known = own.map((one) => one.modelId);
    return `Provider "${providerId}" has no model "${modelId}". Its models are: ${listed(known)}.`;
  }
  if (variant === undefined || model.variants.includes(variant)) return undefined;
  return `Model "${providerId}/${modelId}" has no variant "${variant}". Its variants are: ${listed(model.variants)}.`;
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const more = names.length - LISTED_MAX;
  return `${names.slice(0, LISTED_MAX).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
