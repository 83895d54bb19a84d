import type { Instant, Participant, RunId, SessionId } from "../core/ids.ts";
import type { RunSurvey } from "../core/survey.ts";
import { describe } from "./describe.ts";
import { Lane } from "./lane.ts";
import { PaneStage } from "./pane-stage.ts";
import type { Terminal, World } from "./world.ts";

/** How soon a pane that a person closed, or a window that was resized, is noticed: no event tells of either. */
const LOOK_EVERY_MS = 3_000;

/** Before a terminal that did not answer is asked once more to close what is shown of a run that is over. */
const CLEAR_RETRY_MS = 15_000;

interface Showing {
  readonly stage: PaneStage;
  /** One thing at a time is done to a run's panes. */
  readonly lane: Lane;
  lookedAt: Instant;
}

/**
 * A pane for each member of the runs that this process owns. It follows what is surveyed and is in nobody's way: no turn, tool or
 * commit waits for it, and what fails here is told and changes nothing else.
 */
export class PaneShow {
  readonly #world: World;
  readonly #changed: (runId: RunId) => void;
  readonly #server: string;
  readonly #showings = new Map<RunId, Showing>();
  #closed = false;

  /** @param changed told when {@link report} has something new to say. */
  constructor(world: World, changed: (runId: RunId) => void) {
    this.#world = world;
    this.#changed = changed;
    this.#server = world.ids.fresh("show");
  }

  /** Shows the members of a run as the survey has them. */
  show(survey: RunSurvey): void {
    const { terminal } = this.#world;
    if (this.#closed || !terminal?.isWanted(survey.directory)) return;
    const showing = this.#showingOf(survey, terminal);
    showing.stage.survey = survey;
    showing.lane.addOnce(() => this.#arrange(survey.runId, showing));
  }

  /** Looks whether somebody has changed something in the terminal; now and then is enough. */
  look(runId: RunId): void {
    const showing = this.#showings.get(runId);
    if (showing && this.#world.clock.now() - showing.lookedAt >= LOOK_EVERY_MS)
      showing.lane.addOnce(() => this.#arrange(runId, showing));
  }

  /** How a session is shown; undefined where nobody wants to see any. */
  report(runId: RunId, participant: Participant, sessionId: SessionId | undefined): string | undefined {
    if (sessionId === undefined) return undefined;
    return this.#showings.get(runId)?.stage.report(participant, sessionId);
  }

  /** Closes what is shown of a run. */
  async end(runId: RunId): Promise<void> {
    const showing = this.#showings.get(runId);
    if (!showing) return;
    this.#showings.delete(runId);
    showing.stage.leave();
    showing.lane.add(() => this.#clear(showing));
    await showing.lane.drained();
  }

  /** Closes everything, and shows nothing any more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#showings.keys()].map((runId) => this.end(runId)));
  }

  /** Panes end with this process. Until then nobody but it closes those of a run that is over. */
  async #clear(showing: Showing): Promise<void> {
    const { stage, lane } = showing;
    const again = (): void => {
      if (!this.#closed) lane.add(() => this.#clear(showing));
    };
    try {
      await stage.clear();
    } catch (fault) {
      this.#world.clock.after(CLEAR_RETRY_MS, again);
      throw fault;
    }
  }

  #showingOf(survey: RunSurvey, terminal: Terminal): Showing {
    const known = this.#showings.get(survey.runId);
    if (known) return known;
    const showing: Showing = {
      stage: new PaneStage(this.#world, terminal, this.#server, survey),
      lane: new Lane((fault) => this.#world.host.log("warn", `panes: ${describe(fault)}`)),
      lookedAt: 0,
    };
    this.#showings.set(survey.runId, showing);
    return showing;
  }

  async #arrange(runId: RunId, showing: Showing): Promise<void> {
    // Ended while this waited for its turn.
    if (this.#showings.get(runId) !== showing) return;
    const { stage } = showing;
    showing.lookedAt = this.#world.clock.now();
    const before = reports(stage);
    if (this.#world.ownership.holds(runId)) await stage.arrange();
    else await stage.clear();
    if (reports(stage) !== before) this.#changed(runId);
  }
}

function reports(stage: PaneStage): string {
  return stage.survey.members
    .map(({ participant, sessionId = "" }) => stage.report(participant, sessionId) ?? "")
    .join("\n");
}
