import { watch } from "node:fs";

/**
 * How often a watcher looks without having been told: some file systems tell nothing, and nobody tells of a death. Short
 * beside the 5 s in which a dead owner's run has to be taken over.
 */
const LOOK_MS = 1_000;

/**
 * Calls `changed` when something in the folder is created, replaced or removed, and every second besides.
 *
 * @param isNoise names of which nobody needs to be told; none without it.
 */
export function watchFolder(
  path: string,
  changed: () => void,
  isNoise: (name: string) => boolean = () => false,
): () => void {
  const timer = setInterval(changed, LOOK_MS);
  timer.unref();
  const watcher = openWatcher(path, changed, isNoise);
  return () => {
    clearInterval(timer);
    watcher?.close();
  };
}

/** Undefined where the system cannot watch: the timer does without. */
function openWatcher(
  path: string,
  changed: () => void,
  isNoise: (name: string) => boolean,
): ReturnType<typeof watch> | undefined {
  try {
    const watcher = watch(path, { persistent: false }, (_, name) => {
      if (isNews(name, isNoise)) changed();
    });
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}

/**
 * Whether a change is worth telling.
 *
 * @param name not always known: then Node says null and Bun undefined, and what throws on it ends the host.
 */
export function isNews(name: unknown, isNoise: (name: string) => boolean): boolean {
  return typeof name !== "string" || !isNoise(name);
}
