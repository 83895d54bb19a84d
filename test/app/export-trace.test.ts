import { describe, expect, test } from "bun:test";
import { TraceExport } from "../../src/app/export-trace.ts";
import type { JournalEntry } from "../../src/core/effects.ts";
import type { ExportNote } from "../../src/core/trace/export-note.ts";
import type { Span } from "../../src/core/trace/span.ts";
import type { SpanExporter, TraceStore } from "../../src/ports.ts";
import { systemIds } from "../../src/system/ids.ts";
import { runPlan, Story, stepped } from "../core/decide-builders.ts";
import { rest, TurnedClock } from "../simulation/turned-clock.ts";

const RUN = "run_1";
type Outcome = Awaited<ReturnType<SpanExporter["export"]>>;
const TAKEN: Outcome = { kind: "exported" };
const REFUSED: Outcome = { kind: "failed", code: 401, message: "no" };

/** A journal and a collector of which a test says what they do. */
type Special = Partial<Pick<TraceStore, "read"> & Pick<SpanExporter, "export">>;

/** What outlives a process: the journal, the note of how far it has come, and the collector. */
class Ground {
  readonly story: Story = new Story(runPlan(["ada"]));
  clock: TurnedClock = new TurnedClock(0);
  readonly sent: Span[][] = [];
  note: ExportNote | undefined;
  loads = 0;
  answer: () => Promise<Outcome> = async () => TAKEN;
  /** How many lines are read at a time. */
  piece = Infinity;

  process({ read, export: send }: Special = {}): TraceExport {
    return new TraceExport({
      clock: this.clock,
      traces: {
        read:
          read ??
          (async (_run, from) => {
            const entries = this.story.journal.slice(from, from + this.piece);
            return { entries, next: from + entries.length };
          }),
        note: async () => this.note,
        keep: async (_run, note) => {
          this.note = note;
        },
        unfinished: async (since) =>
          this.note && !this.note.isComplete && since < this.clock.now() ? [RUN] : [],
      },
      exporter: async () => {
        this.loads += 1;
        return {
          export:
            send ??
            ((spans) => {
              this.sent.push([...spans]);
              return this.answer();
            }),
          close: async () => undefined,
        };
      },
      about: { pluginVersion: "1.2.3", digest: systemIds.digest },
      fill: async (span) => span,
      report: (fault) => {
        throw fault;
      },
    });
  }

  /** Ada has one more turn. */
  turn(step: string): void {
    const { story } = this;
    if (story.member("ada").status === "starting") story.open("ada");
    story.start("ada", "lead");
    story.accept(stepped("ada", story.now + 1, { hostMessageId: step }));
    story.settle("ada", { stepId: step });
  }

  /** Lets that much time go by, and everything happen that is due in it. */
  async pass(ms: number): Promise<void> {
    let isOver = false;
    const over = this.clock.pass(ms).then(() => {
      isOver = true;
    });
    while (!isOver) await this.clock.turn();
    await over;
    for (let n = 0; n < 20; n += 1) await rest();
  }

  names(): readonly string[] {
    return this.sent.flat().map((span) => span.name);
  }
}

describe("the export of a run's trace", () => {
  test("comes some time after a change, once for several, and goes on where it was", async () => {
    const ground = new Ground();
    const traces = ground.process();
    ground.turn("msg_1");
    for (let n = 0; n < 5; n += 1) traces.changed(RUN);
    expect(ground.loads).toBe(0);
    await ground.pass(1_000);
    expect(ground.names()).toEqual(["chat m", "invoke_agent ada"]);
    ground.turn("msg_2");
    traces.changed(RUN);
    await ground.pass(1_000);
    expect(ground.sent.map((spans) => spans.length)).toEqual([2, 2]);
    expect(ground.loads).toBe(1);
  });

  test("is taken up by the next process behind what was exported, with the same ids below the same turn", async () => {
    const ground = new Ground();
    ground.turn("msg_1");
    ground.story.start("ada", "lead");
    const first = ground.process();
    first.changed(RUN);
    await ground.pass(1_000);
    // Killed here: nobody closes it.
    ground.story.accept(stepped("ada", ground.story.now + 1, { hostMessageId: "msg_2" }));
    ground.story.settle("ada", { stepId: "msg_2", outcome: "failed", abandoned: true });
    const next = ground.process();
    next.changed(RUN);
    await ground.pass(1_000);
    const spans = ground.sent.flat();
    expect(new Set(spans.map((span) => span.spanId)).size).toBe(spans.length);
    const [late, lost] = ground.sent[1] ?? [];
    expect(lost?.attributes["opencode.team.orphan_reason"]).toBe("process_lost");
    expect(late?.parentId).toBe(lost?.spanId as string);
  });

  test("is the same in whatever pieces the journal is read, and goes on in the next where one has nothing to tell", async () => {
    const spans = async (piece: number): Promise<readonly Span[]> => {
      const ground = new Ground();
      ground.piece = piece;
      for (const step of ["msg_1", "msg_2", "msg_3"]) ground.turn(step);
      const traces = ground.process();
      traces.changed(RUN);
      await ground.pass(1_000);
      return ground.sent.flat();
    };
    const whole = await spans(Infinity);
    expect(whole).toHaveLength(6);
    for (const piece of [1, 2, 3]) expect(await spans(piece)).toEqual(whole);
  });

  test("that is refused is noted and tried again later, with nothing lost and nothing doubled", async () => {
    const ground = new Ground();
    ground.answer = async () => REFUSED;
    const traces = ground.process();
    ground.turn("msg_1");
    traces.changed(RUN);
    await ground.pass(1_000);
    expect(ground.note).toMatchObject({ exported: 0, rejected: 1, lastFault: { code: 401, message: "no" } });
    ground.answer = async () => TAKEN;
    await ground.pass(5_000);
    expect(ground.note).toMatchObject({ exported: 2, rejected: 1 });
    expect(ground.sent[1]).toEqual(ground.sent[0] as Span[]);
    expect(ground.sent).toHaveLength(2);
  });

  test("of a run that was closed while no collector was there is the next process's, once, until it is told to its end", async () => {
    const ground = new Ground();
    ground.answer = async () => REFUSED;
    ground.turn("msg_1");
    ground.process().changed(RUN);
    ground.story.accept({ type: "close_run", force: true, reason: "done", unread: {} });
    ground.story.accept({ type: "finish_run" });
    await ground.pass(1_000);
    ground.answer = async () => TAKEN;
    ground.sent.length = 0;
    // The first process is gone, and its timers with it.
    ground.clock = new TurnedClock(ground.clock.now());
    const next = ground.process();
    for (let looks = 0; looks < 2; looks += 1) next.takeUp();
    await ground.pass(0);
    await ground.pass(1_000);
    expect(ground.sent).toHaveLength(1);
    expect(ground.names()).toContain("invoke_workflow explorers");
    expect(ground.note).toMatchObject({ exported: ground.names().length, isComplete: true });
    ground.process().takeUp();
    await ground.pass(0);
    await ground.pass(1_000);
    expect(ground.sent).toHaveLength(1);
  });

  test("is noted before its first request, so that a run whose process dies in it is known", async () => {
    const ground = new Ground();
    ground.answer = () => new Promise(() => undefined);
    ground.turn("msg_1");
    ground.process().changed(RUN);
    await ground.pass(1_000);
    expect(ground.note).toEqual({ version: 1, revision: -1, index: -1, exported: 0, rejected: 0 });
  });

  test("of 10,000 messages and the calls that sent and read them leaves no more in memory than is open", async () => {
    const ground = new Ground();
    let [revision, sent, exported] = [0, 0, 0];
    const line = (event: string, parts: object): JournalEntry => ({
      revision: ++revision,
      index: 0,
      at: revision,
      event,
      ...parts,
    });
    const place = { participant: "ada", generation: 1, sessionId: "ses_ada", turn: 1 };
    let news: JournalEntry[] = [
      line("run_created", { team: "t", sessionId: "ses_lead" }),
      line("session_opened", { member: "ada", sessionId: "ses_ada" }),
      line("turn_started", place),
    ];
    const traces = ground.process({
      read: async (_run, from) => ({ entries: from < revision ? news : [], next: revision }),
      export: async (spans) => {
        exported += spans.length;
        return TAKEN;
      },
    });
    Bun.gc(true);
    const before = process.memoryUsage().heapUsed;
    while (sent < 10_000) {
      for (let n = 0; n < 1_000; n += 1) {
        sent += 1;
        const call = { hostMessageId: `msg_${sent}`, callId: `call_${sent}` };
        news.push(line("message_sent", { messageId: `mail_${sent}`, from: "ada", to: ["lead"], call }));
        const step = { hostMessageId: `msg_${sent}`, completedAt: sent };
        const tools = [{ ...call, tool: "team_send_message", startedAt: sent, endedAt: sent }];
        news.push(line("step_ended", { ...place, step, tools, mail: [`mail_${sent}`] }));
      }
      traces.changed(RUN);
      await ground.pass(1_000);
      news = [];
    }
    expect(exported).toBe(20_000);
    Bun.gc(true);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
  });

  test("does not keep a process that goes, though the collector never answers", async () => {
    const ground = new Ground();
    ground.answer = () => new Promise(() => undefined);
    const traces = ground.process();
    ground.turn("msg_1");
    traces.changed(RUN);
    let gone = false;
    const closing = traces.close().then(() => {
      gone = true;
    });
    await ground.pass(1_999);
    expect(gone).toBe(false);
    await ground.pass(1);
    await closing;
    expect(ground.sent).toHaveLength(1);
  });

  test("sends what is open when its process goes in an orderly way", async () => {
    const ground = new Ground();
    const traces = ground.process();
    ground.story.open("ada");
    ground.story.start("ada", "brief");
    traces.changed(RUN);
    ground.story.accept({ type: "note_orphaned" });
    await traces.close();
    expect(ground.names().toSorted()).toEqual([
      "invoke_agent ada",
      "invoke_agent lead",
      "invoke_workflow explorers",
    ]);
    for (const span of ground.sent.flat())
      expect(span.attributes["opencode.team.orphan_reason"]).toBe("shutdown");
  });
});
