import type { Fact, ShownBatch } from "../core/facts.ts";
import { type Fields, fields, finite, list, present, text } from "./decode.ts";
import { goesOnByItself } from "./finish.ts";
import { markOf } from "./marks.ts";
import { textOf } from "./transcript.ts";

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
  let lastStep: Fields | undefined;
  let lastParts: unknown;
  let lastStepAt = Number.NEGATIVE_INFINITY;
  let lastPromptAt = Number.NEGATIVE_INFINITY;
  for (const entry of entries) {
    const { info, parts } = fields(entry);
    const { role, time } = fields(info);
    const at = finite(fields(time)["created"]) ?? 0;
    if (role === "assistant") {
      // After a compaction the summary stands before older messages that were kept, so age decides, not place.
      if (at >= lastStepAt) {
        lastStepAt = at;
        lastStep = fields(info);
        lastParts = parts;
      }
      continue;
    }
    lastPromptAt = Math.max(lastPromptAt, at);
    for (const part of list(parts)) {
      const mark = markOf(part);
      if (mark) shown.push({ mark, text: text(fields(part)["text"]) ?? "" });
    }
  }
  return present({
    type: "list_shown" as const,
    sessionId,
    shown,
    lastStepId: text(lastStep?.["id"]),
    lastStepAnswered: isFinished(lastStep) ? (true as const) : undefined,
    passed: lastPromptAt > lastStepAt ? endOf(lastStep, lastParts) : undefined,
  });
}

/** The last word of a turn, if the step has ended one. */
function endOf(step: Fields | undefined, parts: unknown): ListShown["passed"] {
  const finish = isFinished(step) ? text(step["finish"]) : undefined;
  if (finish === undefined || goesOnByItself(finish)) return undefined;
  return { finish, text: textOf(list(parts).map(fields)) };
}

function isFinished(step: Fields | undefined): step is Fields {
  return (
    step !== undefined && step["summary"] !== true && !step["error"] && text(step["finish"]) !== undefined
  );
}
