import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  advance,
  type Batch,
  backoffMs,
  isOver,
  isSpent,
  MAX_ATTEMPTS,
  MAX_UNHELD_MS,
} from "../../src/core/delivery.ts";
import { judge, type TranscriptEntry } from "../../src/core/verdict.ts";

/**
 * One batch, a courier that does what the protocol says and no more, and a host that does what hosts do: takes a prompt and
 * loses it, stores it and does not answer, compacts, rolls its database back, dies with the courier. The clock only moves
 * forward. What the model has really been sent is known here, and compared with what the machine believes.
 */
type Event =
  | { readonly type: "wait"; readonly ms: number }
  | { readonly type: "post"; readonly fate: "stored" | "lost" | "stored_unanswered" }
  | { readonly type: "inspect" | "step" | "settle" | "foreign_prompt" | "crash" | "remove" | "roll_back" }
  | { readonly type: "end_step"; readonly well: boolean }
  /** `keeps`: so many of the last messages stay in view beside the summary; otherwise the last prompt may be copied. */
  | { readonly type: "compact"; readonly keeps: number; readonly copies: boolean }
  | { readonly type: "hold" | "let_go" | "give_up" };

const events: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 200_000 }) }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        type: fc.constant("post" as const),
        fate: fc.constantFrom(
          "stored" as const,
          "stored" as const,
          "lost" as const,
          "stored_unanswered" as const,
        ),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        type: fc.constantFrom(
          "inspect" as const,
          "step" as const,
          "step" as const,
          "settle" as const,
          "give_up" as const,
        ),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constantFrom(
          "foreign_prompt" as const,
          "crash" as const,
          "hold" as const,
          "let_go" as const,
        ),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constantFrom("remove" as const, "roll_back" as const) }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("end_step" as const), well: fc.boolean() }) },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant("compact" as const),
        keeps: fc.integer({ min: 0, max: 3 }),
        copies: fc.boolean(),
      }),
    },
  ),
  { maxLength: 40, size: "max" },
);

const TEXT = "the batch's text";
const digest = (text: string): string => text;

class World {
  now = 1_000;
  batch: Batch = {
    version: 1,
    batchId: "batch_1",
    runId: "run_1",
    recipient: "ada",
    sessionId: "ses_1",
    generation: 1,
    messageIds: ["mail_1"],
    round: 1,
    hostMessageId: "msg_round_1",
    hostPartId: "prt_round_1",
    textDigest: TEXT,
    phase: "reserved",
    attempts: 0,
    reservedAt: 1_000,
    dueAt: 1_000,
    heldMs: 0,
    stored: false,
  };
  /** The process that posted last has lived since, and so has seen every list. */
  watched = true;
  posts = 0;
  /** The step that runs: whether its list held the text. */
  running: { readonly parentId: string; readonly held: boolean } | undefined;
  /** A step whose list held the text has finished well, as nobody but this world knows. */
  read = false;
  /** Time in which no gate held the batch, counted apart from the batch's own count. */
  unheldMs = 0;
  transcript: TranscriptEntry[] = [];
  private ids = 0;

  apply(event: Event): void {
    const before = this.batch;
    this.perform(event);
    if (isOver(before.phase)) expect(this.batch).toBe(before);
    if (this.batch.phase === "acked" && before.phase !== "acked") expect(this.read).toBe(true);
    if (this.batch.phase === "dead" && before.phase !== "dead") {
      expect(this.batch.attempts >= MAX_ATTEMPTS || this.unheldMs >= MAX_UNHELD_MS).toBe(true);
    }
    expect(this.batch.attempts).toBeLessThanOrEqual(MAX_ATTEMPTS);
    expect(this.visible().filter((entry) => entry.marked.length > 0).length).toBeLessThanOrEqual(1);
  }

  private perform(event: Event): void {
    switch (event.type) {
      case "wait":
        this.pass(event.ms);
        return;
      case "post":
        this.post(event.fate);
        return;
      case "inspect":
        this.inspect();
        return;
      case "step":
        this.step();
        return;
      case "end_step":
        this.endStep(event.well);
        return;
      case "settle":
        if (!this.running) this.batch = advance(this.batch, "settle");
        return;
      case "foreign_prompt":
        this.store({ role: "user" });
        return;
      case "compact":
        this.compact(event.keeps, event.copies);
        return;
      case "crash":
        this.crash();
        return;
      case "remove":
        if (this.running || !this.transcript.some((entry) => entry.marked.length > 0)) return;
        this.transcript = this.transcript.filter((entry) => entry.marked.length === 0);
        this.batch = advance(this.batch, "remove");
        return;
      case "roll_back":
        // Behind a compaction the round before would come back to light: nobody rolls back that far unnoticed.
        if (this.running || this.transcript.some((entry) => entry.boundary)) return;
        this.transcript = this.transcript.slice(0, Math.floor(this.transcript.length / 2));
        return;
      case "hold":
        if (!this.batch.held && !isOver(this.batch.phase)) {
          this.batch = { ...this.batch, held: { since: this.now, by: "approval" } };
        }
        return;
      case "let_go":
        this.letGo();
        return;
      case "give_up":
        if (isSpent(this.batch, this.now)) this.batch = advance(this.batch, "give_up");
    }
  }

  private pass(ms: number): void {
    this.now += ms;
    if (!this.batch.held) this.unheldMs += ms;
  }

  /** Looks before it posts, and posts only what is absent, or stored, in view and unanswered. */
  private post(fate: "stored" | "lost" | "stored_unanswered"): void {
    if (this.batch.held || isOver(this.batch.phase) || isSpent(this.batch, this.now)) return;
    this.inspect();
    const { phase, runId, batchId, round, hostMessageId } = this.batch;
    if (isOver(phase) || phase === "answered") return;
    this.posts += 1;
    this.watched = true;
    this.batch = { ...this.batch, attempts: this.batch.attempts + 1 };
    const known = this.transcript.some((entry) => entry.hostMessageId === hostMessageId);
    if (fate !== "lost" && !known) {
      this.store({ role: "user", hostMessageId, marked: [{ mark: { runId, batchId, round }, text: TEXT }] });
    }
    if (fate !== "stored_unanswered") this.batch = advance(this.batch, "accept");
  }

  private inspect(): void {
    const verdict = judge(this.batch, this.transcript, this.watched, digest);
    if (verdict === "absent") this.batch = advance(this.batch, "lose");
    if (verdict === "unanswered") this.batch = advance(this.batch, "see");
    if (verdict === "answered" && !this.running) this.batch = advance(this.batch, "confirm");
    if (verdict === "compacted") {
      const next = advance(this.batch, "compact");
      if (next === this.batch) return;
      const round = next.round + 1;
      this.batch = { ...next, round, hostMessageId: `msg_round_${round}`, hostPartId: `prt_round_${round}` };
    }
  }

  private step(): void {
    const newest = this.visible().findLast((entry) => entry.role === "user");
    if (this.running || !newest) return;
    const held = this.visible().some((entry) =>
      entry.marked.some(({ mark }) => mark.round === this.batch.round),
    );
    this.running = { parentId: newest.hostMessageId, held };
    if (held) this.batch = advance(this.batch, "witness");
  }

  private endStep(well: boolean): void {
    if (!this.running) return;
    const { parentId, held } = this.running;
    this.running = undefined;
    this.store({ role: "assistant", parentId, failed: !well, ...(well ? { finish: "stop" } : {}) });
    if (!well || !held) return;
    this.read = true;
    this.batch = advance(this.batch, "answer");
  }

  private compact(keeps: number, copies: boolean): void {
    const last = this.visible().findLast((entry) => entry.role === "user");
    if (this.running || !last) return;
    this.pass(1_000);
    const kept = keeps > 0 ? this.visible().at(-keeps) : undefined;
    const asked = this.store({ role: "user" });
    this.store({ role: "assistant", parentId: asked.hostMessageId, summary: true, finish: "stop" });
    const first = (kept ?? asked).hostMessageId;
    this.transcript = this.transcript.map((entry) => ({ ...entry, boundary: entry.hostMessageId === first }));
    this.store({ role: "user", ...(copies && !kept ? { marked: last.marked } : {}) });
  }

  private crash(): void {
    if (this.running) this.store({ role: "assistant", parentId: this.running.parentId });
    this.running = undefined;
    this.watched = false;
  }

  private letGo(): void {
    const { held, ...rest } = this.batch;
    if (held && !isOver(rest.phase)) this.batch = { ...rest, heldMs: rest.heldMs + this.now - held.since };
  }

  /** What goes to the model: everything from the first message on that the last compaction has left in view. */
  private visible(): TranscriptEntry[] {
    return this.transcript.slice(
      Math.max(
        0,
        this.transcript.findLastIndex((entry) => entry.boundary),
      ),
    );
  }

  private store(entry: Pick<TranscriptEntry, "role"> & Partial<TranscriptEntry>): TranscriptEntry {
    this.ids += 1;
    const stored: TranscriptEntry = {
      hostMessageId: `msg_${this.ids}`,
      createdAt: this.now,
      failed: false,
      summary: false,
      boundary: false,
      marked: [],
      ...entry,
    };
    this.transcript.push(stored);
    return stored;
  }
}

describe("over any history of a batch", () => {
  test("acked means read, dead means spent, over means over, and the text stands once where a model looks", () => {
    fc.assert(
      fc.property(events, (history) => {
        const world = new World();
        for (const event of history) world.apply(event);
      }),
      { numRuns: 2_000 },
    );
  });

  test("an honest host and an open gate bring it to its end, whatever went before", () => {
    fc.assert(
      fc.property(events, (history) => {
        const world = new World();
        for (const event of history) world.apply(event);
        const calm: Event[] = [
          { type: "let_go" },
          { type: "end_step", well: true },
          { type: "inspect" },
          { type: "give_up" },
          { type: "post", fate: "stored" },
          { type: "wait", ms: 2_000 },
          { type: "step" },
          { type: "end_step", well: true },
          { type: "settle" },
          { type: "inspect" },
        ];
        for (let round = 0; round < 3; round += 1) for (const event of calm) world.apply(event);
        expect(isOver(world.batch.phase)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test("a host that loses every prompt is given up after eight of them", () => {
    const world = new World();
    for (let round = 0; round < 20; round += 1) {
      world.apply({ type: "post", fate: "lost" });
      world.apply({ type: "wait", ms: backoffMs(world.batch.attempts, 1) });
      world.apply({ type: "inspect" });
      world.apply({ type: "give_up" });
    }
    expect(world.posts).toBe(MAX_ATTEMPTS);
    expect(world.batch.phase).toBe("dead");
    expect(world.unheldMs).toBeLessThan(MAX_UNHELD_MS * 2);
  });

  test("a gate that stays shut for a day costs neither an attempt nor the batch's time", () => {
    const world = new World();
    world.apply({ type: "hold" });
    world.apply({ type: "wait", ms: 24 * 3_600_000 });
    world.apply({ type: "give_up" });
    world.apply({ type: "post", fate: "stored" });
    expect(world.posts).toBe(0);
    world.apply({ type: "let_go" });
    world.apply({ type: "give_up" });
    world.apply({ type: "post", fate: "stored" });
    expect(world.batch).toMatchObject({ phase: "posted", attempts: 1, heldMs: 24 * 3_600_000 });
  });

  test("a crash between the answer and its settlement is found in the host's store", () => {
    const world = new World();
    const story: Event[] = [
      { type: "post", fate: "stored" },
      { type: "step" },
      { type: "end_step", well: true },
      { type: "crash" },
    ];
    for (const event of story) world.apply(event);
    expect(world.batch.phase).toBe("answered");
    world.apply({ type: "post", fate: "stored" });
    expect(world.batch.phase).toBe("acked");
    expect(world.posts).toBe(1);
  });

  test("a prompt that was stored while its answer got lost stands there once, however often it is posted", () => {
    const world = new World();
    world.apply({ type: "post", fate: "stored_unanswered" });
    expect(world.batch.phase).toBe("reserved");
    world.apply({ type: "crash" });
    world.apply({ type: "post", fate: "stored" });
    world.apply({ type: "post", fate: "stored" });
    expect(world.batch).toMatchObject({ phase: "stored", attempts: 3 });
    expect(world.transcript).toHaveLength(1);
  });
});
