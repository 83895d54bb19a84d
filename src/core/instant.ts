import type { Instant } from "./ids.ts";

const MS_PER_DAY = 86_400_000;
/** Days in 400 years: the Gregorian calendar repeats after them, whatever the year. */
const DAYS_PER_CYCLE = 146_097;
/** Days from 0000-03-01, where a cycle starts, to 1970-01-01. */
const DAYS_TO_EPOCH = 719_468;

/**
 * An instant as `2026-03-01T09:05:07.042Z`. core/ has no clock and no calendar of the platform, so the calendar is
 * counted here: years start in March, which puts the leap day last, where it disturbs no month's offset.
 *
 * Right for the years 0 to 9999; fractions of a millisecond are cut off.
 */
export function isoTime(at: Instant): string {
  const days = Math.floor(at / MS_PER_DAY);
  const ms = Math.floor(at - days * MS_PER_DAY);
  const { year, month, day } = civilDate(days);
  const date = `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`;
  const seconds = Math.floor(ms / 1_000);
  const time = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part) => padded(part, 2))
    .join(":");
  return `${date}T${time}.${padded(ms % 1_000, 3)}Z`;
}

function civilDate(daysSinceEpoch: number): { year: number; month: number; day: number } {
  const days = daysSinceEpoch + DAYS_TO_EPOCH;
  const cycle = Math.floor(days / DAYS_PER_CYCLE);
  const dayOfCycle = days - cycle * DAYS_PER_CYCLE;
  // Leap days so far are taken out, so that every year of the cycle counts 365 days: one in 4 years (1460 days), none
  // at the end of a century (36524), again one at the end of the cycle (146096).
  const leapDays =
    Math.floor(dayOfCycle / 1_460) - Math.floor(dayOfCycle / 36_524) + Math.floor(dayOfCycle / 146_096);
  const yearOfCycle = Math.floor((dayOfCycle - leapDays) / 365);
  const dayOfYear =
    dayOfCycle - (365 * yearOfCycle + Math.floor(yearOfCycle / 4) - Math.floor(yearOfCycle / 100));
  // Months from March on repeat 31, 30, 31, 30, 31: 153 days in five months.
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  return { year: yearOfCycle + cycle * 400 + (month <= 2 ? 1 : 0), month, day };
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}
