/**
 * Whether a system prompt is that of a request which the host makes on its own behalf: a title, or the summary of a compaction.
 * The hook says neither agent nor purpose; these are the first words of the host's own prompts (1.18.33).
 */
export function isSidePrompt([first = ""]: readonly string[]): boolean {
  return SIDE_PROMPTS.some((beginning) => first.startsWith(beginning));
}

const SIDE_PROMPTS = ["You are a title generator", "You are a context summarization agent"];
