/** How long what a run has left can be read (contract, storage). */
export const ARCHIVE_KEPT_MS: number = 7 * 24 * 60 * 60 * 1_000;
