import { addressOf } from "../../core/address.ts";
import {
  advance,
  type Batch,
  EVIDENCE_DEADLINE_MS,
  isOf,
  isSpent,
  letsNextFollow,
  missed,
  unheld,
} from "../../core/delivery.ts";
import type { Participant } from "../../core/ids.ts";
import type { HoldReason } from "../../core/policy.ts";
import type { RunState } from "../../core/run.ts";
import { judge, type Verdict } from "../../core/verdict.ts";
import { notTaken } from "../../core/wording.ts";
import type { FailedCall } from "../../ports.ts";
import type { Clearance } from "./clearance.ts";
import type { Dispatch } from "./dispatch.ts";
import type { Office } from "./office.ts";
import type { Route } from "./route.ts";
import { tried } from "./tried.ts";

/** What the host's history says of a batch; `gone`: it does not know the session. */
interface Finding {
  readonly verdict: Verdict | "gone";
  readonly newestStepId?: string;
}

/** Verdicts that make something new go out, which nothing takes back. */
const SENDS_ANEW: ReadonlySet<Finding["verdict"]> = new Set<Finding["verdict"]>([
  "overlooked",
  "closed",
  "compacted",
]);

/** What a batch waits for while the turn that will see it runs: its next look is a matter of time, not of an event. */
const BUSY = "busy";

/**
 * Finds out what became of mail that nobody has told anything of, and does what follows. The host is asked and its history
 * decides; what would send something anew is believed only once all that had been told by then is worked in.
 */
export class Inspection {
  readonly #office: Office;
  readonly #clearance: Clearance;
  readonly #dispatch: Dispatch;

  constructor(office: Office, clearance: Clearance, dispatch: Dispatch) {
    this.#office = office;
    this.#clearance = clearance;
    this.#dispatch = dispatch;
  }

  /**
   * One batch, one look, if its time has come.
   *
   * @param followed newer mail is about to go out.
   */
  async look(route: Route, batch: Batch, state: RunState, followed: boolean): Promise<void> {
    if (!this.#isDue(route, batch, state, followed)) return;
    // Its turn is running: settlement is the next news, and the safety net asks for it.
    if (this.#office.isBusy(batch.sessionId) && letsNextFollow(batch.phase) && !this.#isOutOfSight(batch)) {
      route.putBack(batch);
      return;
    }
    const failed = await tried(async () => {
      await this.#inspect(route, batch, state, followed);
      return undefined;
    });
    if (failed) await this.#missed(route, batch, state, failed);
  }

  /** After a restart nobody has told us yet whether the session works. */
  async learnActivity(state: RunState, recipient: Participant): Promise<void> {
    const address = addressOf(state, recipient);
    const watch = address && this.#office.watch(address.sessionId);
    if (!watch || watch.busy !== undefined) return;
    // Unanswered it stays unknown, and the next look asks again.
    const works = await tried(() => this.#hostWorks(state, recipient));
    if (typeof works === "boolean") watch.busy ??= works;
  }

  /** Asks the host. */
  async find(batch: Batch): Promise<Finding> {
    const { host, ids } = this.#office.world;
    const transcript = await host.transcript(batch.sessionId, batch.reservedAt);
    if (!transcript) return { verdict: "gone" };
    const verdict = judge(batch, transcript, this.#office.hasWatched(batch), ids.digest);
    const newestStepId = transcript.findLast(({ role }) => role === "assistant")?.hostMessageId;
    return { verdict, ...(newestStepId === undefined ? {} : { newestStepId }) };
  }

  /**
   * Its time has come, or it was put off for something that has ended since: whoever ended it calls for a look. Or newer
   * mail is about to go out, which must not overtake what a compaction may have hidden.
   */
  #isDue({ recipient }: Route, batch: Batch, state: RunState, followed: boolean): boolean {
    const { dueAt, held, sessionId } = batch;
    if (dueAt <= this.#office.now()) return true;
    const putOff = held !== undefined && held.by !== BUSY;
    if (!putOff && !(followed && this.#isOutOfSight(batch))) return false;
    return !this.#clearance.known(state, recipient, sessionId);
  }

  /** Witnessed, not answered, and not in the newest list of the running turn: its turn was cut off, or it was compacted. */
  #isOutOfSight(batch: Batch): boolean {
    const { shown } = this.#office.watch(batch.sessionId);
    return batch.phase === "witnessed" && !shown.some((mark) => isOf(batch, mark));
  }

  async #inspect(route: Route, batch: Batch, state: RunState, followed: boolean): Promise<void> {
    // Asked before the history is read: a turn that was over by then has left its answer there.
    const busy = this.#office.isBusy(batch.sessionId) || (await this.#hostWorks(state, route.recipient));
    const { verdict, newestStepId } = await this.find(batch);
    if (!this.#isCertain(route, batch, verdict)) return;
    switch (verdict) {
      case "gone":
        await this.#dispatch.lose(route, batch);
        return;
      case "answered":
        if (!busy) await route.apply(batch, "confirm");
        else route.putBack(batch);
        return;
      case "overlooked":
        await this.#pointAt(route, await this.#noteMissed(route, batch, newestStepId), state, busy);
        return;
      case "closed":
        await this.#pointAt(route, batch, state, busy);
        return;
      case "compacted":
        await this.#dispatch.postAnew(route, batch, state);
        return;
      case "absent":
        await this.#dispatch.post(route, { ...advance(batch, "lose"), absentAt: this.#office.now() }, state);
        return;
      case "unanswered":
        if (busy) await route.putOff(advance(batch, "see"), BUSY, EVIDENCE_DEADLINE_MS);
        // It stands above what goes out now, and is read in the turn which that starts.
        else if (followed && letsNextFollow(batch.phase)) route.putBack(unheld(batch, this.#office.now()));
        else await this.#dispatch.post(route, batch, state);
        return;
    }
  }

  /** A running turn shows at its next step what is stored by then, or it ends: only one who rests is pointed at it. */
  async #pointAt(route: Route, batch: Batch, state: RunState, busy: boolean): Promise<void> {
    if (busy) await route.putOff(advance(batch, "see"), BUSY, EVIDENCE_DEADLINE_MS);
    else await this.#dispatch.remind(route, batch, state);
  }

  /** No step so far was sent it: on disk, for a next owner who has seen none of their lists. */
  async #noteMissed(route: Route, batch: Batch, stepId: string | undefined): Promise<Batch> {
    const next = missed(batch, stepId);
    if (next !== batch) await route.store(next);
    return next;
  }

  /**
   * That the model was sent the text, or has answered it, may have been told and not been worked in yet: then a look after
   * that knows better, and until then newer mail must not overtake this.
   */
  #isCertain(
    route: Route,
    { batchId, hostMessageId, sessionId }: Batch,
    verdict: Finding["verdict"],
  ): boolean {
    const { doubts } = route;
    const isWorkedIn = doubts.get(hostMessageId);
    if (isWorkedIn) doubts.delete(hostMessageId);
    if (isWorkedIn || !SENDS_ANEW.has(verdict)) return true;
    if (isWorkedIn === undefined) {
      doubts.set(hostMessageId, false);
      void this.#office
        .watch(sessionId)
        .lane.reached()
        .then(() => {
          route.lane.add(() => {
            const batch = route.loaded.find((one) => one.batchId === batchId);
            if (batch?.hostMessageId === hostMessageId) {
              doubts.set(hostMessageId, true);
              route.keep({ ...batch, dueAt: this.#office.now() });
            } else {
              doubts.delete(hostMessageId);
            }
          });
          route.look();
        });
    }
    return false;
  }

  /** The host could not be asked about a batch: an attempt, like a post that it did not take, if nothing holds the batch. */
  async #missed(route: Route, batch: Batch, state: RunState, failed: FailedCall): Promise<void> {
    if (letsNextFollow(batch.phase)) {
      // The model has seen it: whatever the host says later, nothing is posted and nothing given up.
      route.putBack(batch);
      return;
    }
    const troubled = { ...batch, lastError: failed.reason };
    const hold = await this.#standingHold(route, batch, state);
    if (hold) {
      route.holdFor(hold);
      await route.putOff(troubled, hold, state.limits.pollIntervalMs);
      return;
    }
    if (this.#office.isBusy(batch.sessionId)) {
      await route.putOff(troubled, BUSY, EVIDENCE_DEADLINE_MS);
      return;
    }
    const now = this.#office.now();
    const free = unheld(batch, now);
    const messages = await this.#office.world.mailbox.messagesOf(free);
    if (isSpent(free, now)) await this.#dispatch.giveUp(route, free, messages, notTaken(failed));
    else await this.#dispatch.failed(route, { ...free, attempts: free.attempts + 1 }, messages, failed);
  }

  /**
   * What holds a batch whose session could not be asked about. An undo is known to the host alone: that it was staged is
   * believed until the host says that it is not.
   */
  async #standingHold(
    { recipient }: Route,
    { held, sessionId }: Batch,
    state: RunState,
  ): Promise<HoldReason | undefined> {
    const hold = this.#clearance.known(state, recipient, sessionId);
    if (hold || this.#office.isBusy(sessionId) || held?.by !== "undo_staged") return hold;
    const { host } = this.#office.world;
    const undone = await tried(async () => !(await host.session(sessionId))?.undoStaged);
    return undone === true ? undefined : "undo_staged";
  }

  /** What the host says itself: a turn that has just begun may not have been worked in yet. */
  async #hostWorks(state: RunState, recipient: Participant): Promise<boolean> {
    const address = addressOf(state, recipient);
    const turn = address && (await this.#office.world.host.lastTurn(address.sessionId, address.directory));
    return turn !== undefined && turn.activity !== "idle";
  }
}
