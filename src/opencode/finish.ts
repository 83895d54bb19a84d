/** By the host's own rule: with these its loop takes another step by itself, after any other only for a newer prompt. */
const GOES_ON_BY_ITSELF: ReadonlySet<string> = new Set(["tool-calls", "unknown"]);

/** Whether the host takes another step after one that has finished so. */
export function goesOnByItself(finish: string): boolean {
  return GOES_ON_BY_ITSELF.has(finish);
}
