import type { Worktrees } from "../../src/ports.ts";

/** For runs none of whose members has a worktree: what asks for one is in the wrong place. */
export const noWorktrees: Worktrees = {
  plan: unasked,
  make: unasked,
  holdings: unasked,
  remove: unasked,
};

async function unasked(): Promise<never> {
  throw new Error("no member of this run has a worktree");
}
