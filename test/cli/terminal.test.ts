import { beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { member, RUN, runState } from "../contract/samples.ts";
import { eventually } from "../support/eventually.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, openDesk } from "./command.ts";
import { heldUpDesk } from "./held-up.ts";
import { capture, SCENES, screenFile } from "./screens.ts";
import { openTerminal, type Terminal } from "./terminal.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

const TIMEOUT_MS = 60_000;
const PATIENCE = { timeoutMs: 30_000 };

function shows(terminal: Terminal, text: string): Promise<string> {
  return eventually(async () => {
    const screen = await terminal.screen();
    expect(screen).toContain(text);
    return screen;
  }, PATIENCE);
}

describe("in a real terminal", () => {
  for (const name of Object.keys(SCENES)) {
    test(
      `${name} looks as docs/command.md shows it`,
      async () => expect(await capture(command, name)).toBe(readFileSync(screenFile(name), "utf8")),
      TIMEOUT_MS,
    );
  }

  test(
    "status --watch is painted over itself on a screen of its own, and gives the screen back on Ctrl-C",
    async () => {
      await using desk = await heldUpDesk(command);
      await using terminal = await openTerminal(desk, command, { lines: 20 });
      await terminal.type("echo before; flotilla status --watch");
      await terminal.press("Enter");
      await shows(terminal, "cy      working");
      expect(await terminal.isCovered()).toBe(true);
      expect(await terminal.screen()).not.toContain("before");

      const { runs } = await desk.storage();
      await runs.exclusively(RUN, (run) => run.commit(runState({ members: { dee: member("dee") } })));
      const after = await shows(terminal, "dee     waiting");
      expect(after).not.toContain("cy ");
      expect(after).toStartWith("explorers  run_1\n");

      await terminal.press("C-c");
      await eventually(async () => expect(await terminal.isCovered()).toBe(false), PATIENCE);
      expect(await shows(terminal, "dee     waiting")).toContain("\nbefore\nexplorers  run_1\n");
      await terminal.type("echo code $?");
      await terminal.press("Enter");
      // Typed ahead of the prompt, it may stand behind it.
      await shows(terminal, "code 0");
    },
    TIMEOUT_MS,
  );

  test(
    "status --watch keeps to the lines that there are, also when there are more",
    async () => {
      await using desk = await heldUpDesk(command);
      await using terminal = await openTerminal(desk, command, { columns: 60, lines: 4 });
      await terminal.type("flotilla status --watch");
      await terminal.press("Enter");
      const few = await shows(terminal, "\n...");
      expect(few).toStartWith("explorers (nightly)  run_1\n");
      expect(few.split("\n")).toHaveLength(4);
      await terminal.resize(60, 20);
      expect(await shows(terminal, "cy      working")).toStartWith("explorers (nightly)  run_1\n");
    },
    TIMEOUT_MS,
  );

  test(
    "init asks, and does nothing without a yes",
    async () => {
      await using desk = await openDesk(command);
      const path = desk.at("work", "opencode.jsonc");
      const answers = async (key: string, says: string): Promise<void> => {
        await using terminal = await openTerminal(desk, command);
        await terminal.type("flotilla init");
        await terminal.press("Enter");
        await shows(terminal, "opencode.jsonc? [y/N]");
        await terminal.press(key);
        if (key !== "C-d") await terminal.press("Enter");
        await shows(terminal, says);
      };
      for (const no of ["n", "C-d"]) {
        await answers(no, "Nothing was changed.");
        expect(existsSync(path)).toBe(false);
      }
      await answers("y", "Restart OpenCode");
      expect(readFileSync(path, "utf8")).toContain('"enabled": true');
    },
    TIMEOUT_MS,
  );

  test(
    "there are colours, and none with NO_COLOR; nothing is broken on a narrow screen",
    async () => {
      await using desk = await heldUpDesk(command);
      const seen: string[] = [];
      for (const env of [{}, { NO_COLOR: "1" }]) {
        await using terminal = await openTerminal(desk, command, { columns: 44, lines: 50, env });
        await terminal.type("flotilla status; flotilla help status");
        await terminal.press("Enter");
        const screen = await shows(terminal, "Exit codes:");
        expect(screen).toMatch(/^ {2}ada +needs_approval +0 +permission|^ {2}ada +needs_approval +0/m);
        seen.push(await terminal.screen(true));
      }
      expect(seen[0]).toContain("\u001b[33m");
      expect(seen[1]).not.toContain("\u001b[3");
    },
    TIMEOUT_MS,
  );
});
