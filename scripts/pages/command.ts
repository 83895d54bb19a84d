import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { helpOf, overview } from "../../src/cli/help.ts";
import type { Page } from "../generate.ts";
import { code, GENERATED, page } from "./markdown.ts";

const PIPED = { colour: false };

export const commandPage: Page = {
  path: "docs/command.md",
  render: () =>
    page(
      GENERATED,
      "# The command",
      "`flotilla` comes with the package: `npx opencode-flotilla`, or `flotilla` where it is installed. It runs under Node 20 and Bun, needs no server and asks none: it reads the files of the runs. In a terminal it uses colours (not with `NO_COLOR`) and the width that there is; in a pipe neither, and nothing is cut.",
      block(overview(COMMANDS, PIPED)),
      ...COMMANDS.flatMap((command) => [
        `## ${code(command.name)}`,
        block(helpOf(command, PIPED)),
        ...screenOf(command.name),
      ]),
    ),
};

/** What a person sees of it, captured from a real terminal by `bun test/cli/capture-screens.ts`. */
function screenOf(name: string): readonly string[] {
  const file = join(import.meta.dirname, "..", "..", "docs", "screens", `${name}.txt`);
  return existsSync(file) ? ["In a terminal:", block(readFileSync(file, "utf8").trimEnd())] : [];
}

function block(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}
