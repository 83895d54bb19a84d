import type { Clock, Host, Processes, SubagentHost, SubagentLedgers } from "../ports.ts";

/** What the keeping of subagents works with. One a process and base folder. */
export interface SubagentWorld {
  readonly clock: Clock;
  readonly host: SubagentHost & Pick<Host, "session" | "agents" | "log">;
  readonly ledgers: SubagentLedgers;
  readonly processes: Processes;
}
