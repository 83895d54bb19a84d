import type { RunId, SessionId } from "../core/ids.ts";
import type { Ownership, SessionLeases } from "../ports.ts";
import type { Disk } from "./disk.ts";
import { isFault, runNotFound } from "./faults.ts";
import type { Layout } from "./layout.ts";
import type { Tenures } from "./tenures.ts";

/**
 * How far ahead the end of a lease lies. It takes nothing from a living holder, whose process alone decides; it tells
 * readers when the holder was last heard of. Fifteen renewals of one second may be missed.
 */
const LEASE_MS = 15_000;

/** The owner of a run is the process whose claim `owner.json` is (see `claims.ts`). */
export class DiskOwnership implements Ownership {
  readonly #tenures: Tenures;
  readonly #layout: Layout;

  constructor(tenures: Tenures, layout: Layout) {
    this.#tenures = tenures;
    this.#layout = layout;
  }

  /** Called by the owner, it renews the lease. */
  async take(runId: RunId): Promise<boolean> {
    try {
      return await this.#tenures.take(this.#layout.owner(runId), LEASE_MS);
    } catch (error) {
      throw isFault(error, "ENOENT") ? runNotFound(runId, error) : error;
    }
  }

  holds(runId: RunId): boolean {
    return this.#tenures.holds(this.#layout.owner(runId));
  }

  async release(runId: RunId): Promise<void> {
    await this.#tenures.release(this.#layout.owner(runId));
  }
}

/** The process whose claim `sessions/<sessionId>.lease` is runs that session's turns. */
export class DiskSessionLeases implements SessionLeases {
  readonly #tenures: Tenures;
  readonly #layout: Layout;
  readonly #disk: Disk;

  constructor(tenures: Tenures, layout: Layout, disk: Disk) {
    this.#tenures = tenures;
    this.#layout = layout;
    this.#disk = disk;
  }

  async take(runId: RunId, sessionId: SessionId): Promise<boolean> {
    try {
      await this.#disk.makeFolder(this.#layout.sessions(runId));
      return await this.#tenures.take(this.#layout.lease(runId, sessionId), LEASE_MS);
    } catch (error) {
      throw isFault(error, "ENOENT") ? runNotFound(runId, error) : error;
    }
  }

  holds(runId: RunId, sessionId: SessionId): boolean {
    return this.#tenures.holds(this.#layout.lease(runId, sessionId));
  }

  async release(runId: RunId, sessionId: SessionId): Promise<void> {
    await this.#tenures.release(this.#layout.lease(runId, sessionId));
  }
}
