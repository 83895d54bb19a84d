/** The version that this program writes. A record of an older one is brought up to it here, before it is checked. */
const VERSION = 1;

/** The record in today's form, or why it cannot be had. */
export function migrate(
  record: Readonly<Record<string, unknown>>,
): { readonly record: Readonly<Record<string, unknown>> } | { readonly fault: string } {
  const { version } = record as { readonly version?: unknown };
  if (version === VERSION) return { record };
  if (typeof version === "number" && version > VERSION) {
    return {
      fault: `version: ${version} was written by a newer opencode-flotilla; this one reads up to ${VERSION}`,
    };
  }
  return { fault: `version: expected ${VERSION}, received ${JSON.stringify(version)}` };
}
