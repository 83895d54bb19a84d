import { error, type Finding, fine, warning } from "./finding.ts";
import type { Setup } from "./setup.ts";

/** Whether team_mode is on, what is wrong with it, and where everything that was set comes from. */
export function checkConfiguration({ config, entries }: Setup): readonly Finding[] {
  const { options, problems, settings } = config;
  const origins = settings.map(({ key, value, place }) =>
    fine("configuration", `${key}${value === undefined ? "" : ` = ${value}`}  (${place})`),
  );
  if (!options) {
    return [
      ...problems.map((problem) =>
        error(
          "configuration",
          problem,
          "Correct this place and restart OpenCode. Until then team_mode is off.",
        ),
      ),
      ...origins,
    ];
  }
  if (options.enabled) return [fine("configuration", "team_mode is on"), ...origins];
  const on =
    'Call flotilla init, or set "team_mode": { "enabled": true } in opencode.json; then restart OpenCode.';
  const text = `team_mode is off: ${settings.length === 0 ? "nothing was set" : "enabled is not true"}`;
  // Without a plugin entry nobody expects it to be on; that finding says what is missing first.
  return [entries.length > 0 ? warning("configuration", text, on) : fine("configuration", text), ...origins];
}
