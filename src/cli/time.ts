import type { Instant } from "../core/ids.ts";

/** The time of day where the caller is, `14:03:07`. */
export function timeOfDay(at: Instant): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
}

/** The day where the caller is, `2026-03-01`. */
export function dayOf(at: Instant): string {
  const date = new Date(at);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join("-");
}

function twoDigits(number: number): string {
  return String(number).padStart(2, "0");
}
