import { FlotillaError } from "../errors.ts";

/** What happens below the storage's promises and concerns a reader of the log, not the caller. */
export type StorageReport =
  /** A file could not be understood and lies elsewhere now; nothing else was stopped by it. */
  | { readonly kind: "set_aside"; readonly path: string; readonly movedTo: string; readonly reason: string }
  /** The file system refuses to sync: what is written there survives our crash, but not that of the machine. */
  | { readonly kind: "unsynced"; readonly path: string; readonly reason: string };

/** The code of an error of the file system, `ENOENT`, `EEXIST`, …; undefined for any other error. */
function errnoOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: "The disk is full: free some space, then repeat the call.",
  EDQUOT: "The disk quota is used up: free some space, then repeat the call.",
  EACCES: "Check who owns base_dir and its modes; flotilla doctor shows them.",
  EPERM: "Check who owns base_dir and its modes; flotilla doctor shows them.",
  EROFS: "base_dir lies on a read-only file system: set team_mode.base_dir to a writable one.",
};

const LINK_HINT =
  "base_dir must lie on a file system with hard links: set team_mode.base_dir to a local disk.";

/** The one translation of what the file system says. Anything that is no error of it passes as it is. */
export function storageFault(error: unknown, deed: string, path: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  // Locks and messages are created by hard links, the one way in which a file appears whole and for one creator only.
  const hint = deed === "link" ? LINK_HINT : HINTS[errno];
  return new FlotillaError({
    code: "storage_failed",
    message: `could not ${deed} ${path}: ${errno}`,
    hint: hint ?? "Run flotilla doctor to check base_dir.",
    details: { errno, path },
    cause: error,
  });
}

/** Whether it is a fault of the file system with one of these codes. */
export function isFault(error: unknown, ...errnos: readonly string[]): boolean {
  if (!(error instanceof FlotillaError) || error.code !== "storage_failed") return false;
  return errnos.includes(String(error.details["errno"]));
}

export function unreadable(path: string, fault: string, cause?: unknown): FlotillaError {
  return new FlotillaError({
    code: "record_unreadable",
    message: `${path} cannot be read as a record: ${fault}`,
    hint: "Keep the file for a look at it; flotilla doctor lists such files.",
    details: { path, fault },
    ...(cause === undefined ? {} : { cause }),
  });
}

export function runNotFound(runId: string, cause?: unknown): FlotillaError {
  return new FlotillaError({
    code: "run_not_found",
    message: `no run ${runId} is stored`,
    hint: "Call team_list to see the live runs.",
    details: { runId },
    ...(cause === undefined ? {} : { cause }),
  });
}
