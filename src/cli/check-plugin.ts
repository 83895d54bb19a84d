import { existsSync } from "node:fs";
import { error, type Finding, fine, warning } from "./finding.ts";
import type { PluginEntry } from "./plugin-entries.ts";
import type { Setup } from "./setup.ts";
import { counted } from "./table.ts";
import type { World } from "./world.ts";

/** Whether the host loads the plugin here, once, and from something that exists. */
export function checkPlugin({ env }: World, { entries, config }: Setup): readonly Finding[] {
  const findings = [...(entries.length === 0 ? [absent(config.options?.enabled)] : entries.map(checkEntry))];
  if (new Set(entries.map(identityOf)).size > 1) {
    const text = `${counted(entries.length, "place")} load it: the host runs each as a plugin of its own`;
    findings.push(warning("plugin", text, "Keep one of them."));
  }
  const pure = env["OPENCODE_PURE"];
  if (pure === "1" || pure?.toLowerCase() === "true") {
    findings.push(
      warning("plugin", "OPENCODE_PURE is set: OpenCode loads no plugins", "Unset it to use teams."),
    );
  }
  return findings;
}

function absent(enabled: boolean | undefined): Finding {
  const todo = 'Call flotilla init, or add "plugin": ["opencode-flotilla"] to opencode.json.';
  const text = "no configuration that holds here loads opencode-flotilla";
  return enabled ? error("plugin", text, todo) : warning("plugin", text, todo);
}

function checkEntry({ path, spec, place }: PluginEntry): Finding {
  if (path !== undefined && !existsSync(path)) {
    return error("plugin", `${place}: ${path} does not exist`, "Correct the path, or remove the entry.");
  }
  return fine("plugin", spec === place ? spec : `${spec}  (${place})`);
}

/** The host tells packages apart by their name, anything else by its path. */
function identityOf({ spec, path }: PluginEntry): string {
  return path ?? spec.replace(/(?<=.)[@#].*$/, "");
}
