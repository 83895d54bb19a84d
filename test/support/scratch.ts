import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory of its own that disappears with its owner: `await using folder = await scratch("mail")`. */
export interface Scratch extends AsyncDisposable {
  /** Absolute and free of symbolic links, because the host compares directories by their real path. */
  readonly path: string;
  /** The path of something inside. */
  at(...names: readonly string[]): string;
  remove(): Promise<void>;
}

export async function scratch(topic = "scratch"): Promise<Scratch> {
  const path = await realpath(await mkdtemp(join(tmpdir(), `flotilla-${topic}-`)));
  // A process that was just killed may still close a file in there: a few tries instead of a flaky clean-up.
  const remove = (): Promise<void> =>
    rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  return { path, at: (...names) => join(path, ...names), remove, [Symbol.asyncDispose]: remove };
}
