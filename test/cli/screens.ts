import { join } from "node:path";
import { ROOT } from "../support/checkout.ts";
import { eventually } from "../support/eventually.ts";
import { type BuiltCommand, openDesk } from "./command.ts";
import { heldUpDesk } from "./held-up.ts";
import { openTerminal, PROMPT } from "./terminal.ts";

/** What the documentation shows: commands as a person sees them answered in a terminal of 80 columns. */
export const SCENES: Readonly<Record<string, string>> = {
  status: "flotilla status nightly",
  why: "flotilla why nightly",
  init: "flotilla init --yes",
};

/** Its file, which `bun test/cli/capture-screens.ts` writes. */
export function screenFile(name: string): string {
  return join(ROOT, "docs", "screens", `${name}.txt`);
}

/** The screen after the command has ended, without what is another one each time. */
export async function capture(command: BuiltCommand, name: string): Promise<string> {
  const line = SCENES[name] ?? "";
  await using desk =
    name === "init" ? await openDesk(command) : await heldUpDesk(command, "/home/you/project");
  if (name === "init") {
    desk.write(
      "work/opencode.jsonc",
      '{\n  // The model of my choice.\n  "model": "provider/model", // good\n}\n',
    );
  }
  await using terminal = await openTerminal(desk, command, { columns: 80, lines: 40 });
  await terminal.type(line);
  await terminal.press("Enter");
  const shown = await eventually(
    async () => {
      const screen = await terminal.screen();
      if (!PROMPT.test(screen) || !screen.includes("\n")) throw new Error(screen);
      return screen;
    },
    { timeoutMs: 30_000 },
  );
  return `${shown
    .replace(/\n[$#]$/, "")
    .replace(/^[$#] /, "$ ")
    .replaceAll(desk.at("work"), "/home/you/project")
    .replaceAll(String(process.pid), "4242")}\n`;
}
