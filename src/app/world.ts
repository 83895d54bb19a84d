import type {
  Clock,
  Gangway,
  Host,
  Ids,
  Mailbox,
  Ownership,
  Panes,
  RunStore,
  SessionLeases,
  StatusBoard,
  TaskStore,
  Worktrees,
} from "../ports.ts";

/** Everything the verbs of `app/` work with. One a process and base folder. */
export interface World {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly runs: RunStore;
  readonly mailbox: Mailbox;
  readonly tasks: TaskStore;
  readonly ownership: Ownership;
  readonly leases: SessionLeases;
  readonly board: StatusBoard;
  readonly host: Host;
  readonly worktrees: Worktrees;
  /** Nobody sits before this process, and this is what was said beforehand to whatever asks (`opencode run`). */
  readonly unattended?: "allow" | "reject";
  /** Absent where members are never shown. */
  readonly terminal?: Terminal;
}

/** What it takes to show members in the terminal around this process. */
export interface Terminal {
  readonly panes: Panes;
  /** Whether the person who works there wants to see them. */
  isWanted(directory: string): boolean;
  openGangway(): Promise<Gangway>;
  /** Of this process. */
  readonly pid: number;
}
