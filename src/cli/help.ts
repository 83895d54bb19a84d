import { type Command, EXIT_CODES } from "./command.ts";
import { paint } from "./paint.ts";
import { wrapped } from "./table.ts";
import type { Screen } from "./world.ts";

/** Where nobody looks, and on no screen that is wider: longer lines are hard to read. */
const WIDTH = 80;
/** On a narrower screen than this, what a thing does stands under it instead of beside it. */
const NARROW = 60;
const INDENT = "  ";
const USAGE_INDENT = "       ";

/** `why [run] [--json]`: what may stand behind `flotilla`. */
export function useOf({ name, words, options }: Command): string {
  const said = words.map((word) => {
    const one = word.many ? `${word.name}...` : word.name;
    return word.optional ? `[${one}]` : one;
  });
  const flags = Object.entries(options).map(
    ([option, { value }]) => `[--${option}${value === undefined ? "" : ` ${value}`}]`,
  );
  return [name, ...said, ...flags].join(" ");
}

/** What there is. */
export function overview(commands: readonly Command[], screen: Screen): string {
  const lines = [
    ...wrapped("Usage: flotilla <command> [words] [options]", widthOf(screen), USAGE_INDENT),
    "",
    ...pairs(
      commands.map(({ name, does }) => [name, does]),
      screen,
    ),
    "",
    ...pairs(
      [
        ["help <command>", "more about a command, with examples; the same as <command> --help"],
        ["-v, --version", "the version of opencode-flotilla"],
      ],
      screen,
    ),
    "",
    ...heading("Exit codes", screen),
    ...exitCodes(EXIT_CODES, screen),
  ];
  return lines.join("\n");
}

/** Everything about one command. */
export function helpOf(command: Command, screen: Screen): string {
  const { about, words, options, examples } = command;
  const flags = Object.entries(options).map(([name, { short, value, does }]): Pair => {
    const long = `--${name}${value === undefined ? "" : ` ${value}`}`;
    return [short === undefined ? long : `-${short}, ${long}`, does];
  });
  const lines = [
    ...wrapped(`Usage: flotilla ${useOf(command)}`, widthOf(screen), USAGE_INDENT),
    ...about.flatMap((paragraph) => ["", ...wrapped(paragraph, widthOf(screen))]),
    ...section(
      "Words",
      words.map(({ name, does }) => [name, does] as const),
      screen,
    ),
    ...section("Options", [...flags, ["-h, --help", "this text"]], screen),
    ...(examples.length === 0 ? [] : ["", ...heading("Examples", screen)]),
    ...examples.flatMap(({ line, does }) => [
      `${INDENT}${paint(screen, "cyan", line)}`,
      ...wrapped(does, widthOf(screen) - 6).map((part) => `${INDENT.repeat(3)}${part}`),
    ]),
    "",
    ...heading("Exit codes", screen),
    ...exitCodes(command.exitCodes ?? EXIT_CODES, screen),
  ];
  return lines.join("\n");
}

type Pair = readonly [name: string, does: string];

function exitCodes(codes: typeof EXIT_CODES, screen: Screen): readonly string[] {
  return pairs(Object.entries(codes), screen);
}

function section(title: string, said: readonly Pair[], screen: Screen): readonly string[] {
  return said.length === 0 ? [] : ["", ...heading(title, screen), ...pairs(said, screen)];
}

function heading(title: string, screen: Screen): readonly string[] {
  return [`${paint(screen, "bold", title)}:`];
}

function pairs(said: readonly Pair[], screen: Screen): readonly string[] {
  const width = widthOf(screen);
  const column = Math.max(...said.map(([name]) => name.length)) + 2;
  return said.flatMap(([name, does]) => {
    if (width < NARROW) {
      return [INDENT + name, ...wrapped(does, width - 6).map((line) => INDENT.repeat(3) + line)];
    }
    const [first = "", ...others] = wrapped(does, width - column - INDENT.length);
    return [
      INDENT + name.padEnd(column) + first,
      ...others.map((line) => INDENT + " ".repeat(column) + line),
    ];
  });
}

function widthOf({ width = WIDTH }: Screen): number {
  return Math.min(width, WIDTH);
}
