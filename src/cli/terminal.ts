import { createInterface } from "node:readline/promises";
import type { Screen } from "./world.ts";

/** Where a command is answered while it goes on: most return what they have to say and need none of it. */
export interface Terminal {
  /** Somebody can be asked: both ends are a terminal. */
  readonly interactive: boolean;
  /** Aborted when the person has had enough (Ctrl-C), or nobody reads on. */
  readonly stopped: AbortSignal;
  /** As it is now: a window may be drawn to another size. */
  screen(): Screen;
  print(text: string): void;
  /** Whether the person agrees. */
  ask(question: string): Promise<boolean>;
  /** All of standard input. */
  input(): Promise<string>;
}

/** The terminal of this process. */
export function openTerminal(): Terminal {
  const { stdin, stdout } = process;
  const stop = new AbortController();
  let listening = false;
  return {
    interactive: stdin.isTTY === true && stdout.isTTY === true,
    // Whoever waits for it ends in good order; for all others Ctrl-C is what it is for any program.
    get stopped() {
      if (!listening) {
        listening = true;
        for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => stop.abort());
        // `flotilla log --follow | head` closes the pipe: there is nobody left to write to.
        stdout.once("error", () => stop.abort());
      }
      return stop.signal;
    },
    screen: () => screenOf(stdout),
    print: (text) => {
      stdout.write(text);
    },
    async ask(question) {
      const lines = createInterface({ input: stdin, output: stdout });
      // Ctrl-C and Ctrl-D answer nothing, and nothing is no.
      const answer = new Promise<string>((resolve) => {
        lines.once("close", () => resolve(""));
        lines.question(`${question} [y/N] `).then(resolve, () => resolve(""));
      });
      const agreed = /^y(es)?$/i.test((await answer).trim());
      lines.close();
      return agreed;
    },
    async input() {
      const chunks: Buffer[] = [];
      for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks).toString("utf8");
    },
  };
}

/** Colour and size only where somebody looks: what is piped is for a program. */
function screenOf({ isTTY, columns, rows }: typeof process.stdout): Screen {
  if (!isTTY) return { colour: false };
  // A terminal that does not say how large it is says 0.
  const width = columns > 0 ? { width: columns } : {};
  const height = rows > 0 ? { height: rows } : {};
  return { colour: !process.env["NO_COLOR"] && process.env["TERM"] !== "dumb", ...width, ...height };
}
