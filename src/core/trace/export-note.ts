import type { Instant } from "../ids.ts";

/** `telemetry.json`: how the export of a run stands. */
export interface ExportNote {
  readonly version: 1;
  /** The spans of every line up to this one are exported. */
  readonly revision: number;
  readonly index: number;
  readonly exported: number;
  /** The run is over, and all of it is exported. */
  readonly isComplete?: true;
  /** Requests that the collector did not take. */
  readonly rejected: number;
  readonly lastFault?: { readonly code?: number; readonly message: string; readonly at: Instant };
}
