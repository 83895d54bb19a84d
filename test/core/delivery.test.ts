import { describe, expect, test } from "bun:test";
import {
  advance,
  type Batch,
  backoffMs,
  DELIVERY_COMMANDS,
  DELIVERY_PHASES,
  type DeliveryPhase,
  EVIDENCE_DEADLINE_MS,
  type FlotillaMark,
  isOver,
  isSpent,
  letsNextFollow,
  MAX_ATTEMPTS,
  MAX_UNHELD_MS,
  missed,
  takeUp,
} from "../../src/core/delivery.ts";
import { judge, LATER_PARENT_MS, type TranscriptEntry } from "../../src/core/verdict.ts";

const T0 = 1_000_000;
const TEXT = "<peer_message …>go</peer_message>";
const digest = (text: string): string => `#${text}`;

function batch(parts: Partial<Batch> = {}): Batch {
  return {
    version: 1,
    batchId: "batch_1",
    runId: "run_1",
    recipient: "ada",
    sessionId: "ses_1",
    generation: 1,
    messageIds: ["mail_1"],
    round: 1,
    hostMessageId: "msg_ours",
    hostPartId: "prt_ours",
    textDigest: digest(TEXT),
    phase: "posted",
    attempts: 1,
    reservedAt: T0,
    dueAt: T0,
    heldMs: 0,
    stored: false,
    ...parts,
  };
}

const MARK: FlotillaMark = { runId: "run_1", batchId: "batch_1", round: 1 };

function user(
  hostMessageId: string,
  createdAt: number,
  parts: Partial<TranscriptEntry> = {},
): TranscriptEntry {
  return {
    hostMessageId,
    role: "user",
    createdAt,
    failed: false,
    summary: false,
    boundary: false,
    marked: [],
    ...parts,
  };
}

function ours(parts: Partial<TranscriptEntry> = {}, mark: Partial<FlotillaMark> = {}): TranscriptEntry {
  return user("msg_ours", T0, { marked: [{ mark: { ...MARK, ...mark }, text: TEXT }], ...parts });
}

function answer(parentId: string, parts: Partial<TranscriptEntry> = {}): TranscriptEntry {
  return {
    hostMessageId: `msg_answer_to_${parentId}`,
    role: "assistant",
    createdAt: T0 + 5_000,
    completedAt: T0 + 6_000,
    parentId,
    finish: "stop",
    failed: false,
    summary: false,
    boundary: false,
    marked: [],
    ...parts,
  };
}

const boundary = user("msg_compaction", T0 + 2_000, { boundary: true });
const summary = answer("msg_compaction", { hostMessageId: "msg_summary", summary: true });

function verdict(transcript: readonly TranscriptEntry[], watched = false, of: Batch = batch()): string {
  return judge(of, transcript, watched, digest);
}

describe("a batch of an earlier life", () => {
  test("is asked about at once, and has not waited while nobody was there", () => {
    const found = takeUp(batch({ attempts: 3, dueAt: T0 + 5 }), T0 + 9_000, false);
    expect(found).toMatchObject({ attempts: 3, dueAt: T0 + 9_000, held: { since: T0 + 5, by: "restart" } });
  });

  test("has not used up any attempt that died with its process, however often one dies", () => {
    let left = batch({ attempts: 1 });
    for (let death = 0; death < 20; death++) {
      const found = takeUp(left, T0 + death, true);
      expect(isSpent({ ...found, heldMs: 0 }, T0 + death)).toBe(false);
      left = { ...found, attempts: found.attempts + 1 };
    }
    expect(left.attempts).toBe(1);
  });
});

describe("what the host's store says about a batch", () => {
  test("is absent where nothing carries its mark", () => {
    expect(verdict([])).toBe("absent");
    expect(verdict([user("msg_ours", T0), answer("msg_ours")])).toBe("absent");
  });

  test.each([
    ["another run", { runId: "run_2" }],
    ["another batch", { batchId: "batch_2" }],
    ["an earlier round", { round: 0 }],
  ])("is absent where only %s is stored", (_what, mark) => {
    expect(verdict([ours({}, mark), answer("msg_ours")])).toBe("absent");
  });

  test("is absent where another text stands under its mark", () => {
    const changed = ours({ marked: [{ mark: MARK, text: `${TEXT}!` }] });
    expect(verdict([changed, answer("msg_ours")])).toBe("absent");
  });

  test("is absent where only its reminder is stored: that holds no text", () => {
    const reminder = ours({ marked: [{ mark: { ...MARK, reminder: true }, text: TEXT }] });
    expect(verdict([reminder, answer("msg_ours")])).toBe("absent");
  });

  test("is found by its mark under whatever id the host gave it", () => {
    expect(verdict([ours({ hostMessageId: "msg_new" })])).toBe("unanswered");
    expect(verdict([ours({ hostMessageId: "msg_new" }), answer("msg_new")])).toBe("answered");
    expect(verdict([ours({ hostMessageId: "msg_new" }), answer("msg_ours")])).toBe("unanswered");
  });

  test("is unanswered while no step on top of it has finished well", () => {
    expect(verdict([ours()])).toBe("unanswered");
    const { finish: _finish, ...cut } = answer("msg_ours");
    expect(verdict([ours(), cut])).toBe("unanswered");
    expect(verdict([ours(), { ...cut, failed: true }])).toBe("unanswered");
    expect(verdict([ours(), answer("msg_before")])).toBe("unanswered");
  });

  test("is closed where the newest step failed with a finish, and no longer once something stands on top of that", () => {
    const overflow = answer("msg_ours", { failed: true, finish: "error" });
    expect(verdict([ours(), overflow])).toBe("closed");
    expect(verdict([ours(), overflow, user("msg_later", T0 + 9_000)])).toBe("unanswered");
    expect(verdict([ours(), overflow, user("msg_later", T0 + 9_000), answer("msg_later")])).toBe("answered");
  });

  test("takes no summary of a compaction for an answer, though it may name our message as parent", () => {
    expect(verdict([ours(), answer("msg_ours", { summary: true })])).toBe("unanswered");
  });

  test("is answered by a finished step whose parent is our message, whatever it finished with", () => {
    expect(verdict([ours(), answer("msg_ours")])).toBe("answered");
    expect(verdict([ours(), answer("msg_ours", { finish: "tool-calls" })])).toBe("answered");
  });

  test("is answered by a step on top of a user message that was stored a second later, and not of one before", () => {
    const later = (ms: number): TranscriptEntry[] => [
      ours(),
      user("msg_later", T0 + ms),
      answer("msg_later"),
    ];
    expect(verdict(later(LATER_PARENT_MS))).toBe("answered");
    expect(verdict(later(LATER_PARENT_MS - 1))).toBe("unanswered");
    expect(verdict([user("msg_early", T0 - 5_000), ours(), answer("msg_early")])).toBe("unanswered");
    expect(LATER_PARENT_MS).toBe(1_000);
  });

  test("stays answered when a later turn is aborted", () => {
    const { finish: _finish, ...aborted } = answer("msg_later", { failed: true });
    expect(verdict([ours(), answer("msg_ours"), user("msg_later", T0 + 9_000), aborted])).toBe("answered");
  });

  test("is overlooked where this process watched every list and none held the text", () => {
    const transcript = [ours(), answer("msg_ours")];
    expect(verdict(transcript, true, batch({ phase: "stored" }))).toBe("overlooked");
    expect(verdict(transcript, true, batch({ phase: "posted" }))).toBe("overlooked");
    expect(verdict(transcript, true, batch({ phase: "witnessed" }))).toBe("answered");
    expect(verdict(transcript, true, batch({ phase: "answered" }))).toBe("answered");
  });

  test("stays overlooked for whoever asks, witnessed or not, until a step behind the one that is known to have missed it", () => {
    const missing = answer("msg_ours", { hostMessageId: "msg_missing" });
    const before = [ours(), missing, user("msg_pointer", T0 + 9_000)];
    const failed = [...before, answer("msg_pointer", { failed: true })];
    const answered = [...before, answer("msg_pointer")];
    for (const [phase, watched] of [
      ["posted", false],
      ["witnessed", false],
      ["witnessed", true],
    ] as const) {
      const overlooked = batch({ phase, missedBy: "msg_missing" });
      expect(verdict(before, watched, overlooked)).toBe("overlooked");
      expect(verdict(failed, watched, overlooked)).toBe("overlooked");
      expect(verdict(answered, watched, overlooked)).toBe("answered");
    }
  });

  test("is missed by every step until the model is shown it, and by none after that", () => {
    const posted = batch({ phase: "posted" });
    const twice = missed(missed(posted, "msg_1"), "msg_2");
    expect(twice).toEqual({ ...posted, missedBy: "msg_2" });
    expect(missed(twice, "msg_2")).toBe(twice);
    expect(missed(twice, undefined)).toBe(twice);
    const witnessed = advance(twice, "witness");
    expect(missed(witnessed, "msg_3")).toBe(witnessed);
  });

  test("is compacted where it stands unanswered behind a compaction", () => {
    expect(verdict([ours(), boundary, summary])).toBe("compacted");
    expect(verdict([boundary, summary, ours({ createdAt: T0 + 8_000 })])).toBe("unanswered");
  });

  test("is answered where the answer came before the compaction", () => {
    expect(verdict([ours(), answer("msg_ours"), boundary, summary])).toBe("answered");
  });

  test("is compacted, not overlooked, where steps went on behind the compaction without it: a reminder would point at nothing", () => {
    const onward = user("msg_onward", T0 + 7_000);
    const transcript = [ours(), boundary, summary, onward, answer("msg_onward")];
    expect(verdict(transcript, true, batch({ phase: "stored" }))).toBe("compacted");
  });

  test("is answered by its own answer where the compaction keeps that in view and not the message", () => {
    const later = user("msg_compaction", T0 + 9_000);
    const inView = answer("msg_ours", { boundary: true });
    expect(verdict([ours(), inView, later, summary])).toBe("answered");
    expect(verdict([ours({ boundary: true }), later, summary])).toBe("unanswered");
  });

  test("is not answered by a step behind the compaction: that was sent the summary", () => {
    const onward = user("msg_onward", T0 + 7_000);
    expect(verdict([ours(), boundary, summary, onward, answer("msg_onward")])).toBe("compacted");
  });

  test("stays answered when a compaction has hidden it with the steps that would prove it", () => {
    const ours = user("msg_ours", T0, { marked: [{ mark: MARK, text: TEXT }] });
    const hidden = [ours, user("msg_later", T0 + 1, { boundary: true })];
    expect(judge(batch({ phase: "witnessed" }), hidden, true, digest)).toBe("compacted");
    expect(judge(batch({ phase: "answered" }), hidden, true, digest)).toBe("answered");
    // Gone from the host's store, it has to be sent again all the same.
    expect(judge(batch({ phase: "answered" }), [], true, digest)).toBe("absent");
  });

  test("is judged by the copy that the host makes after an overflow, where there is one", () => {
    const copy = ours({ hostMessageId: "msg_copy", createdAt: T0 + 7_000 });
    expect(verdict([ours(), boundary, summary, copy])).toBe("unanswered");
    expect(verdict([ours(), boundary, summary, copy, answer("msg_copy")])).toBe("answered");
  });
});

describe("attempts and time", () => {
  test("back off from one second, doubling, to one minute", () => {
    const full = [1, 2, 3, 4, 5, 6, 7, 8, 50].map((attempts) => backoffMs(attempts, 1));
    expect(full).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(backoffMs(0, 1)).toBe(1_000);
  });

  test("are spread by chance over the upper half of the step", () => {
    for (const attempts of [1, 4, 8]) {
      expect(backoffMs(attempts, 0)).toBe(backoffMs(attempts, 1) / 2);
      expect(backoffMs(attempts, 0.5)).toBe((backoffMs(attempts, 1) * 3) / 4);
    }
  });

  test("are spent after 8 attempts", () => {
    expect(MAX_ATTEMPTS).toBe(8);
    expect(isSpent(batch({ attempts: 7 }), T0)).toBe(false);
    expect(isSpent(batch({ attempts: 8 }), T0)).toBe(true);
    expect(isSpent(batch({ attempts: 9 }), T0)).toBe(true);
  });

  test("are spent after 15 minutes, of which those that a gate held do not count", () => {
    const limit = 15 * 60_000;
    expect(MAX_UNHELD_MS).toBe(limit);
    expect(isSpent(batch(), T0 + limit - 1)).toBe(false);
    expect(isSpent(batch(), T0 + limit)).toBe(true);
    expect(isSpent(batch({ heldMs: 60_000 }), T0 + limit + 59_999)).toBe(false);
    expect(isSpent(batch({ heldMs: 60_000 }), T0 + limit + 60_000)).toBe(true);
  });

  test("are never spent while a gate holds the batch", () => {
    const held = { since: T0, by: "approval" };
    expect(isSpent(batch({ held, attempts: 100 }), T0 + 10 * MAX_UNHELD_MS)).toBe(false);
  });

  test("leave a cold host time to show that a turn began", () => {
    expect(EVIDENCE_DEADLINE_MS).toBeGreaterThan(5_000);
    expect(EVIDENCE_DEADLINE_MS).toBeLessThan(MAX_UNHELD_MS / MAX_ATTEMPTS);
  });
});

describe("a batch", () => {
  test("is the same object where a command means nothing", () => {
    const acked = batch({ phase: "acked" });
    for (const command of DELIVERY_COMMANDS) expect(advance(acked, command)).toBe(acked);
    const answered = batch({ phase: "answered" });
    expect(advance(answered, "give_up")).toBe(answered);
  });

  test("changes in its phase and in nothing that is not its command's to change", () => {
    const before = batch({ phase: "posted", lastError: "x" });
    expect(advance(before, "lose")).toEqual({ ...before, phase: "reserved" });
    expect(before.phase).toBe("posted");
  });

  test("remembers that the host has shown it once", () => {
    const stored = advance(batch({ phase: "posted" }), "see");
    expect(stored).toMatchObject({ phase: "stored", stored: true });
    expect(advance(stored, "lose")).toMatchObject({ phase: "reserved", stored: true });
    expect(advance(batch({ phase: "posted" }), "lose").stored).toBe(false);
  });

  test("remembers it as well if its first sight was the list that went to the model", () => {
    expect(advance(batch({ phase: "posted" }), "witness")).toMatchObject({
      phase: "witnessed",
      stored: true,
    });
    expect(advance(batch({ phase: "reserved" }), "witness")).toMatchObject({
      phase: "witnessed",
      stored: true,
    });
  });

  test("goes from reserved to acked in the order of the protocol", () => {
    const seen: DeliveryPhase[] = [];
    let one = batch({ phase: "reserved" });
    for (const command of ["accept", "see", "witness", "answer", "settle"] as const) {
      one = advance(one, command);
      seen.push(one.phase);
    }
    expect(seen).toEqual(["posted", "stored", "witnessed", "answered", "acked"]);
  });

  test("is not acked by the end of a turn that has not answered it", () => {
    for (const phase of ["reserved", "posted", "stored", "witnessed"] as const) {
      expect(advance(batch({ phase }), "settle").phase).toBe(phase);
    }
  });

  test("is over when it is acked, returned or dead", () => {
    expect(DELIVERY_PHASES.filter(isOver)).toEqual(["acked", "returned", "dead"]);
  });

  test("lets the next one follow once the model has seen it, or nothing more will come of it", () => {
    const follow: Record<DeliveryPhase, boolean> = {
      reserved: false,
      posted: false,
      stored: false,
      witnessed: true,
      answered: true,
      acked: true,
      returned: true,
      dead: true,
    };
    for (const phase of DELIVERY_PHASES) expect(letsNextFollow(phase)).toBe(follow[phase]);
  });
});
