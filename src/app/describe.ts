import { FlotillaError } from "../errors.ts";

/** A fault in one line. */
export function describe(fault: unknown): string {
  if (fault instanceof FlotillaError) return `${fault.code}: ${fault.message}`;
  return fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault);
}
