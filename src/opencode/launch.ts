/**
 * How this host was started, as far as it changes what we do: `run` ends with the lead's turn and has nobody to answer
 * a request; `serve` listens; `tui` has a person before it.
 */
export type LaunchMode = "run" | "serve" | "tui" | "other";

export interface Launch {
  readonly mode: LaunchMode;
  /** `run --auto`: permissions of the lead's session and its descendants are granted once without asking. */
  readonly autoApprove: boolean;
}

const COMMANDS: Readonly<Record<string, LaunchMode>> = { run: "run", serve: "serve", web: "serve" };

/**
 * Reads the process's arguments. The program's own are `["bun", "/$bunfs/root/src/index.js", command, …]`; the terminal
 * UI runs plugins in a worker, whose only argument is `…/cli/tui/worker.js` (measured).
 */
export function launchOf(argv: readonly string[]): Launch {
  if (argv.some((argument) => argument.endsWith("/tui/worker.js")))
    return { mode: "tui", autoApprove: false };
  const own = argv.slice(2);
  const command = own.find((argument) => Object.hasOwn(COMMANDS, argument));
  const mode = command === undefined ? "other" : (COMMANDS[command] ?? "other");
  return { mode, autoApprove: mode === "run" && own.includes("--auto") };
}
