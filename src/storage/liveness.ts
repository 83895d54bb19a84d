/** Names one process for good. `startTime` and `bootId` are opaque: compared, never read. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

/** What storage has to know about processes to take over what a dead one held. */
export interface Liveness {
  readonly self: ProcessIdentity;
  /** Whether exactly that process still runs. */
  isAlive(identity: ProcessIdentity): Promise<boolean>;
}
