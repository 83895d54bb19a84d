import type { Fact, ShownBatch } from "../core/facts.ts";
import { fields, finite, list, text } from "./decode.ts";
import { markOf } from "./marks.ts";

type ListShown = Extract<Fact, { readonly type: "list_shown" }>;

/**
 * Reduces the list of the host's `experimental.chat.messages.transform` to what proves a delivery. The hook has no
 * session in its input; every message names it, so the last one is asked.
 *
 * Runs before every model call of every session: one pass, nothing copied but the parts that carry our mark.
 *
 * @returns undefined for a list without messages: nothing was shown to anybody.
 */
export function shownIn(messages: unknown): ListShown | undefined {
  const entries = list(messages);
  const sessionId = text(fields(fields(entries.at(-1))["info"])["sessionID"]);
  if (sessionId === undefined) return undefined;
  const shown: ShownBatch[] = [];
  let lastStepId: string | undefined;
  let lastStepAt = Number.NEGATIVE_INFINITY;
  for (const entry of entries) {
    const { info, parts } = fields(entry);
    const { role, id, time } = fields(info);
    if (role === "assistant") {
      // After a compaction the summary stands before older messages that were kept, so age decides, not place.
      const at = finite(fields(time)["created"]) ?? 0;
      if (at >= lastStepAt) {
        lastStepAt = at;
        lastStepId = text(id);
      }
      continue;
    }
    for (const part of list(parts)) {
      const mark = markOf(part);
      if (mark) shown.push({ mark, text: text(fields(part)["text"]) ?? "" });
    }
  }
  return {
    type: "list_shown",
    sessionId,
    shown,
    ...(lastStepId === undefined ? {} : { lastStepId }),
  };
}
