import { beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { COMMANDS } from "../../src/cli/commands.ts";
import { helpOf, overview } from "../../src/cli/help.ts";
import type { Screen } from "../../src/cli/world.ts";
import { RUN } from "../contract/samples.ts";
import { ROOT } from "../support/checkout.ts";
import { BUILD_TIMEOUT_MS, type BuiltCommand, buildCommand, openDesk } from "./command.ts";
import { heldUpDesk } from "./held-up.ts";

let command: BuiltCommand;
beforeAll(() => {
  command = buildCommand();
}, BUILD_TIMEOUT_MS);

describe("flotilla", () => {
  test("says how to use it, and names no command that does not exist", async () => {
    await using desk = await openDesk(command);
    const { code, out, err } = desk.flotilla("--help");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    const [, list = ""] = out.split("\n\n");
    const named = [...list.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name ?? "");
    expect(named).toEqual(COMMANDS.map(({ name }) => name));
    for (const again of [[], ["help"], ["-h"]]) expect(desk.flotilla(...again)).toEqual({ code, out, err });
    expect(desk.flotillaUnderBun("--help")).toEqual({ code, out, err });
  });

  test("says its version", async () => {
    await using desk = await openDesk(command);
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const said = { code: 0, out: `${version}\n`, err: "" };
    expect(desk.flotilla("--version")).toEqual(said);
    expect(desk.flotillaUnderBun("-v")).toEqual(said);
  });

  test("says of each command what it does, whatever else stands in the line", async () => {
    await using desk = await openDesk(command);
    const { code, out, err } = desk.flotilla("help", "status");
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toStartWith("Usage: flotilla status [run]");
    expect(desk.flotilla("status", "explorers", "-h").out).toBe(out);
    expect(desk.flotillaUnderBun("status", "--help").out).toBe(out);
  });

  test.each([
    "status",
    "status --line",
    "status nightly --json",
    "why nightly",
    "log --mail",
    "trace",
    "doctor",
    "gc --json",
  ])("only reads, also what is broken or left behind: %s", async (line) => {
    await using desk = await heldUpDesk(command);
    const run = join("home/.local/share/opencode-flotilla/runs", RUN);
    const left = [
      desk.write(`${run}/.tmp-old`, "half of"),
      desk.write(join(run, "../.tmp-old"), "half of"),
      desk.write(`${run}/tasks/7.json`, "{"),
      desk.write(`${run}/inboxes/ada/broken.json`, "{"),
    ];
    for (const path of left) utimesSync(path, 0, 0);
    chmodSync(desk.at(run), 0o755);
    const before = desk.snapshot();
    desk.flotilla(...line.split(" "));
    expect(desk.snapshot()).toEqual(before);
  });

  const misused: readonly (readonly [args: readonly string[], says: readonly string[]])[] = [
    [["docter"], ['"docter" is not a command', 'Did you mean "doctor"?']],
    [
      ["help", "statsu"],
      ['"statsu" is not a command', 'Did you mean "status"?'],
    ],
    [["constructor"], ['"constructor" is not a command', "There are: doctor, "]],
    [["--json"], ["there is no option --json", "Options of a command stand behind its name."]],
    [
      ["doctor", "now"],
      ['"now" is one word too many for doctor', "Usage: flotilla doctor [--json]."],
    ],
    [["status", "one", "two"], ['"two" is one word too many for status']],
    [
      ["status", "--jsn"],
      ["there is no option --jsn; did you mean --json?", "`flotilla help status`"],
    ],
    [["status", "--constructor"], ["there is no option --constructor\n"]],
    [["status", "--json=yes"], ["--json takes no value"]],
    [["status", "-x"], ["there is no option -x\n"]],
    [["limit"], ["limit wants key=value: what a limit is to be"]],
  ];
  for (const [args, says] of misused) {
    test(`refuses ${args.join(" ")} and says what would be right, with code 2`, async () => {
      await using desk = await openDesk(command);
      for (const { code, out, err } of [desk.flotilla(...args), desk.flotillaUnderBun(...args)]) {
        expect({ code, out }).toEqual({ code: 2, out: "" });
        for (const words of says) expect(err).toContain(words);
      }
    });
  }
});

describe("help", () => {
  const everything = (width?: number): readonly string[] =>
    [overview(COMMANDS, screen(width)), ...COMMANDS.map((one) => helpOf(one, screen(width)))]
      .join("\n")
      .split("\n");
  const screen = (width?: number): Screen => ({ colour: false, ...(width === undefined ? {} : { width }) });

  test("keeps to the screen, to 80 columns on a wider one and in a pipe", () => {
    for (const width of [undefined, 80, 200]) {
      expect(Math.max(...everything(width).map((line) => line.length)), String(width)).toBeLessThanOrEqual(
        80,
      );
    }
    // A word that is longer than the line stays whole: it could not be copied otherwise.
    const broken = everything(40).filter((line) => line.length > 40 && line.trim().includes(" "));
    const lines = COMMANDS.flatMap(({ examples }) => examples.map(({ line }) => line));
    expect(broken.filter((line) => !lines.includes(line.trim()))).toEqual([]);
  });

  test("says of each command what it is about, and shows it at work", () => {
    for (const { name, about, examples } of COMMANDS) {
      expect(about.length, name).toBeGreaterThan(0);
      expect(examples.length, name).toBeGreaterThan(0);
      for (const { line } of examples) expect(line, name).toMatch(new RegExp(`\\bflotilla ${name}\\b`));
    }
  });

  test("is coloured where colour is shown, and the same text besides", () => {
    for (const one of COMMANDS) {
      const coloured = helpOf(one, { colour: true });
      expect(coloured).toContain("\u001b[");
      expect(Bun.stripANSI(coloured)).toBe(helpOf(one, { colour: false }));
    }
  });
});
