import { fields, text } from "./decode.ts";

/**
 * Whether a system prompt is that of a request which the host makes on its own behalf: a title, or the summary of a compaction.
 * The hook says neither agent nor purpose, but such a prompt is its agent's and nothing besides: one of the user's, word for word, or
 * the host's own, by its first words (1.18.33).
 *
 * @param config as the host has it.
 */
export function isSidePrompt([first = ""]: readonly string[], config: { readonly agent?: unknown }): boolean {
  const agents = fields(config.agent);
  const isUsers = SIDE_AGENTS.some((name) => text(fields(agents[name])["prompt"])?.trim() === first.trim());
  return isUsers || SIDE_PROMPTS.some((beginning) => first.startsWith(beginning));
}

const SIDE_AGENTS = ["title", "compaction", "summary"];
const SIDE_PROMPTS = ["You are a title generator", "You are a context summarization agent"];
