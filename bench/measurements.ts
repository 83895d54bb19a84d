import { measureCharacters } from "./characters.ts";
import { measureDelivery } from "./delivery.ts";
import { measureDeltas } from "./deltas.ts";
import { measureFinishedRuns } from "./finished-runs.ts";
import { measureMail } from "./mail.ts";
import { measureRival } from "./rival.ts";
import type { Section } from "./section.ts";
import { measureStart } from "./start.ts";
import { measureStatus } from "./status.ts";
import { measureTasks } from "./tasks.ts";

/** Everything that is measured, by the name that `--only` takes, in the order of the page. */
export const MEASUREMENTS: Readonly<Record<string, () => Promise<Section>>> = {
  start: measureStart,
  deltas: measureDeltas,
  delivery: measureDelivery,
  rival: measureRival,
  finished: measureFinishedRuns,
  mail: measureMail,
  tasks: measureTasks,
  status: measureStatus,
  characters: measureCharacters,
};
