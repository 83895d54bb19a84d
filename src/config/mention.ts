import { configFiles, type Standpoint } from "./places.ts";
import { readText } from "./read-text.ts";

/** The key of ours in the host's files. */
export const SECTION = "team_mode";

/** Whether a text speaks of us; what does not can neither set nor break anything. */
export function mentions(text: string): boolean {
  return text.includes(SECTION);
}

/**
 * Whether anything says a word about us. If nothing does, flotilla is off by default, and this look at some twenty file
 * names is all that it costs: no parser, no schema, nothing else of ours is loaded (measured: 1 ms instead of 100).
 *
 * @param pluginOptions whatever they are they have to be understood, so any count.
 */
export function isMentioned(at: Standpoint, pluginOptions: unknown): boolean {
  if (pluginOptions !== undefined && pluginOptions !== null) return true;
  if (mentions(at.env["OPENCODE_CONFIG_CONTENT"] ?? "")) return true;
  return configFiles(at).some((path) => {
    const reading = readText(path);
    return reading.kind === "unreadable" || (reading.kind === "text" && mentions(reading.text));
  });
}
