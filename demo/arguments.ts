import { parseArgs } from "node:util";

export interface DemoArguments {
  /** The model to work with instead of the scripted one. */
  readonly model?: { readonly providerId: string; readonly modelId: string };
  /** Leaves the scratch folder where it is. */
  readonly keep: boolean;
  readonly help: boolean;
}

export const USAGE = `npm run demo -- [--model provider/model] [--keep]

Runs a lead and three members in a real OpenCode, on a scratch git repository, and prints what
happens while it happens. The model is a script on this machine: no key, no network, about 15 s.

  --model provider/model   your own provider instead of the script: with your OpenCode
                           configuration and credentials, and at your provider's price.
                           What is sent goes to that provider and nowhere else.
  --keep                   keeps the scratch folder: the repository, the run's files, the log
  --help                   this text

Exit code 0: everything that the last table lists was seen. 1: something was not, and the
scratch folder is kept. 2: an argument was not understood. 130: stopped with Ctrl-C.`;

/** What the command line asks for, or the sentence that says what is wrong with it. */
export function readArguments(args: readonly string[]): DemoArguments | { readonly problem: string } {
  let values: { model?: string; keep?: boolean; help?: boolean };
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        model: { type: "string" },
        keep: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }));
  } catch (refused) {
    if (refused instanceof TypeError) return { problem: refused.message };
    throw refused;
  }
  const { model, keep = false, help = false } = values;
  if (model === undefined) return { keep, help };
  // A model's own name may hold slashes, a provider's may not.
  const [, providerId, modelId] = /^([^/\s]+)\/(\S+)$/.exec(model) ?? [];
  if (providerId === undefined || modelId === undefined) {
    return {
      problem: `--model ${JSON.stringify(model)}: expected provider/model, as \`opencode models\` lists them`,
    };
  }
  return { keep, help, model: { providerId, modelId } };
}
