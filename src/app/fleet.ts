import { openRun, type RunPlan } from "../core/decide-run.ts";
import { type DeedEffect, isRecord } from "../core/effects.ts";
import type { Fact } from "../core/facts.ts";
import { type Instant, LEAD, type Participant, type RunId, type SessionId } from "../core/ids.ts";
import { timeIsUpAt } from "../core/policy.ts";
import { type RunState, turnOf } from "../core/run.ts";
import { FlotillaError } from "../errors.ts";
import { ARCHIVE_KEPT_MS } from "./archive-time.ts";
import { Courier } from "./courier.ts";
import { describe } from "./describe.ts";
import { findKin } from "./find-kin.ts";
import { Lane } from "./lane.ts";
import { Observer } from "./observe.ts";
import { Performer } from "./perform.ts";
import { StatusPublisher } from "./publish-status.ts";
import { QuietWatch } from "./quiet-watch.ts";
import { SessionIndex } from "./session-index.ts";
import { type SessionWatch, SessionWatches } from "./session-watch.ts";
import { PaneShow } from "./show-panes.ts";
import { sweepStatus } from "./sweep-status.ts";
import { loadOwned } from "./task-books.ts";
import { type Commit, type Prepare, type Transaction, Transactor } from "./transact.ts";
import { unreadCounter } from "./unread-counts.ts";
import { Waiters } from "./waiters.ts";
import type { World } from "./world.ts";

/** Before the end of a run that nobody leads any more is tried again: a full disk or a busy lock may need a moment. */
const END_RETRY_MS = 1_000;

/** How often a lease is renewed while something is in flight (delivery protocol, liveness). */
const RENEW_MS = 1_000;

/** What is kept of a run while it is open in this process. */
interface Desk {
  readonly courier: Courier;
  /** Looks at the run's folder and at its owner, one after another. */
  readonly looks: Lane;
  /** When the time of the run is over, and what takes the look at the clock back that is set for it. */
  endsAt: Instant;
  cancelTimer: () => void;
  readonly cancelWatch: () => void;
  /** When the owner's lease was renewed last. */
  renewedAt: Instant;
  /** This process owns the run, and what its last owner left has been taken up. */
  isOwned: boolean;
}

/**
 * The runs of one process: who sits where, whose mail is on its way, who waits for what. One a process and base folder,
 * shared by the plugin instances of all directories. It hangs the parts together and decides nothing itself: facts come
 * in through {@link observe}, commands through {@link transact}, and what follows from a commit is set going here.
 */
export class Fleet {
  readonly world: World;
  readonly index: SessionIndex = new SessionIndex();
  readonly waiters: Waiters;
  readonly panes: PaneShow;
  readonly #transactor: Transactor;
  readonly #observer: Observer;
  readonly #performer: Performer;
  readonly #watches: SessionWatches;
  readonly #desks = new Map<RunId, Desk>();
  readonly #quiet: QuietWatch;
  readonly #publisher: StatusPublisher;
  readonly #traced: (runId: RunId) => void;
  /** What goes on beside the callers, so that closing can wait for it. */
  readonly #underway = new Set<Promise<void>>();
  /** Leads whose run is being created. */
  readonly #opening = new Set<SessionId>();
  /** Runs that could not be opened, each told once. */
  readonly #unopened = new Set<RunId>();
  #closed = false;

  /** @param traced told of each change of a run that this process owns. */
  constructor(world: World, traced: (runId: RunId) => void = () => undefined) {
    this.#traced = traced;
    const report = (fault: unknown): void => this.#report(fault);
    this.world = world;
    this.waiters = new Waiters(world.clock);
    this.panes = new PaneShow(world, (runId) => this.#changed(runId));
    this.#watches = new SessionWatches(() => world.clock.now(), report);
    this.#transactor = new Transactor(world, (commit) => this.#committed(commit));
    this.#observer = new Observer(world, this.index, this.#watches, this.#transactor, {
      courier: (runId) => this.#desks.get(runId)?.courier,
      changed: (runId) => this.#changed(runId),
      leadGone: (runId) => this.#endWithoutLead(runId),
    });
    this.#quiet = new QuietWatch(
      this,
      (work) => this.#beside(work),
      (runId) => this.#publisher.rested(runId),
    );
    this.#publisher = new StatusPublisher(
      this,
      (work) => this.#beside(work),
      (runId) => this.#desks.get(runId)?.isOwned === true,
    );
    this.#performer = new Performer(world, this.#transactor, (runId) => this.#archive(runId));
  }

  /** Hands in what the host told. Returns at once. */
  observe(fact: Fact): void {
    this.#observer.observe(fact);
  }

  /** Carries out one command; rejects with the refusal. */
  transact(runId: RunId, prepare: Prepare): Promise<Transaction> {
    return this.#transactor.transact(runId, prepare);
  }

  /** Begins a run, owned by this process. */
  async openRun(plan: RunPlan): Promise<RunState> {
    const { sessionId } = plan.lead;
    // Two calls of one message run at the same time, and both have found that the session leads nothing.
    if (this.index.seat(sessionId) || this.#opening.has(sessionId)) {
      throw new FlotillaError({
        code: "already_in_a_run",
        message: `session ${sessionId} leads a run already or is about to`,
        hint: "Call team_status. Members are added with team_create once the first call has answered.",
        details: { sessionId },
      });
    }
    this.#opening.add(sessionId);
    try {
      const decision = openRun(plan, this.world.clock.now());
      const { state } = await this.#transactor.create(decision, () => this.world.ownership.take(plan.runId));
      return state;
    } finally {
      this.#opening.delete(sessionId);
    }
  }

  /**
   * Decides the end of a run; what that takes goes on beside, and the run leaves {@link index} when it is over. Rejects
   * with the refusal of a graceful end.
   */
  async closeRun(runId: RunId, force: boolean, reason: string): Promise<void> {
    // By force nobody's mail counts, and nothing that carries it is waited for.
    const unreadIn = force ? () => ({}) : await unreadCounter(this, runId);
    await this.transact(runId, async (state) => ({
      type: "close_run",
      force,
      reason,
      unread: await unreadIn(state),
    }));
  }

  /** Nobody is there to ask for it once more, so it is tried until it is decided. */
  #endWithoutLead(runId: RunId): void {
    const again = (): void => {
      if (!this.#closed && this.#desks.has(runId)) this.#endWithoutLead(runId);
    };
    const end = this.closeRun(runId, true, "the lead's session was deleted");
    this.#beside(
      end.catch((fault: unknown) => {
        this.world.clock.after(END_RETRY_MS, again);
        throw fault;
      }),
    );
  }

  /** Resolves when everything that was told of the session so far is worked in. */
  caughtUp(sessionId: SessionId): Promise<void> {
    return this.#watches.of(sessionId).lane.reached();
  }

  /** Fires when the turn that the session has now is stopped. */
  stopped(sessionId: SessionId): AbortSignal {
    return this.#watches.of(sessionId).stop.signal;
  }

  /** What this process has seen of a session. */
  watch(sessionId: SessionId): SessionWatch {
    return this.#watches.of(sessionId);
  }

  /** The courier of a run that is open in this process. */
  courier(runId: RunId): Courier | undefined {
    return this.#desks.get(runId)?.courier;
  }

  /**
   * Opens the runs that `concerns` accepts. Those that nobody alive owns are taken over: what their last owner began is
   * finished, the host is asked about mail on its way, and turns that were cut off are found. Others are followed, so that
   * their sessions are known here and a dead owner is noticed.
   */
  async adopt(concerns: (state: RunState) => boolean): Promise<void> {
    for (const runId of await this.world.runs.list()) {
      if (this.#desks.has(runId) || this.#closed) continue;
      try {
        await this.#open(runId, concerns);
      } catch (fault) {
        // One run that cannot be read stops nothing else.
        if (!this.#unopened.has(runId)) this.#report(fault);
        this.#unopened.add(runId);
      }
    }
  }

  async #open(runId: RunId, concerns: (state: RunState) => boolean): Promise<void> {
    const state = await this.world.runs.read(runId);
    if (this.#closed || !state || !concerns(state)) return;
    this.index.update(state);
    this.#serve(state);
    const looks = this.#desks.get(runId)?.looks;
    looks?.add(() => this.#claim(runId));
    await looks?.reached();
    this.#beside(this.#lookAround(state));
  }

  /** Finds what went on while nobody of ours listened: subagents, and requests that wait for an answer. */
  async #lookAround(state: RunState): Promise<void> {
    for (const [, sessionId] of sessionsOf(state)) {
      // What cannot be found of one keeps nothing from the others.
      await findKin(this.world.host, this.index, sessionId).catch((fault: unknown) => this.#report(fault));
      this.#observer.checkGates(sessionId);
    }
  }

  /** Opens the run that a session belongs to, if it is one that another process has begun meanwhile. */
  async meet(sessionId: SessionId): Promise<void> {
    if (this.index.seat(sessionId)) return;
    await this.adopt((state) => sessionsOf(state).some(([, own]) => own === sessionId));
  }

  /** Removes, beside everything else, what has been in the archive for long enough, and what is shown of runs long left. */
  sweep(): void {
    if (this.#closed) return;
    const before = this.world.clock.now() - ARCHIVE_KEPT_MS;
    this.#beside(this.world.runs.sweepArchive(before).then(() => undefined));
    this.#beside(sweepStatus(this.world, before, (runId) => this.#desks.has(runId)));
  }

  /** Resolves when nothing is going on that was started so far. */
  async drained(): Promise<void> {
    while (this.#underway.size > 0) await Promise.all(this.#underway);
    await this.#watches.drained();
    await Promise.all([...this.#desks.values()].map(({ courier }) => courier.drained()));
  }

  /** Stops all work and leaves the runs to their next owner. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#observer.close();
    const cleared = this.panes.close();
    const runs = [...this.#desks.keys()];
    const desks = runs.flatMap((runId) => this.#forget(runId) ?? []);
    // What has begun may take a lease or the run once more: after the release nobody would let go of it.
    const begun = desks.flatMap(({ courier, looks }) => [courier.close(), looks.drained()]);
    await Promise.all([...begun, this.#watches.drained()]);
    for (const runId of runs) {
      if (this.world.ownership.holds(runId)) await this.#orphan(runId);
      await this.#release(this.index.state(runId), runId);
    }
    // A terminal that does not answer keeps nobody from taking the runs.
    await cleared;
  }

  async #orphan(runId: RunId): Promise<void> {
    const { state } = await this.transact(runId, () => ({ type: "note_orphaned" }));
    await this.#publisher.close(state);
  }

  /** Everything that follows from a commit of this process, set going without anybody waiting for it. */
  #committed({ state, effects }: Commit): void {
    const { runId } = state;
    // A commit of another process that came just before this one is not told apart from it by the index any more.
    const overtaken = (this.index.state(runId)?.revision ?? 0) < state.revision - 1;
    this.index.update(state);
    if (!this.#closed) {
      const courier = this.#serve(state);
      if (overtaken) this.#learned(state);
      for (const effect of effects) if (effect.type === "put_message") courier.look(effect.message.to);
      courier.lookAtHeld();
      const deeds = effects.filter((effect): effect is DeedEffect => !isRecord(effect));
      this.#beside(this.#performer.perform(state, deeds, false));
      this.#quiet.changed(runId);
    }
    if (this.world.ownership.holds(runId)) this.#traced(runId);
    this.#changed(runId);
  }

  /** Those who look on have something new to see. */
  #changed(runId: RunId): void {
    this.#publisher.changed(runId);
    this.waiters.poke(runId);
  }

  /** Something has happened to the run's folder, or it is time to look whether its owner lives. */
  async #noticed(runId: RunId): Promise<void> {
    if (this.#closed || !this.#desks.has(runId)) return;
    const state = await this.world.runs.read(runId);
    if (!state) {
      this.#publisher.forget(runId);
      await this.#forget(runId)?.courier.close();
      this.#dismiss(runId);
      return;
    }
    if (this.#isNews(state)) await this.#catchUp(runId);
    if (!this.#desks.get(runId)?.isOwned) return this.#claim(runId);
    this.panes.look(runId);
    await this.#renew(runId);
    const atWork = sessionsAtWork(state).filter(([, sessionId]) => !this.#runsHere(runId, sessionId));
    const recounts = await this.#takeUp(runId, atWork);
    if (recounts.length > 0) this.#beside(Promise.all(recounts).then(() => this.courier(runId)?.lookAtAll()));
  }

  /** While mail is on its way, readers can see that the owner was there a moment ago. */
  async #renew(runId: RunId): Promise<void> {
    const desk = this.#desks.get(runId);
    const now = this.world.clock.now();
    // Renewing is itself a change of the folder, and is told like any other.
    if (!desk?.courier.standing.isCarrying() || now - desk.renewedAt < RENEW_MS) return;
    desk.renewedAt = now;
    await this.world.ownership.take(runId);
  }

  #isNews({ runId, revision }: RunState): boolean {
    const known = this.index.state(runId);
    return !known || revision > known.revision;
  }

  /**
   * A commit is whole when its lock is free: before that its messages and tasks may not be there, and one of this process
   * would be taken for another's and its deeds done twice.
   */
  async #catchUp(runId: RunId): Promise<void> {
    try {
      const state = await this.world.runs.exclusively(runId, (run) => run.load());
      if (!this.#desks.has(runId) || !this.#isNews(state)) return;
      this.#learned(state);
      this.#publisher.changed(runId);
    } catch (fault) {
      // Archived in the meantime, which is told by the folder's next change.
      if (!(fault instanceof FlotillaError) || fault.code !== "run_not_found") throw fault;
    }
  }

  /** Another process has committed. */
  #learned(state: RunState): void {
    this.index.update(state);
    this.#serve(state).lookAtAll();
    this.#quiet.changed(state.runId);
    this.#beside(this.#performer.perform(state, this.#transactor.pendingDeeds(state), true));
    this.waiters.poke(state.runId);
  }

  /** Takes a run over if nobody alive owns it. What fails on the way is begun anew by the next look at the run. */
  async #claim(runId: RunId): Promise<void> {
    if (this.#closed || !(await this.world.ownership.take(runId))) return;
    await this.transact(runId, () => ({ type: "note_adopted" }));
    await this.transact(runId, () => ({ type: "note_time" }));
    await this.#transactor.settleOutbox(runId);
    const state = await this.world.runs.read(runId);
    const desk = this.#desks.get(runId);
    // Archived or closed meanwhile: what is opened again now, nobody would close.
    if (!state || !desk) return;
    this.index.update(state);
    this.#beside(this.#performer.perform(state, this.#transactor.pendingDeeds(state), true));
    this.#beside(this.#performer.finishIfClosing(runId));
    const recounts = await this.#takeUp(runId, sessionsOf(state));
    this.#beside(Promise.all(recounts).then(() => desk.courier.lookAtAll()));
    desk.isOwned = true;
    this.#traced(runId);
    this.#changed(runId);
    // What came to rest before may not have been told.
    this.#quiet.changed(runId);
  }

  /**
   * Sessions whose process is gone: nobody else tells of the end of their turns, or counts what these have used. Answers
   * the counts that have begun. No mail is posted before they are done: what was used may be all that the run has.
   */
  async #takeUp(
    runId: RunId,
    sessions: readonly (readonly [Participant, SessionId])[],
  ): Promise<readonly Promise<void>[]> {
    const { leases } = this.world;
    const recounts: Promise<void>[] = [];
    for (const [, sessionId] of sessions) {
      const runsHere = this.#runsHere(runId, sessionId);
      // Another living process has seen every step of what it runs.
      if (!(await leases.take(runId, sessionId))) continue;
      recounts.push(this.#observer.recount(sessionId));
      if (!runsHere) this.#observer.checkSettled(sessionId, true);
    }
    return recounts;
  }

  /**
   * A turn of the session runs in this process. Its lease alone does not say so: an owner's courier takes what nobody runs as
   * soon as there is mail, and may be there before anybody has looked for the turn that was cut off.
   */
  #runsHere(runId: RunId, sessionId: SessionId): boolean {
    return this.world.leases.holds(runId, sessionId) && this.#watches.of(sessionId).busy === true;
  }

  /** The courier and the clocks of a run that is open in this process, made at first need. */
  #serve(state: RunState): Courier {
    const { runId } = state;
    const known = this.#desks.get(runId);
    if (known) {
      if (known.endsAt !== timeIsUpAt(state)) {
        known.cancelTimer();
        Object.assign(known, this.#watchTime(state));
      }
      return known.courier;
    }
    const courier = new Courier(runId, this.world, this.index, this.#watches, {
      giveUp: async (recipient, messages, reason) => {
        await this.transact(runId, () => ({ type: "note_undeliverable", recipient, messages, reason }));
      },
      checkSettled: (sessionId) => this.#observer.checkSettled(sessionId),
      sessionGone: (sessionId) => this.#observer.observe({ type: "session_deleted", sessionId }),
      atRest: async (member) => {
        await this.transact(runId, async (now) => ({
          type: "note_at_rest",
          member,
          book: await loadOwned(this.world, now, member),
        }));
      },
      changed: () => {
        this.#changed(runId);
        this.#quiet.changed(runId);
      },
      report: (fault) => this.#report(fault),
    });
    const looks = new Lane((fault) => this.#report(fault));
    this.#desks.set(runId, {
      courier,
      looks,
      renewedAt: this.world.clock.now(),
      // A run that was begun here has nothing to be taken up.
      isOwned: this.world.ownership.holds(runId),
      ...this.#watchTime(state),
      cancelWatch: this.world.runs.watch(runId, () => looks.addOnce(() => this.#noticed(runId))),
    });
    return courier;
  }

  #watchTime(state: RunState): Pick<Desk, "endsAt" | "cancelTimer"> {
    const { clock } = this.world;
    const endsAt = timeIsUpAt(state);
    const cancelTimer = clock.after(Math.max(endsAt - clock.now(), 0), () => {
      const desk = this.#desks.get(state.runId);
      // A timer does not go by the clock that people set.
      if (desk && clock.now() < endsAt) Object.assign(desk, this.#watchTime(state));
      else this.#beside(this.transact(state.runId, () => ({ type: "note_time" })).then(() => undefined));
    });
    return { endsAt, cancelTimer };
  }

  /** The run is over: its mail is put in order, its folder moves, and nothing of it is left in this process. */
  async #archive(runId: RunId): Promise<void> {
    // First, so that nobody here takes the run up again.
    const desk = this.#forget(runId);
    const state = this.index.state(runId);
    try {
      if (state) {
        await desk?.courier.windUp(state);
        await this.#publisher.close(state);
      }
      // From here on what its sessions still do is nobody's business.
      await this.#release(state, runId);
      await this.world.runs.archive(runId);
    } finally {
      this.#dismiss(runId);
    }
    this.sweep();
  }

  /** Stops looking after a run. */
  #forget(runId: RunId): Desk | undefined {
    const desk = this.#desks.get(runId);
    this.#desks.delete(runId);
    desk?.cancelTimer();
    desk?.cancelWatch();
    this.#quiet.forget(runId);
    return desk;
  }

  /** Forgets a run that is over. */
  #dismiss(runId: RunId): void {
    this.#beside(this.panes.end(runId));
    this.index.remove(runId);
    this.#transactor.forget(runId);
    this.#watches.keepOnly((sessionId) => this.index.seat(sessionId) !== undefined);
    this.waiters.poke(runId);
  }

  /** Lets go of what this process holds of a run. */
  async #release(state: RunState | undefined, runId: RunId): Promise<void> {
    for (const [, sessionId] of state ? sessionsOf(state) : [])
      await this.world.leases.release(runId, sessionId);
    await this.world.ownership.release(runId);
  }

  #beside(work: Promise<void>): void {
    const tracked = work
      .catch((fault: unknown) => this.#report(fault))
      .finally(() => this.#underway.delete(tracked));
    this.#underway.add(tracked);
  }

  #report(fault: unknown): void {
    this.world.host.log("error", describe(fault), fault instanceof Error ? { stack: fault.stack } : {});
  }
}

function sessionsAtWork(state: RunState): readonly (readonly [Participant, SessionId])[] {
  return sessionsOf(state).filter(([participant]) => turnOf(state, participant) !== undefined);
}

function sessionsOf(state: RunState): readonly (readonly [Participant, SessionId])[] {
  const members = Object.values(state.members).flatMap((member) =>
    member.sessionId === undefined ? [] : [[member.plan.name, member.sessionId] as const],
  );
  return [[LEAD, state.lead.sessionId], ...members];
}
