import { send, type Transport } from "./client.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** The name under which our lines stand in the host's log. */
const SERVICE = "flotilla";

/**
 * Writes to the host's log without waiting for it. A line that could not be written has nowhere else to go; it is
 * counted, and the next line that arrives says how many are missing.
 */
export class HostLog {
  #lost = 0;

  write(
    transport: Transport | undefined,
    level: LogLevel,
    message: string,
    extra: Readonly<Record<string, unknown>>,
  ): void {
    if (!transport) {
      this.#lost += 1;
      return;
    }
    const lost = this.#lost;
    this.#lost = 0;
    const body = {
      service: SERVICE,
      level,
      message,
      extra: lost === 0 ? extra : { ...extra, linesLost: lost },
    };
    const written = send(transport, { method: "POST", path: "/log", body });
    written.then(
      (answer) => {
        if (answer.status >= 400) this.#lost += lost + 1;
      },
      () => {
        this.#lost += lost + 1;
      },
    );
  }
}
