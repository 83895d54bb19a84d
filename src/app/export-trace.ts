import type { Instant, RunId } from "../core/ids.ts";
import { Chronicle, type TraceAbout } from "../core/trace/chronicle.ts";
import type { ExportNote } from "../core/trace/export-note.ts";
import type { Span } from "../core/trace/span.ts";
import type { Clock, SpanExporter, TraceStore } from "../ports.ts";
import { ARCHIVE_KEPT_MS } from "./archive-time.ts";
import { describe } from "./describe.ts";
import { Lane } from "./lane.ts";

/** Changes come in twos and threes; a trace is looked at later than this. */
const CALM_MS = 1_000;
/** After a collector has refused, or is not there: doubled up to the last, for as long as the process lives. */
const RETRY_MS = 5_000;
const RETRY_MAX_MS = 60_000;
/** One request's worth: some hundred kilobytes. */
const BATCH_MAX = 512;
/** Runs of processes that are gone which one process goes on with: a collector that was down for a day has missed many. */
const LEFT_MAX = 16;
/** What a host that goes down waits for a collector. */
const FLUSH_MS = 2_000;

/** How much of a run's journal has been told, in this process. */
interface Telling {
  readonly lane: Lane;
  chronicle: Chronicle;
  offset: number;
  /** Spans that are complete and not exported, each with the line that completed it. */
  pending: readonly Told[];
  failures: number;
  /** Nothing follows. */
  isOver: boolean;
  cancelTimer: (() => void) | undefined;
}

interface Told {
  readonly span: Span;
  readonly revision: number;
  readonly index: number;
}

/** What exporting needs of the world. */
export interface ExportDesk {
  readonly clock: Clock;
  readonly traces: TraceStore;
  /** Loaded at the first span. */
  readonly exporter: () => Promise<SpanExporter>;
  readonly about: Omit<TraceAbout, "runId">;
  /** Adds what was said, given and brought, where the user wants that. */
  readonly fill: (span: Span) => Promise<Span>;
  readonly report: (fault: unknown) => void;
}

/**
 * Exports the traces of the runs that this process owns, beside everything else: nobody waits for it, and no fault of it
 * reaches a turn. Spans come from the journal alone, so what a dead process had not exported the next one does, also of a
 * run that is closed; how far it has come stands in the run's folder, and what a crash in between has exported twice has the
 * same ids.
 *
 * In memory are, for each run that is open here, what `Chronicle` remembers, and the spans of one piece of the journal.
 */
export class TraceExport {
  readonly #desk: ExportDesk;
  readonly #tellings = new Map<RunId, Telling>();
  #exporter: Promise<SpanExporter> | undefined;
  #closed = false;

  constructor(desk: ExportDesk) {
    this.#desk = desk;
  }

  /** A run of this process's has changed. */
  changed(runId: RunId): void {
    if (this.#closed) return;
    const telling = this.#tellings.get(runId) ?? this.#begin(runId);
    if (telling.cancelTimer) return;
    this.#tellAfter(runId, telling, CALM_MS);
  }

  /**
   * Goes on with runs that were closed and not told to their end: nobody owns such a run any more. Who else looks at the same
   * moment sends the same, with the same ids.
   */
  takeUp(): void {
    if (this.#closed) return;
    const { clock, traces, report } = this.#desk;
    traces.unfinished(clock.now() - ARCHIVE_KEPT_MS).then((left) => {
      for (const runId of left.slice(0, LEFT_MAX)) this.changed(runId);
    }, report);
  }

  /** Exports what is left, for as long as a host that goes down can wait. */
  async close(): Promise<void> {
    this.#closed = true;
    const last = [...this.#tellings].map(async ([runId, telling]) => {
      telling.cancelTimer?.();
      telling.lane.add(() => this.#tell(runId, telling));
      await telling.lane.reached();
    });
    const time = new Promise<void>((resolve) => {
      this.#desk.clock.after(FLUSH_MS, resolve);
    });
    await Promise.race([Promise.all(last), time]);
    // Not awaited: it waits for requests that are under way.
    this.#exporter?.then((exporter) => exporter.close()).catch(this.#desk.report);
  }

  #begin(runId: RunId): Telling {
    const telling: Telling = {
      lane: new Lane(this.#desk.report),
      chronicle: new Chronicle({ ...this.#desk.about, runId }),
      offset: 0,
      pending: [],
      failures: 0,
      isOver: false,
      cancelTimer: undefined,
    };
    this.#tellings.set(runId, telling);
    return telling;
  }

  #tellAfter(runId: RunId, telling: Telling, ms: number): void {
    telling.cancelTimer = this.#desk.clock.after(ms, () => {
      telling.cancelTimer = undefined;
      telling.lane.addOnce(() => this.#tell(runId, telling));
    });
  }

  async #tell(runId: RunId, telling: Telling): Promise<void> {
    const { traces } = this.#desk;
    const known = await traces.note(runId);
    // By it the next process knows of a run that was to be exported, whatever comes of the first request.
    if (!known) await traces.keep(runId, NOTHING);
    let note = known ?? NOTHING;
    do {
      telling.pending = telling.pending.filter((told) => isAfter(told, note));
      while (telling.pending.length > 0) {
        const batch = batchOf(telling.pending);
        const outcome = await this.#send(batch);
        note =
          outcome.kind === "exported" ? sent(note, batch) : refused(note, outcome, this.#desk.clock.now());
        await traces.keep(runId, note);
        if (outcome.kind === "failed") return this.#tryLater(runId, telling);
        telling.failures = 0;
        telling.pending = telling.pending.slice(batch.length);
      }
    } while (await this.#readOn(runId, telling));
    if (!telling.isOver) return;
    this.#tellings.delete(runId);
    if (!note.isComplete) await traces.keep(runId, { ...note, isComplete: true });
  }

  /** Whether there was anything to read. */
  async #readOn(runId: RunId, telling: Telling): Promise<boolean> {
    const { offset, chronicle } = telling;
    const { entries, next } = await this.#desk.traces.read(runId, offset);
    telling.offset = next;
    telling.isOver ||= entries.some(({ event }) => event === "run_closed" || event === "run_failed");
    telling.pending = entries.flatMap((entry) => {
      const { revision, index } = entry;
      return chronicle.add(entry).map((span) => ({ span, revision, index }));
    });
    return next > offset;
  }

  async #send(batch: readonly Told[]): Promise<Outcome> {
    try {
      this.#exporter ??= this.#desk.exporter();
      const exporter = await this.#exporter;
      return await exporter.export(await Promise.all(batch.map(({ span }) => this.#desk.fill(span))));
    } catch (fault) {
      this.#exporter = undefined;
      return { kind: "failed", message: describe(fault) };
    }
  }

  #tryLater(runId: RunId, telling: Telling): void {
    telling.failures += 1;
    if (this.#closed) return;
    telling.cancelTimer?.();
    this.#tellAfter(runId, telling, Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** (telling.failures - 1)));
  }
}

type Outcome = Awaited<ReturnType<SpanExporter["export"]>>;

function sent(note: ExportNote, batch: readonly Told[]): ExportNote {
  const { revision, index } = batch.at(-1) ?? note;
  return { ...note, revision, index, exported: note.exported + batch.length };
}

function refused(
  note: ExportNote,
  { kind: _kind, ...why }: Extract<Outcome, { kind: "failed" }>,
  at: Instant,
): ExportNote {
  return { ...note, rejected: note.rejected + 1, lastFault: { ...why, at } };
}

const NOTHING: ExportNote = { version: 1, revision: -1, index: -1, exported: 0, rejected: 0 };

function isAfter(told: Told, { revision, index }: ExportNote): boolean {
  return told.revision > revision || (told.revision === revision && told.index > index);
}

/** Spans of one line stay together: how far it has come is counted in lines. */
function batchOf(pending: readonly Told[]): readonly Told[] {
  const last = pending[Math.min(pending.length, BATCH_MAX) - 1];
  const end = pending.findIndex((told) => last !== undefined && isAfter(told, { ...NOTHING, ...last }));
  return end === -1 ? pending : pending.slice(0, end);
}
