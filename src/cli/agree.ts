import type { Terminal } from "./terminal.ts";

/** For commands that change what they do not own alone: they say what they will do first. */
export const YES_OPTION = { yes: { short: "y", does: "does it without asking" } } as const;

/**
 * Whether it is to be done. Where nobody can be asked, what was shown is all that happens: a script has to say what it wants.
 */
export async function agreed(
  terminal: Terminal,
  { yes }: { readonly yes: boolean },
  question: string,
): Promise<boolean> {
  if (yes) return true;
  if (terminal.interactive && (await terminal.ask(question))) return true;
  terminal.print(
    terminal.interactive ? "Nothing was changed.\n" : "Nothing was changed: say --yes to do it.\n",
  );
  return false;
}
