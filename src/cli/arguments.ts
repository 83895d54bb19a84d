import { parseArgs } from "node:util";
import { FlotillaError } from "../errors.ts";
import type { Command, Options } from "./command.ts";
import { useOf } from "./help.ts";

/** What a caller wants. */
export type Wanted =
  | { readonly kind: "help"; readonly of?: Command }
  | { readonly kind: "version" }
  | {
      readonly kind: "start";
      readonly command: Command;
      readonly words: readonly string[];
      readonly options: Readonly<Record<string, string | boolean | undefined>>;
    };

/** Finds the word that was most likely meant. */
export type Nearest = (word: string, words: readonly string[]) => string | undefined;

const HELP: Options = { help: { does: "this text", short: "h" } };
const TOP: Options = { ...HELP, version: { does: "the version", short: "v" } };

/** Understands the whole line, or refuses it with what would be right. */
export function understand(args: readonly string[], commands: readonly Command[], nearest: Nearest): Wanted {
  const all = commands.map(({ name }) => name);
  const misuse = (message: string, hint: string): FlotillaError =>
    new FlotillaError({ code: "argument_invalid", message, hint });
  const called = (name: string): Command => {
    const found = commands.find((one) => one.name === name);
    if (found) return found;
    const meant = nearest(name, all);
    const hint = meant === undefined ? `There are: ${all.join(", ")}.` : `Did you mean "${meant}"?`;
    throw misuse(`"${name}" is not a command`, `${hint} See \`flotilla help\`.`);
  };

  const [name, ...rest] = args;
  if (name === undefined) return { kind: "help" };
  if (name.startsWith("-")) {
    const { options } = read(args, TOP, (message) =>
      misuse(message, "Options of a command stand behind its name. See `flotilla help`."),
    );
    return options["version"] === true ? { kind: "version" } : { kind: "help" };
  }
  if (name === "help") {
    const [about] = rest.filter((word) => !word.startsWith("-"));
    return about === undefined ? { kind: "help" } : { kind: "help", of: called(about) };
  }
  const command = called(name);
  const hint = `Usage: flotilla ${useOf(command)}. See \`flotilla help ${command.name}\`.`;
  const refuse = (message: string): FlotillaError => misuse(message, hint);
  const { words, options } = read(rest, { ...command.options, ...HELP }, refuse, nearest);
  if (options["help"] === true) return { kind: "help", of: command };
  checkWords(command, words, refuse);
  return { kind: "start", command, words, options };
}

/** In parseArgs's own strict mode a slip is answered in its words, without the word that was meant. */
function read(
  args: readonly string[],
  known: Options,
  refuse: (message: string) => FlotillaError,
  nearest: Nearest = () => undefined,
): Pick<Extract<Wanted, { kind: "start" }>, "words" | "options"> {
  const { positionals, tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(known).map(([name, { short, value }]) => [
        name,
        { type: value === undefined ? "boolean" : "string", ...(short === undefined ? {} : { short }) },
      ]),
    ),
  });
  const options: Record<string, string | boolean | undefined> = Object.fromEntries(
    Object.entries(known).map(([name, { value }]) => [name, value === undefined ? false : undefined]),
  );
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    const option = Object.hasOwn(known, name) ? known[name] : undefined;
    if (!option) {
      const meant = nearest(name, Object.keys(known));
      const also = meant === undefined ? "" : `; did you mean --${meant}?`;
      throw refuse(`there is no option ${rawName}${also}`);
    }
    if (option.value === undefined && value !== undefined) throw refuse(`${rawName} takes no value`);
    if (option.value !== undefined && !value) throw refuse(`${rawName} wants a value: ${option.value}`);
    options[name] = option.value === undefined ? true : value;
  }
  return { words: positionals, options };
}

function checkWords(
  { name, words: wanted }: Command,
  words: readonly string[],
  refuse: (message: string) => FlotillaError,
): void {
  const missing = wanted.filter(({ optional }) => !optional)[words.length];
  if (missing) throw refuse(`${name} wants ${missing.name}: ${missing.does}`);
  const most = wanted.some(({ many }) => many) ? Number.POSITIVE_INFINITY : wanted.length;
  const [surplus] = words.slice(most);
  if (surplus !== undefined) throw refuse(`"${surplus}" is one word too many for ${name}`);
}
