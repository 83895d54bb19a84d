import { reportOf, type Sources } from "../core/report/build.ts";
import type { Report } from "../core/report/report.ts";
import type { TraceAbout } from "../core/trace/chronicle.ts";
import { spansOf } from "../core/trace/tree.ts";

/** A run as a page shows it, from what it has left behind. */
export function readReport(sources: Omit<Sources, "spans">, about: TraceAbout): Report {
  return reportOf({ ...sources, spans: spansOf(sources.journal, about) });
}
