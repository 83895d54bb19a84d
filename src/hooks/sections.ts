import type { SessionId } from "../core/ids.ts";

/** What a part of ours adds to a session's system prompt; undefined adds nothing. */
export type Section = (sessionId: SessionId) => Promise<string | undefined> | string | undefined;

/**
 * All sections of a session as one text, in their order: the host keeps its own prompt apart from what plugins add only while
 * that is one entry. A section that fails is reported and left out; the others stand.
 */
export async function sectionsOf(
  sections: readonly Section[],
  sessionId: SessionId,
  report: (fault: unknown) => void,
): Promise<string | undefined> {
  const texts: string[] = [];
  for (const section of sections) {
    try {
      const text = await section(sessionId);
      if (text !== undefined) texts.push(text);
    } catch (fault) {
      report(fault);
    }
  }
  return texts.length === 0 ? undefined : texts.join("\n\n");
}
