import type { RunId } from "../core/ids.ts";
import type { RunState } from "../core/run.ts";
import type { LeftRunning, ParticipantSurvey, RunSurvey } from "../core/survey.ts";
import { describe } from "./describe.ts";
import type { Fleet } from "./fleet.ts";
import { taskRows } from "./read-tasks.ts";
import { surveyRun } from "./survey.ts";

/**
 * How long a change waits for what follows it: most come in twos and threes, and nobody can read what is there for less.
 * With the writing it stays within the 100 ms in which a reader is to see it.
 */
const CALM_MS = 60;

/** Before what could not be written is tried again without a change: a full disk may take a while. */
const TROUBLE_MS = 5_000;

/** What is shown of one run while this process owns it. */
interface Showing {
  /** There is news that has not been looked at. */
  stale: boolean;
  /** Nothing has moved for a moment: worth a look at every task, why. */
  atRest: boolean;
  /** Goes on until it is shown. */
  work: Promise<void> | undefined;
  cancelTimer: (() => void) | undefined;
  /** Requests that were open when it was looked at last; undefined before the first look, which waits for nothing either. */
  requests: string | undefined;
  /** What is shown now, by whichever process. */
  last: RunSurvey | undefined;
  leftRunning: readonly LeftRunning[];
}

/**
 * Keeps the status files of the runs that this process owns as they are. Told of every change, it writes one at a time and
 * always what is newest: a storm of changes costs as many writings as fit into its time, and none of them waits for one.
 * Whatever waits for a person is shown at once, everything else after a moment of calm. A run in which nothing happens
 * costs nothing.
 *
 * Disk trouble is told once, and everything else goes on.
 */
export class StatusPublisher {
  readonly #fleet: Fleet;
  readonly #beside: (work: Promise<void>) => void;
  readonly #mayShow: (runId: RunId) => boolean;
  readonly #showings = new Map<RunId, Showing>();
  #troubled = false;

  constructor(fleet: Fleet, beside: (work: Promise<void>) => void, mayShow: (runId: RunId) => boolean) {
    this.#fleet = fleet;
    this.#beside = beside;
    this.#mayShow = mayShow;
  }

  changed(runId: RunId): void {
    const state = this.#fleet.index.state(runId);
    if (!state || !this.#mayShow(runId)) return;
    const showing = this.#showingOf(runId);
    showing.stale = true;
    showing.atRest = false;
    if (showing.work !== undefined) return;
    if (requestsIn(state) !== showing.requests) this.#begin(runId, showing);
    else if (!showing.cancelTimer) this.#beginAfter(runId, showing, CALM_MS);
  }

  /** The run has come to rest with work left, and has stayed so for a moment. */
  rested(runId: RunId): void {
    const showing = this.#showings.get(runId);
    if (!showing || showing.work !== undefined || showing.cancelTimer) return;
    showing.atRest = true;
    this.#begin(runId, showing);
  }

  /** Shows how the run stands as this process leaves it, and is done with it. */
  async close(state: RunState): Promise<void> {
    const showing = this.#showingOf(state.runId);
    showing.cancelTimer?.();
    this.#showings.delete(state.runId);
    await showing.work;
    await this.#show(state, showing);
  }

  /** The run is gone, and what was shown of it. */
  forget(runId: RunId): void {
    this.#showings.get(runId)?.cancelTimer?.();
    this.#showings.delete(runId);
  }

  #showingOf(runId: RunId): Showing {
    const known = this.#showings.get(runId);
    if (known) return known;
    const showing: Showing = {
      stale: false,
      atRest: false,
      work: undefined,
      cancelTimer: undefined,
      requests: undefined,
      last: undefined,
      leftRunning: [],
    };
    this.#showings.set(runId, showing);
    return showing;
  }

  #beginAfter(runId: RunId, showing: Showing, ms: number): void {
    showing.cancelTimer = this.#fleet.world.clock.after(ms, () => this.#begin(runId, showing));
  }

  #begin(runId: RunId, showing: Showing): void {
    showing.cancelTimer?.();
    showing.cancelTimer = undefined;
    showing.work = this.#work(runId, showing);
    this.#beside(showing.work);
  }

  async #work(runId: RunId, showing: Showing): Promise<void> {
    showing.stale = false;
    const state = this.#fleet.index.state(runId);
    const isShown = state === undefined || (await this.#show(state, showing));
    showing.work = undefined;
    if (this.#showings.get(runId) !== showing) return;
    if (isShown && showing.last) this.#fleet.panes.show(showing.last);
    if (!isShown) this.#beginAfter(runId, showing, TROUBLE_MS);
    else if (showing.stale) this.changed(runId);
  }

  async #show(state: RunState, showing: Showing): Promise<boolean> {
    const { board } = this.#fleet.world;
    try {
      if (!showing.last) await this.#takeOver(state.runId, showing);
      showing.requests = requestsIn(state);
      const rows = showing.atRest ? await taskRows(this.#fleet.world, state) : [];
      const survey = withMemory(await surveyRun(this.#fleet, state, rows), showing);
      await board.show(survey);
      showing.last = survey;
      this.#troubled = false;
      return true;
    } catch (fault) {
      if (!this.#troubled) {
        this.#log("status files are not up to date, team_status is", { fault: describe(fault) });
      }
      this.#troubled = true;
      return false;
    }
  }

  /** What the process before has shown, and what it has left behind. */
  async #takeOver(runId: RunId, showing: Showing): Promise<void> {
    const before = await this.#fleet.world.board.shown(runId);
    showing.last = before?.survey;
    showing.leftRunning = before?.leftRunning ?? [];
    if (showing.leftRunning.length === 0) return;
    this.#log("what a process that died had started still runs", { runId, processes: showing.leftRunning });
  }

  #log(text: string, fields: Readonly<Record<string, unknown>>): void {
    this.#fleet.world.host.log("warn", text, fields);
  }
}

/** What waits for a person, to tell whether anything has come or gone. */
function requestsIn({ lead, members }: RunState): string {
  return [lead, ...Object.values(members)]
    .flatMap(({ gates }) => gates.map(({ requestId }) => requestId))
    .join(" ");
}

/** A sign of life that was seen stays seen, though the process that saw it is gone. */
function withMemory(survey: RunSurvey, { last, leftRunning }: Showing): RunSurvey {
  const before = new Map(last ? [last.lead, ...last.members].map((one) => [one.participant, one]) : []);
  const remember = (one: ParticipantSurvey): ParticipantSurvey => {
    const known = before.get(one.participant);
    if (known?.generation !== one.generation || known.lastActivityAt <= one.lastActivityAt) return one;
    return { ...one, lastActivityAt: known.lastActivityAt };
  };
  return {
    ...survey,
    lead: remember(survey.lead),
    members: survey.members.map(remember),
    ...(leftRunning.length === 0 ? {} : { leftRunning }),
  };
}
