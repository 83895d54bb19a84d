import type { Terminal } from "./terminal.ts";
import type { Outcome, Screen, World } from "./world.ts";

/**
 * What a command is: what its help says, what may stand behind its name, and what it does. One file a command; a new one
 * takes its place in `commands.ts`, and the rest (parsing, help, docs/command.md) follows from what it says here.
 */
export interface Command<Own extends Options = Options> {
  readonly name: string;
  /** In one line, for the list of commands. */
  readonly does: string;
  /** For its own help, a paragraph each. */
  readonly about: readonly string[];
  readonly words: readonly Word[];
  readonly options: Own;
  readonly examples: readonly Example[];
  /** What its exit codes mean, where they are not {@link EXIT_CODES}. */
  readonly exitCodes?: ExitCodes;
  start(world: World, call: Call<Own>): Promise<Outcome>;
}

/** What may stand behind the name, in that order. */
export interface Word {
  readonly name: string;
  readonly does: string;
  readonly optional?: true;
  /** Several of them; only the last word of a command. */
  readonly many?: true;
}

export type Options = Readonly<Record<string, Option>>;

/** `value` names what has to stand behind the option; one without is set or not. */
export interface Option {
  readonly does: string;
  readonly short?: string;
  readonly value?: string;
}

export interface Example {
  readonly line: string;
  readonly does: string;
}

export type ExitCodes = Readonly<Record<number, string>>;

/** What a caller has said, and where it is answered. */
export interface Call<Own extends Options> {
  readonly words: readonly string[];
  readonly options: Given<Own>;
  readonly screen: Screen;
  readonly terminal: Terminal;
}

export type Given<Own extends Options> = {
  readonly [Name in keyof Own]: Own[Name] extends { readonly value: string }
    ? string | undefined
    : Own[Name] extends { readonly does: string; readonly value?: undefined }
      ? boolean
      : string | boolean | undefined;
};

/** Only for its types: what is asked of {@link Call.options} has to be among the options. */
export function command<const Own extends Options>(parts: Command<Own>): Command<Own> {
  return parts;
}

export const EXIT_CODES: ExitCodes = {
  0: "done",
  2: "not done: something was misused, missing or broken; standard error says what and what to do",
};

/** Options and words that several commands have, so that they mean the same everywhere. */
export const JSON_OPTION = { json: { does: "the same for programs, as JSON" } } as const;

export const RUN_WORD = {
  name: "run",
  does: "a run's id, the beginning of one, its team or its label",
  optional: true,
} as const;
