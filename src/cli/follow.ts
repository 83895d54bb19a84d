import type { Terminal } from "./terminal.ts";
import type { World } from "./world.ts";

/** A timer's longest: some 24 days. */
const FOR_EVER_MS = 2 ** 31 - 1;

/** What a look has shown: where the next news will come from, and whether any will. */
export interface Look {
  readonly folders: readonly string[];
  readonly isLast?: boolean;
}

/**
 * Looks now, and again whenever something may have changed in one of the folders, one look after another. Ends with a look
 * that was the last, when the time is over, or when the person has had enough.
 */
export async function follow(
  { watch }: World,
  { stopped }: Terminal,
  look: () => Promise<Look>,
  forMs: number = FOR_EVER_MS,
): Promise<void> {
  const watches = new Map<string, () => void>();
  let isDue = false;
  let isOver = false;
  let wake = (): void => undefined;
  const changed = (): void => {
    isDue = true;
    wake();
  };
  // Watches do not keep the process alive; this does.
  const timer = setTimeout(() => {
    isOver = true;
    changed();
  }, forMs);
  stopped.addEventListener("abort", changed);
  try {
    while (!isOver && !stopped.aborted) {
      isDue = false;
      const { folders, isLast = false } = await look();
      if (isLast) return;
      renew(watches, folders, (folder) => watch(folder, changed));
      await new Promise<void>((resolve) => {
        wake = resolve;
        if (isDue) resolve();
      });
    }
  } finally {
    clearTimeout(timer);
    stopped.removeEventListener("abort", changed);
    renew(watches, [], () => changed);
  }
}

function renew(
  watches: Map<string, () => void>,
  folders: readonly string[],
  watch: (folder: string) => () => void,
): void {
  for (const [folder, end] of watches) {
    if (folders.includes(folder)) continue;
    end();
    watches.delete(folder);
  }
  for (const folder of folders) if (!watches.has(folder)) watches.set(folder, watch(folder));
}
