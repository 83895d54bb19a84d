import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Ending, endOfJob, isInterruption, KEPT_MS, type Look } from "../../src/core/subagent-ending.ts";
import { NOTE_MARK, noteText, sectionText } from "../../src/core/subagent-wording.ts";
import {
  emptyLedger,
  needsVerdict,
  noteEnded,
  noteOf,
  noteStarted,
  openSubagents,
  pruned,
  requestOf,
  type SubagentLedger,
  startOf,
  subagentOf,
  type Verdict,
  without,
} from "../../src/core/subagents.ts";

const SELF = { pid: 1, startTime: "proc:1", bootId: "b" };
const NONE = emptyLedger("ses_parent", SELF);
const INTERRUPTIONS = [
  "rejected",
  "aborted",
  "provider",
  "provider_fatal",
  "empty",
  "crashed",
  "unknown",
] as const;

interface Life {
  readonly child?: string;
  readonly agent?: string;
  readonly label?: string;
  readonly callId?: string;
  readonly at?: number;
  readonly taskId?: string;
}

function started(ledger: SubagentLedger, life: Life = {}): SubagentLedger {
  const { child = "ses_a", agent = "general", label = "Look", callId = "call_1", at = 1, taskId } = life;
  const request = requestOf("ses_parent", callId, {
    subagent_type: agent,
    description: label,
    task_id: taskId,
  });
  return noteStarted(
    ledger,
    startOf(request, child, { callId, hostMessageId: `msg_${callId}`, startedAt: at }),
  );
}

function ended(ledger: SubagentLedger, ending: Ending, life: Life = {}): SubagentLedger {
  const { child = "ses_a", callId = "call_1", at = 1 } = life;
  const verdict: Verdict = {
    ...{ hostMessageId: `msg_${callId}`, callId, ending, sessionId: child, endedAt: at, shells: [] },
  };
  return noteEnded(ledger, verdict, ({ name }) => `note of ${name}`);
}

const interrupted = (ledger: SubagentLedger, life?: Life): SubagentLedger =>
  ended(started(ledger, life), "provider", life);

describe("the record of a session's subagents", () => {
  test.each(INTERRUPTIONS)(
    "an interruption (%s) gets a name and one note, told as often as it may be",
    (ending) => {
      const once = ended(started(NONE), ending);
      expect(openSubagents(once)).toMatchObject([{ name: "gen-1", status: "interrupted", ending }]);
      expect(noteOf(once, { hostMessageId: "msg_call_1", callId: "call_1" })?.text).toBe("note of gen-1");
      expect(ended(started(once), "unknown")).toBe(once);
    },
  );

  test.each(["done", "missing"] as const)(
    "one that is %s leaves no entry and nothing to be said",
    (ending) => {
      const after = ended(started(NONE), ending);
      expect(after.subagents).toEqual([]);
      expect(after.notes.filter(({ text }) => text !== undefined)).toEqual([]);
    },
  );

  test("a call that came to no session leaves what there was", () => {
    const before = interrupted(NONE);
    const verdict = {
      hostMessageId: "msg_x",
      callId: "call_x",
      ending: "invalid_call",
      endedAt: 3,
      shells: [],
    } as const;
    expect(noteEnded(before, verdict, () => "never")).toBe(before);
  });

  test("one that was announced to go on, and came to nothing, stands as before", () => {
    const before = interrupted(NONE);
    const request = requestOf("ses_parent", "call_2", { subagent_type: "general", task_id: "ses_a" });
    const announced = noteStarted(before, startOf(request, "ses_a", { callId: "call_2", startedAt: 5 }));
    expect(subagentOf(announced, "ses_a")).toMatchObject({ status: "running", generation: 2 });
    const verdict = {
      hostMessageId: "msg_call_2",
      callId: "call_2",
      ending: "invalid_call",
      endedAt: 6,
      shells: [],
    } as const;
    const after = noteEnded(announced, verdict, () => "never");
    expect(openSubagents(after)).toMatchObject([
      { name: "gen-1", status: "interrupted", ending: "provider" },
    ]);
  });

  test("each resume is a new generation, and what comes late of an older one changes nothing", () => {
    const first = started(NONE, { callId: "call_1", at: 1 });
    const resumed = started(first, { callId: "call_2", at: 5, taskId: "ses_a" });
    expect(subagentOf(resumed, "ses_a")).toMatchObject({ status: "running", generation: 2 });
    const late = ended(started(resumed, { callId: "call_1", at: 1 }), "provider", {
      callId: "call_1",
      at: 6,
    });
    expect(late.subagents).toEqual(resumed.subagents);
    expect(late.notes.map(({ text }) => text)).toEqual([undefined]);
    expect(openSubagents(late)).toEqual([]);
    expect(ended(late, "aborted", { callId: "call_2", at: 7 }).subagents).toMatchObject([
      { ending: "aborted" },
    ]);
  });

  test("a name goes through resumes, is gone with a result, and is never given twice", () => {
    const once = interrupted(NONE);
    const again = interrupted(once, { callId: "call_2", at: 2 });
    expect(openSubagents(again)).toMatchObject([{ name: "gen-1", generation: 2 }]);
    const done = ended(started(again, { callId: "call_3", at: 3 }), "done", { callId: "call_3", at: 4 });
    expect(openSubagents(done)).toEqual([]);
    const next = interrupted(without(done, "ses_a"), { child: "ses_b", callId: "call_4", at: 5 });
    expect(openSubagents(next).map(({ name }) => name)).toEqual(["gen-2"]);
    const other = interrupted(next, { child: "ses_c", agent: "explore", callId: "call_5", at: 6 });
    expect(openSubagents(other).map(({ name }) => name)).toEqual(["gen-2", "exp-1"]);
  });

  test("a session that the host gave in place of the one asked for makes the old name void", () => {
    const forged = started(interrupted(NONE), { child: "ses_new", callId: "call_2", at: 2, taskId: "ses_a" });
    expect(forged.subagents.map(({ sessionId }) => sessionId)).toEqual(["ses_new"]);
  });

  test("what nobody comes back to for seven days is let go of, and nothing else", () => {
    const old = interrupted(NONE, { at: 1_000 });
    const both = interrupted(old, { child: "ses_b", callId: "call_2", at: 2_000 });
    expect(pruned(both, 2_000 + KEPT_MS)?.subagents.map(({ sessionId }) => sessionId)).toEqual(["ses_b"]);
    expect(pruned(both, 1_000 + KEPT_MS)).toBe(both);
    expect(pruned(both, 2_001 + KEPT_MS)).toBeUndefined();
  });

  test("is bounded: of 300 interruptions the newest stay, and a forgotten call is not judged anew", () => {
    let ledger = NONE;
    for (let at = 1; at <= 300; at += 1)
      ledger = interrupted(ledger, { child: `ses_${at}`, callId: `call_${at}`, at });
    expect(ledger.notes).toHaveLength(200);
    expect(ledger.subagents).toHaveLength(50);
    const end = {
      outcome: "failed",
      childId: "ses_1",
      interrupted: false,
      empty: false,
      saidAborted: false,
    } as const;
    const call = (at: number) => ({
      hostMessageId: `msg_call_${at}`,
      callId: `call_${at}`,
      endedAt: at,
      end,
    });
    expect(needsVerdict(ledger, call(1), 400)).toBe(false);
    expect(needsVerdict(ledger, call(301), 400)).toBe(true);
  });

  test("in any history notes never change, names are never shared, and each entry is one of the calls'", () => {
    const step = fc.record({
      child: fc.constantFrom("ses_a", "ses_b", "ses_c"),
      agent: fc.constantFrom("general", "explore"),
      callId: fc.integer({ min: 1, max: 12 }).map((at) => `call_${at}`),
      deed: fc.constantFrom("start", "delete", "done", "missing", ...INTERRUPTIONS),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let ledger = NONE;
        const said = new Map<string, string | undefined>();
        const holders = new Map<string, string>();
        for (const [at, { deed, ...life }] of steps.entries()) {
          const now = { ...life, at: at + 1 };
          if (deed === "start") ledger = started(ledger, now);
          else if (deed === "delete") ledger = without(ledger, life.child);
          else ledger = ended(started(ledger, now), deed, now);
          for (const { hostMessageId, text } of ledger.notes) {
            if (said.has(hostMessageId)) expect(text).toBe(said.get(hostMessageId));
            said.set(hostMessageId, text);
          }
          expect(new Set(ledger.subagents.map(({ sessionId }) => sessionId)).size).toBe(
            ledger.subagents.length,
          );
          for (const { name, sessionId } of openSubagents(ledger)) {
            expect(holders.get(name) ?? sessionId).toBe(sessionId);
            holders.set(name, sessionId);
          }
        }
      }),
    );
  });
});

describe("what a call asks for", () => {
  test("is read from whatever a model has written", () => {
    expect(requestOf("ses_p", "c", { task_id: "  ", subagent_type: 3, description: null })).toEqual({
      ...{ parentId: "ses_p", callId: "c", agent: "", label: "", background: false },
    });
    expect(requestOf("ses_p", "c", { task_id: " gen-1 ", background: true })).toMatchObject({
      ...{ taskId: "gen-1", background: true },
    });
  });
});

describe("a job in the background", () => {
  const whole = { completed: true, midTurn: false, said: true, refused: false };
  const look = (step: object | undefined): Look => ({
    ...{ working: false, shells: [], remains: { calls: 0, files: 0, text: false } },
    ...(step ? { step: { ...whole, ...step } } : {}),
  });
  test.each([
    ["a text", {}, "completed", "completed"],
    ["no text", { said: false }, "completed", "completed"],
    ["an error", { fault: { name: "APIError", message: "" }, midTurn: true }, "failed", "failed"],
    ["a call that was declined", { refused: true, midTurn: true }, "failed", "failed"],
    ["a step in its middle", { midTurn: true }, "failed", "left"],
    ["a message without an end", { completed: false }, "failed", "left"],
    ["no message at all", undefined, "failed", "left"],
  ] as const)("that ends with %s is judged by its session alone", (_case, step, here, abandoned) => {
    expect(endOfJob("ses_a", look(step), false).outcome).toBe(here);
    expect(endOfJob("ses_a", look(step), true).outcome).toBe(abandoned);
  });
});

describe("what a model reads of it", () => {
  const [one] = openSubagents(interrupted(NONE));
  if (!one) throw new Error("no entry");

  test.each(INTERRUPTIONS)(
    "names (%s) the reason, what was found, and the way on, in a few lines",
    (ending) => {
      expect(isInterruption(ending)).toBe(true);
      const text = noteText(one, {
        ending,
        remains: { calls: 1, files: 1, text: false },
        tooLong: false,
        pids: [],
      });
      expect(text.split("\n")).toHaveLength(4);
      expect(text).toStartWith(`${NOTE_MARK}\nThe general subagent did not finish: `);
      expect(text).toContain("1 completed tool call, 1 file.");
      expect(text).toContain('task_id "gen-1" and subagent_type "general"');
    },
  );

  test("claims no work that was not seen, and none to be absent that nobody could look for", () => {
    const say = (remains?: { calls: number; files: number; text: boolean }): string =>
      noteText(one, { ending: "provider", tooLong: false, pids: [], ...(remains ? { remains } : {}) });
    expect(say({ calls: 0, files: 0, text: false })).toContain("It has no saved work");
    expect(say({ calls: 2, files: 0, text: true })).toContain(
      "Found in its session: 2 completed tool calls, text.",
    );
    expect(say()).toContain("could not be checked");
    expect(say()).not.toContain("no saved work");
  });

  test("advises against a session whose context is full", () => {
    const text = noteText(one, { ending: "provider", tooLong: true, pids: [] });
    expect(text).toContain("a new subagent gets further");
  });

  test("is a section of bounded size, with at most two of an agent and ten in all, and no tag from outside", () => {
    const label = fc.string({ maxLength: 200 });
    const agent = fc.constantFrom(
      ...Array.from({ length: 30 }, (_, at) => `${"agent".repeat(at % 9)}-${at}`),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(agent, label), { minLength: 1, maxLength: 100 }), (all) => {
        let ledger = NONE;
        for (const [at, [name, text]] of all.entries())
          ledger = interrupted(ledger, {
            child: `ses_${at}`,
            agent: name,
            label: text,
            callId: `call_${at}`,
            at: at + 1,
          });
        const section = sectionText(openSubagents(ledger)) ?? "";
        const rows = section.split("\n").slice(2, -1);
        expect(section.length).toBeLessThanOrEqual(1_500);
        expect(rows.length).toBeLessThanOrEqual(10);
        expect(rows.every((row) => /^- \S+ \(ses_\d+\), /.test(row))).toBe(true);
        expect(section.match(/[<>]/g)).toHaveLength(4);
        for (const { label: kept } of ledger.subagents) expect([...kept].length).toBeLessThanOrEqual(48);
        const newest = ledger.subagents.at(-1);
        expect(section).toContain(`(${newest?.sessionId})`);
      }),
      { numRuns: 50 },
    );
    expect(sectionText([])).toBeUndefined();
  });

  test("says the same of an entry while it is listed, whether it rests or works", () => {
    const ledger = interrupted(NONE);
    const resumed = started(ledger, { callId: "call_2", at: 9, taskId: "ses_a" });
    expect(sectionText(openSubagents(resumed))).toBe(sectionText(openSubagents(ledger)) ?? "");
  });
});
