import { join } from "node:path";
import type { ExportNote } from "../core/trace/export-note.ts";
import { namesIn, textOf } from "./files.ts";
import { type Finding, fine, warning } from "./finding.ts";
import type { Setup } from "./setup.ts";
import { counted } from "./table.ts";
import type { World } from "./world.ts";

/** Whether all headers of an export can be sent from here, where it is on. */
export function checkHeaders(world: World, { config }: Setup): readonly Finding[] {
  const { enabled = false, headers = {} } = config.options?.telemetry ?? {};
  if (!enabled) return [];
  return world
    .unsentHeaders(headers)
    .map(({ header, variable }) =>
      warning(
        "telemetry",
        `header ${header} is not sent: ${variable} is not set`,
        `Set ${variable} where OpenCode is started, or take the header out of telemetry.headers.`,
      ),
    );
}

/** How the export of traces stands, by what each run's owner has noted. Says nothing where none was exported. */
export function checkExports(world: World, baseDir: string): readonly Finding[] {
  return ["runs", "archive"].flatMap((place) =>
    namesIn(join(baseDir, place)).flatMap((runId) => {
      const text = textOf(join(baseDir, place, runId, "telemetry.json"));
      const note = text === undefined ? undefined : world.readExportNote(text);
      return note ? [checkRun(world, runId, note)] : [];
    }),
  );
}

function checkRun(world: World, runId: string, { exported, rejected, lastFault }: ExportNote): Finding {
  const taken = `run ${runId}: ${counted(exported, "span")} exported`;
  if (!lastFault) return fine("telemetry", taken);
  const { code, message, at } = lastFault;
  return warning(
    "telemetry",
    `${taken}, ${counted(rejected, "request")} not taken, the last one ${world.age(at)} ago: ${code === undefined ? "" : `${code} `}${message}`,
    "Look at telemetry.endpoint and telemetry.headers, and whether the collector runs. What was not taken is sent again while OpenCode runs, and when it is started within seven days.",
  );
}
