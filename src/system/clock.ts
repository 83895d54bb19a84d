import type { Clock } from "../ports.ts";

/** A timer of the host that is set for longer than this, about 24 days, rings at once. */
const LONGEST_MS = 2_147_483_647;

/** The machine's clock. Its timers never keep a process alive: what waits for them lives in the host's process. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, ring) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (left: number): void => {
      const now = Math.min(left, LONGEST_MS);
      timer = setTimeout(() => (left > now ? wait(left - now) : ring()), now);
      timer.unref();
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};
