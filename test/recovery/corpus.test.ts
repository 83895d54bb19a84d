import { describe, expect, test } from "bun:test";
import { endingOf, endOfCall, isInterruption } from "../../src/core/subagent-ending.ts";
import { readEnvelope } from "../../src/core/subagent-envelope.ts";
import { CHILD, CORPUS, callOf } from "./corpus.ts";

const label = ({ version, title }: (typeof CORPUS)[number]): string => `${version}: ${title}`;

describe("a call of task, in the form of each version", () => {
  test("is told apart as it should be, with no false note and none missing", () => {
    const wrong = CORPUS.flatMap((specimen) => {
      const found = endingOf(endOfCall(specimen.outcome, callOf(specimen)), specimen.look);
      return found === specimen.ending ? [] : [`${label(specimen)}: ${found}, not ${specimen.ending}`];
    });
    expect(wrong).toEqual([]);
  });

  test("names its session in the text wherever the host or a plugin has put it", () => {
    const wrong = CORPUS.filter((one) => one.metadata !== undefined || one.named === undefined).flatMap(
      (one) => {
        const { sessionId } = readEnvelope(one.text);
        // A version without any id of its own may quote one: the host's metadata says better.
        if (one.version === "1.0.0" && one.outcome === "completed") return [];
        return sessionId === one.named ? [] : [`${label(one)}: ${sessionId}, not ${one.named}`];
      },
    );
    expect(wrong).toEqual([]);
  });

  test("means the same with Windows line ends", () => {
    const wrong = CORPUS.flatMap((specimen) => {
      const windows = { ...specimen, text: specimen.text.replaceAll(/\r?\n/g, "\r\n") };
      const found = endingOf(endOfCall(windows.outcome, callOf(windows)), windows.look);
      const { sessionId } = readEnvelope(windows.text);
      const isSame = found === specimen.ending && sessionId === readEnvelope(specimen.text).sessionId;
      return isSame ? [] : [`${label(specimen)}: ${found}, ${sessionId}`];
    });
    expect(wrong).toEqual([]);
  });

  test("goes by the host's metadata where that and the text differ", () => {
    const text = '<task id="ses_text" state="completed">\n<task_result>\n\n</task_result>\n</task>';
    const call = { input: {}, metadata: { sessionId: CHILD }, output: text };
    expect(endOfCall("completed", call).childId).toBe(CHILD);
    expect(endOfCall("completed", { ...call, metadata: {} }).childId).toBe("ses_text");
  });

  test("is an interruption in more than half of the versions' failures, and never in a success", () => {
    const noted = CORPUS.filter(({ ending }) => isInterruption(ending));
    expect(noted.length).toBeGreaterThan(300);
    expect(noted.filter(({ outcome, text }) => outcome === "completed" && text.includes("Found"))).toEqual(
      [],
    );
  });
});
