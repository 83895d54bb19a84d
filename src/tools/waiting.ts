import { WAIT_FOR, type WaitFor } from "../app/verbs.ts";
import { choice, integer } from "./argument.ts";
import type { Argument } from "./reading.ts";

/** The longest wait of one call, and what is waited when nothing else is said: mail ends it early, a second call costs a turn. */
export const LONGEST_WAIT_MS = 60_000;

export function waitFor(description: string): Argument<WaitFor> {
  return choice(
    Object.fromEntries(WAIT_FOR.map((word) => [word, true])) as Record<WaitFor, true>,
    description,
  );
}

export function timeoutMs(description?: string): Argument<number> {
  return integer({ min: 0, max: LONGEST_WAIT_MS }, description);
}
