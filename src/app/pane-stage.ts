import type { MemberName, Participant, SessionId } from "../core/ids.ts";
import { labelOf, marked, nextAct, type PaneAct, type Wanted, type Window } from "../core/pane-plan.ts";
import { isEnded } from "../core/run.ts";
import type { RunSurvey } from "../core/survey.ts";
import { FlotillaError } from "../errors.ts";
import type { Gangway } from "../ports.ts";
import { describe } from "./describe.ts";
import type { Terminal, World } from "./world.ts";

/** What was refused is tried again after this: the person may have made room. */
const RETRY_MS = 15_000;

/** Each act brings what is there nearer to what is wanted; after so many, somebody undoes what we do. */
const ACTS_MAX = 512;

/** A pane of ours as it was seen last. */
interface ShownPane {
  /** Absent while it is open and has not been seen. */
  readonly paneId?: string;
  readonly ended?: string;
}

/**
 * What is shown of one run. Everything that is so is looked up anew in the terminal; only what cannot be seen there is
 * remembered: what a person has closed, and what could not be done.
 */
export class PaneStage {
  readonly #world: Pick<World, "clock" | "host">;
  readonly #terminal: Terminal;
  /** Tells our panes from those that an earlier life of this process, or another process, has left. */
  readonly #server: string;
  #survey: RunSurvey;
  /** Open while there are panes. */
  #gangway: Gangway | undefined;
  readonly #fitted = new Map<string, string>();
  #shown: ReadonlyMap<SessionId, ShownPane> = new Map();
  /** Sessions whose pane is gone though it was not closed here, and how it went. */
  readonly #dismissed = new Map<SessionId, string>();
  /** Why members have no pane, and until when it is not tried again. */
  readonly #without = new Map<MemberName, { readonly reason: string; readonly until: number }>();
  /** What a person was told already. */
  readonly #told = new Set<string>();
  #isLeaving = false;

  constructor(world: Pick<World, "clock" | "host">, terminal: Terminal, server: string, survey: RunSurvey) {
    this.#world = world;
    this.#terminal = terminal;
    this.#server = server;
    this.#survey = survey;
  }

  get survey(): RunSurvey {
    return this.#survey;
  }

  set survey(survey: RunSurvey) {
    this.#survey = survey;
  }

  report(participant: Participant, sessionId: SessionId): string | undefined {
    const missing = this.#without.get(participant);
    if (missing) return `none: ${missing.reason}`;
    const dismissed = this.#dismissed.get(sessionId);
    if (dismissed) return `none: ${dismissed}`;
    const pane = this.#shown.get(sessionId);
    return pane && (pane.ended === undefined ? pane.paneId : `${pane.paneId}: ${pane.ended}`);
  }

  /** Brings what is there to what is wanted, as far as it can be. */
  async arrange(): Promise<void> {
    const { home } = this.#terminal.panes;
    if ("reason" in home) {
      this.#miss(names(this.#members()), home.reason);
      return;
    }
    try {
      await this.#settle(home.paneId);
    } catch (fault) {
      if (!isPaneFailure(fault)) throw fault;
      // With their terminal all panes are gone, and no person has closed them.
      if (fault.details["gone"] === true) this.#shown = new Map();
      this.#miss(names(this.#members()), fault.message);
    }
    if (this.#shown.size === 0) await this.#closeGangway();
  }

  /** Nothing is to be shown any more: what is being arranged ends with the act that is under way. */
  leave(): void {
    this.#isLeaving = true;
  }

  /**
   * Closes what this life of the process shows, and nothing that another one may have opened meanwhile. What fails of it can be
   * done once more.
   */
  async clear(): Promise<void> {
    if (!this.#gangway && this.#shown.size === 0) return;
    try {
      const windows = await this.#terminal.panes.look();
      const panes = windows.flatMap((window) => marked(window, this.#survey.runId));
      const own = panes.filter(({ mark }) => mark.server === this.#server);
      if (own.length > 0) await this.#terminal.panes.perform({ kind: "close", panes: own });
      this.#shown = new Map();
    } catch (fault) {
      if (!isPaneFailure(fault) || fault.details["gone"] !== true) throw fault;
      this.#shown = new Map();
    } finally {
      await this.#closeGangway();
    }
  }

  async #settle(home: string): Promise<void> {
    const { panes } = this.#terminal;
    for (let acts = 0; acts < ACTS_MAX && !this.#isLeaving; acts += 1) {
      const windows = await panes.look();
      this.#note(windows);
      const { act, without } = nextAct(windows, {
        runId: this.#survey.runId,
        server: this.#server,
        home,
        wanted: this.#members().filter(
          ({ member, sessionId }) => !this.#dismissed.has(sessionId) && !this.#without.has(member),
        ),
        fitted: this.#fitted,
      });
      if (without) this.#miss(without.members, without.reason);
      if (!act) return;
      // First: it may be carried out by a terminal that does not answer in time.
      if (act.kind === "close") this.#forget(act.panes.map(({ mark }) => mark.sessionId));
      if (act.kind === "open") await this.#open(act);
      else await panes.perform(act);
      if (act.kind === "fit") this.#fitted.set(act.windowId, act.fitted);
    }
  }

  async #open(act: Extract<PaneAct, { kind: "open" }>): Promise<void> {
    const { panes, pid, openGangway } = this.#terminal;
    const { member, sessionId, directory } = act.wanted;
    try {
      this.#gangway ??= await openGangway();
      await panes.open(act, {
        mark: { runId: this.#survey.runId, member, sessionId, server: this.#server },
        owner: pid,
        windowName: this.#survey.team,
        command: this.#gangway.command(sessionId, directory),
        environment: this.#gangway.environment,
      });
      this.#shown = new Map(this.#shown).set(sessionId, {});
    } catch (fault) {
      const reason = isPaneFailure(fault) ? fault.message : describe(fault);
      this.#miss([member], reason, this.#world.clock.now() + RETRY_MS);
    }
  }

  /**
   * Takes over what is to be seen. What was there and is not, a person has closed; what has never been seen has ended by
   * itself, and would again.
   */
  #note(windows: readonly Window[]): void {
    const now = this.#world.clock.now();
    for (const [member, { until }] of this.#without) if (until <= now) this.#without.delete(member);
    const shown = new Map<SessionId, ShownPane>();
    for (const { paneId, mark, ended } of windows.flatMap((window) => marked(window, this.#survey.runId))) {
      if (mark.server !== this.#server) continue;
      shown.set(mark.sessionId, { paneId, ...(ended === undefined ? {} : { ended }) });
      if (ended !== undefined) this.#tell(`The pane of ${mark.member}: ${ended}.`);
    }
    for (const [sessionId, { paneId }] of this.#shown) {
      const how = paneId === undefined ? "it was gone as soon as it was open" : "it was closed by the person";
      if (!shown.has(sessionId)) this.#dismissed.set(sessionId, how);
    }
    this.#shown = shown;
  }

  /** Closed by us, and by no person. */
  #forget(sessions: readonly SessionId[]): void {
    this.#shown = new Map([...this.#shown].filter(([sessionId]) => !sessions.includes(sessionId)));
  }

  #miss(members: readonly MemberName[], reason: string, until = 0): void {
    for (const member of members) this.#without.set(member, { reason, until });
    if (members.length > 0) this.#tell(`No pane for members of ${this.#survey.team}: ${reason}.`);
  }

  /** Once, on whatever screen the host has. */
  #tell(text: string): void {
    if (this.#told.has(text)) return;
    this.#told.add(text);
    const { host } = this.#world;
    host.log("warn", text);
    void host.toast(this.#survey.directory, "warning", text);
  }

  #members(): readonly Wanted[] {
    return this.#survey.members.flatMap(
      ({ participant, sessionId, status, directory }): readonly Wanted[] => {
        if (sessionId === undefined || isEnded(status)) return [];
        return [{ member: participant, sessionId, directory, label: labelOf(participant, status) }];
      },
    );
  }

  async #closeGangway(): Promise<void> {
    const gangway = this.#gangway;
    this.#gangway = undefined;
    await gangway?.close();
  }
}

function names(members: readonly Wanted[]): readonly MemberName[] {
  return members.map(({ member }) => member);
}

function isPaneFailure(fault: unknown): fault is FlotillaError {
  return fault instanceof FlotillaError && fault.code === "pane_failed";
}
